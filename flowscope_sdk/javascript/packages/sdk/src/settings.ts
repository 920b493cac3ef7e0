/** Every setting of the SDK in one table: from init(), the environment or a file. A bad value only warns. */

import { warnOnce } from "./guard"
import type { Redaction } from "./mask"
import { parseAddr } from "./protocol/address"
import { settingsFile } from "./settings-file"
import type { SettingsFile } from "./settings-file"

/** How much is recorded: all, no inputs and outputs, or only spans that fail. */
export type CaptureLevel = "full" | "metadata" | "errors"

/** What init() takes; what is left out stays as the environment or the settings file says, or at its default. */
export interface InitOptions {
  /** Where to push: `tcp://HOST:PORT[?key=KEY]` or `ipc://PATH`, several comma-separated; `file:///PATH` records to a session file; `off`. */
  addr?: string
  /** Session id of the spans; by default one per process start. */
  sessionId?: string
  /** Operations to record, as glob patterns; none means every operation. */
  include?: string | readonly string[]
  /** Operations not to record, as glob patterns; what they call is recorded as their caller's. */
  exclude?: string | readonly string[]
  /** How much is recorded. */
  capture?: CaptureLevel
  /** Share of root spans kept (0 to 1), each with all that is below it. */
  sample?: number
  /** Longest input or output kept, in bytes or as text such as `1MiB`; a longer one is cut, its length and hash kept. */
  maxValue?: number | string
  /**
   * Mask secrets before they leave the process. A function is given each value that would leave, with secrets masked, as
   * plain values of JSON, and what it returns leaves instead; it runs on the program's own thread.
   */
  redact?: boolean | Redaction
  /** Spans kept in memory until they are stored, in bytes or as text; beyond it the oldest are dropped and counted. */
  buffer?: number | string
  /** Seconds that exit may wait for spans to be stored. */
  flushTimeout?: number
  /** The SDK's own log on standard error. */
  debug?: boolean
  /** Frameworks that `@flowscope/auto-langchain` instruments: names, `"all"` or `"none"`. */
  autoTrace?: string | readonly string[] | boolean
}

/** The settings in force. Sizes in bytes, times in seconds. */
export interface Config {
  addr: string
  sessionId: string
  include: string[]
  exclude: string[]
  capture: CaptureLevel
  sample: number
  maxValue: number
  redact: boolean | Redaction
  buffer: number
  flushTimeout: number
  debug: boolean
  autoTrace: string[]
}

interface Setting {
  readonly name: keyof Config
  readonly env: string
  readonly standard: string
  readonly parse: (value: unknown) => unknown
}

/** One row a setting: its name in init(), its environment variable, its default as one would write it. */
export const SETTINGS: readonly Setting[] = [
  { name: "addr", env: "FLOWSCOPE_ADDR", standard: "tcp://127.0.0.1:3569", parse: address },
  { name: "sessionId", env: "FLOWSCOPE_SESSION", standard: "", parse: session },
  { name: "include", env: "FLOWSCOPE_INCLUDE", standard: "", parse: names },
  { name: "exclude", env: "FLOWSCOPE_EXCLUDE", standard: "", parse: names },
  { name: "capture", env: "FLOWSCOPE_CAPTURE", standard: "full", parse: level },
  { name: "sample", env: "FLOWSCOPE_SAMPLE", standard: "1.0", parse: share },
  { name: "maxValue", env: "FLOWSCOPE_MAX_VALUE", standard: "1MiB", parse: size },
  { name: "redact", env: "FLOWSCOPE_REDACT", standard: "on", parse: redaction },
  { name: "buffer", env: "FLOWSCOPE_BUFFER", standard: "32MiB", parse: size },
  { name: "flushTimeout", env: "FLOWSCOPE_FLUSH_TIMEOUT", standard: "2", parse: seconds },
  { name: "debug", env: "FLOWSCOPE_DEBUG", standard: "off", parse: onOff },
  { name: "autoTrace", env: "FLOWSCOPE_AUTO", standard: "all", parse: frameworks },
]

/** The settings: `changes` before the environment before the settings file before the defaults. */
export function load(changes: InitOptions, environment: NodeJS.ProcessEnv = process.env, file: SettingsFile = settingsFile()): Config {
  const values: Record<string, unknown> = {}
  const written = known(file)
  for (const { name, env, standard, parse } of SETTINGS) {
    values[name] = parse(standard)
    const sources: readonly (readonly [string, unknown])[] = [
      [`init({ ${name} })`, changes[name]],
      [env, environment[env] || undefined],
      [`${file.path}: ${name}`, written[name]],
    ]
    const given = sources.find(([, sent]) => sent !== undefined && sent !== null)
    if (given === undefined) continue
    try {
      values[name] = parse(given[1])
    } catch (error) {
      const instead = name === "addr" ? "tracing is off" : `using ${standard || "none"}`
      warnOnce(`${given[0]}: ${(error as Error).message}; ${instead}`)
      if (name === "addr") values.addr = "off"
    }
  }
  return values as unknown as Config
}

/** What a settings file says, under the names of init(); it may be written with the names of other languages' SDKs. */
function known(file: SettingsFile): Record<string, unknown> {
  const names = new Map<string, string>([["auto", "autoTrace"]])
  for (const { name } of SETTINGS) for (const each of [name, name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)]) names.set(each, name)
  const found: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(file.settings)) {
    const name = names.get(key)
    if (name === undefined) warnOnce(`${file.path}: ${shown(key)} is not a setting; known are ${SETTINGS.map((each) => each.name).join(", ")}`)
    else found[name] = value
  }
  return found
}

function address(value: unknown): string {
  const text = String(value).trim()
  parseAddr(text)
  return text
}

function session(value: unknown): string {
  const text = String(value).trim()
  if ([...text].length > 256) throw new Error("a session id has at most 256 characters")
  return text
}

function names(value: unknown): string[] {
  const items = Array.isArray(value) ? value : String(value).split(",")
  return items.map((item) => String(item).trim()).filter(Boolean)
}

function frameworks(value: unknown): string[] {
  if (typeof value === "boolean") return value ? ["all"] : []
  const found = names(value).map((name) => name.toLowerCase())
  if (found.includes("none") || found.includes("off")) return []
  return found.includes("all") ? ["all"] : found
}

function level(value: unknown): CaptureLevel {
  const text = String(value).trim().toLowerCase()
  if (text === "full" || text === "metadata" || text === "errors") return text
  throw new Error(`${shown(value)} is not one of full, metadata, errors`)
}

function share(value: unknown): number {
  return numberWithin(value, 1, "a number from 0 to 1")
}

function seconds(value: unknown): number {
  return numberWithin(value, 3600, "a number of seconds")
}

function numberWithin(value: unknown, most: number, what: string): number {
  const number = typeof value === "number" ? value : String(value).trim() === "" ? NaN : Number(value)
  if (!(number >= 0 && number <= most)) throw new Error(`${shown(value)} is not ${what}`)
  return number
}

function size(value: unknown): number {
  const found = /^(\d+(?:\.\d+)?)\s*(?:([kmg])i?b?|b)?$/i.exec(String(value).trim())
  const unit = { "": 1, k: 1 << 10, m: 1 << 20, g: 1 << 30 }[(found?.[2] ?? "").toLowerCase()] ?? 1
  const bytes = found ? Math.floor(Number(found[1]) * unit) : 0
  if (!(bytes > 0)) throw new Error(`${shown(value)} is not a size such as 1MiB`)
  return bytes
}

function onOff(value: unknown): boolean {
  const text = String(value).trim().toLowerCase()
  if (["1", "on", "true", "yes"].includes(text)) return true
  if (["0", "off", "false", "no"].includes(text)) return false
  throw new Error(`${shown(value)} is neither on nor off`)
}

function redaction(value: unknown): boolean | Redaction {
  return typeof value === "function" ? (value as Redaction) : onOff(value)
}

function shown(value: unknown): string {
  return JSON.stringify(String(value)).slice(0, 80)
}
