/** Runs in Node's thread for loading: adds the line that hands over what an instrumented ES module gives out. */

import own from "./handover.js"

interface Loaded {
  format?: string | null
  source?: string | ArrayBuffer | Uint8Array | null
}

/** Node's hook. */
export async function load(url: string, context: unknown, next: (url: string, context: unknown) => Promise<Loaded>): Promise<Loaded> {
  const loaded = await next(url, context)
  if (loaded.format !== "module" || !loaded.source) return loaded
  const line = own.lineFor(url)
  return line === "" ? loaded : { ...loaded, source: own.textOf(loaded.source) + line }
}
