/** Runs in Node's thread for loading: changes the source of an instrumented ES module. */

import own from "./handover.js"

interface Loaded {
  format?: string | null
  source?: string | ArrayBuffer | Uint8Array | null
}

/** Node's hook. */
export async function load(url: string, context: unknown, next: (url: string, context: unknown) => Promise<Loaded>): Promise<Loaded> {
  const loaded = await next(url, context)
  if (loaded.format !== "module" || !loaded.source) return loaded
  return own.fileOf(url) === "" ? loaded : { ...loaded, source: own.moduleSource(url, own.textOf(loaded.source)) }
}
