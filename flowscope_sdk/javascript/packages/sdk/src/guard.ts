/** Nothing that goes wrong inside FlowScope reaches the program: errors are swallowed, and told on request. */

import { writeSync } from "node:fs"

const said = new Set<string>()
let debugging = false

/** Set by init({ debug: true }). */
export function setDebug(on: boolean): void {
  debugging = on
}

/** Swallow what went wrong in FlowScope's own `where`; FLOWSCOPE_RAISE=1 (our tests) throws it instead. */
export function failed(where: string, error: unknown): void {
  if (process.env.FLOWSCOPE_RAISE === "1") throw error
  log(`${where}: ${errorText(error)}`)
}

/** Write one line on standard error if FLOWSCOPE_DEBUG asks for it. */
export function log(text: string): void {
  if (debugging || isOn(process.env.FLOWSCOPE_DEBUG ?? "")) write(text)
}

/** Write one line on standard error, whatever the settings; the same line never twice in a process. */
export function warnOnce(text: string): void {
  if (said.has(text)) return
  said.add(text)
  write(text)
}

/** What an error says, whatever reading it does. */
export function errorText(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  } catch {
    return "(its text can't be read)"
  }
}

/** Whether a switch is written as on. */
export function isOn(text: string): boolean {
  return ["1", "on", "true", "yes"].includes(text.trim().toLowerCase())
}

function write(text: string): void {
  try {
    // Not process.stderr: that is the program's own stream object, and a worker's is written by the main thread.
    writeSync(2, `flowscope: ${text}\n`)
  } catch {
    // Closed or full: then nobody reads it.
  }
}
