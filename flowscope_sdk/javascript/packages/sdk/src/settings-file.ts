/**
 * The settings file: `flowscope.json`, or the member `flowscope` of `package.json`, from the working directory upwards.
 *
 * Looked for once a thread, and only in a program that FlowScope is attached to.
 */

import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs"
import { dirname, join } from "node:path"
import { errorText, warnOnce } from "./guard"

/** A file that was found, and the settings in it as they stand there; an empty path and none where there is no file. */
export interface SettingsFile {
  readonly path: string
  readonly settings: Readonly<Record<string, unknown>>
}

const OWN = "flowscope.json"
const SHARED = "package.json"
const MOST = 1 << 20
const NONE: SettingsFile = { path: "", settings: {} }
let found: SettingsFile | undefined

/** The file that counts in this thread. Never throws. */
export function settingsFile(): SettingsFile {
  if (found === undefined) {
    try {
      found = search(process.cwd())
    } catch {
      found = NONE // the working directory is gone
    }
  }
  return found
}

/** The file that counts in a folder. */
export function search(folder: string): SettingsFile {
  for (let here = folder; ; here = dirname(here)) {
    for (const name of [OWN, SHARED]) {
      const path = join(here, name)
      const settings = existsSync(path) ? read(path, name === OWN) : undefined
      if (settings !== undefined) return { path, settings }
    }
    if (dirname(here) === here) return NONE
  }
}

/** Undefined where the search goes on: a package that says nothing of FlowScope, or a file that is not to be used. */
function read(path: string, own: boolean): Record<string, unknown> | undefined {
  try {
    const text = content(path)
    if (text === undefined || (!own && !text.includes("flowscope"))) return undefined
    const whole: unknown = JSON.parse(text)
    const settings: unknown = own ? whole : (whole as { flowscope?: unknown } | null)?.flowscope
    if (!own && settings === undefined) return undefined
    if (typeof settings !== "object" || settings === null || Array.isArray(settings)) throw new Error(own ? "it holds no object" : "flowscope is not an object")
    return settings as Record<string, unknown>
  } catch (error) {
    warnOnce(`${path}: ${errorText(error).replace(/\s+/g, " ")}; it is left out`)
    return own ? {} : undefined
  }
}

function content(path: string): string | undefined {
  const file = openSync(path, "r")
  try {
    const about = fstatSync(file)
    if (!about.isFile()) return undefined
    // Whoever can write it says where the traces go, so it is taken from the program's own user alone.
    if (process.getuid !== undefined && about.uid !== process.getuid() && about.uid !== 0) {
      warnOnce(`${path} belongs to another user; it is left out`)
      return undefined
    }
    const data = Buffer.alloc(MOST + 1)
    let size = 0
    for (let more = 1; more > 0 && size <= MOST; size += more) more = readSync(file, data, size, data.length - size, null)
    if (size > MOST) throw new Error("it is longer than 1 MiB")
    return data.toString("utf8", 0, size).replace(/^\ufeff/, "")
  } finally {
    closeSync(file)
  }
}
