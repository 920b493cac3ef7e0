/** Sees the files that are instrumented when they are loaded, whichever way, and those that are loaded already. */

import { existsSync, readFileSync, realpathSync } from "node:fs"
import Module from "node:module"
import { dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { api } from "@flowscope/sdk/instrument"
import { FILES, commonJsSource, fileOf, moduleSource, textOf } from "./handover"
import { patchFile, patchKnown, patchMade } from "./targets"
import type { Exports } from "./targets"

/** Under this symbol an ES module hands over what it gives out: see hooks.mts. */
const HOOK = Symbol.for("flowscope.auto.loaded")
/** And under this one a class tells of what is made of it. */
const MADE = Symbol.for("flowscope.auto.made")

type Compile = (this: { exports: unknown }, content: string, filename: string, ...rest: unknown[]) => unknown

/** CommonJS: after a file has run, and what has run before. */
export function watchCommonJs(): void {
  ;(globalThis as unknown as Record<symbol, unknown>)[MADE] = patchMade
  const proto = (Module as unknown as { prototype: { _compile: Compile } }).prototype
  const original = proto._compile
  proto._compile = function (content, filename, ...rest) {
    const known = typeof filename === "string"
    const result: unknown = Reflect.apply(original, this, [known && typeof content === "string" ? commonJsSource(filename, content) : content, filename, ...rest])
    if (known) patchFile(filename, this.exports as Exports)
    return result
  }
  const cache = (Module as unknown as { _cache: Record<string, { exports?: unknown } | undefined> })._cache
  for (const file of Object.keys(cache)) patchFile(file, (cache[file]?.exports ?? {}) as Exports)
}

/** ES modules: by their source, from which they hand over what they give out. */
export function watchEsm(): void {
  ;(globalThis as unknown as Record<symbol, unknown>)[HOOK] = patchKnown
  try {
    const module = Module as unknown as { registerHooks?(hooks: unknown): unknown; register?(file: string, parent: string): unknown }
    if (module.registerHooks) module.registerHooks({ load: loadSync })
    else module.register?.("./hooks.mjs", pathToFileURL(join(__dirname, "x")).href)
  } catch (error) {
    api.failed("module.register", error)
  }
}

type Loaded = { format?: string; source?: string | ArrayBuffer | Uint8Array | null }

function loadSync(url: string, context: unknown, next: (url: string, context: unknown) => Loaded): Loaded {
  const loaded = next(url, context)
  if (loaded.format !== "module" || !loaded.source || fileOf(url) === "") return loaded
  return { ...loaded, source: moduleSource(url, textOf(loaded.source)) }
}

/**
 * A program that imports this package itself has its other static imports loaded already, past our hooks, though they
 * have not run: those that its folders hold are imported now, so that they are instrumented before it runs.
 */
export async function patchLoadedEsm(): Promise<void> {
  const main = process.argv[1]
  if (main === undefined || isPreloaded() || !existsSync(main)) return
  for (const file of esmFiles(dirname(realpathSync(main)))) {
    try {
      patchFile(file, (await importFile(pathToFileURL(file).href)) as Exports)
    } catch (error) {
      api.log(`${file}: ${String(error)}`)
    }
  }
}

// As it stands: the compiler would make a require() of an import().
const importFile = (url: string): Promise<unknown> => import(url)

function isPreloaded(): boolean {
  return [...process.execArgv, process.env.NODE_OPTIONS ?? ""].some((word) => word.includes("auto-langchain"))
}

/** Our files' ES modules in the folders in which a program of `folder` looks for packages: of each package the nearest. */
function esmFiles(folder: string): string[] {
  const found: string[] = []
  const seen = new Set<string>()
  for (let here = folder; ; here = dirname(here)) {
    for (const name of ["@langchain/core", "openai", "@anthropic-ai/sdk"]) {
      const root = join(here, "node_modules", name)
      if (seen.has(name) || !existsSync(root)) continue
      seen.add(name)
      for (const file of Object.keys(FILES)) if (file.startsWith(`${name}/`)) found.push(...esmFile(join(here, "node_modules", file), root))
    }
    if (dirname(here) === here) return found
  }
}

function esmFile(stem: string, root: string): string[] {
  if (existsSync(`${stem}.mjs`)) return [realpathSync(`${stem}.mjs`)]
  return existsSync(`${stem}.js`) && isModule(root) ? [realpathSync(`${stem}.js`)] : []
}

function isModule(root: string): boolean {
  try {
    return (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { type?: unknown }).type === "module"
  } catch {
    return false
  }
}
