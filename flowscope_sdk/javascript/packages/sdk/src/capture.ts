/** A value as JSON, at the moment of the call: immutable, bounded, and whatever the value does when it is looked at. */

import { createHash } from "node:crypto"
import { Walk } from "./walk"

const DEFAULT_LIMIT = 1 << 20
/** Text beyond this is not looked at: reading it would keep the program waiting. */
const MOST_TEXT = 32 << 20
/** A plain value of more members goes the careful way, which stops there. */
const MOST_NODES = 100_000
const MOST_DEPTH = 40
const CONTROL = /[\u0000-\u001f]/
const CONTROLS = /[\u0000-\u001f]/g
const HALVES = /[\ud800-\udfff]/gu
const MOST_KEYS = 4096

/** Keys as JSON has them: most are seen again. */
const keys = new Map<string, string>()

let limit = DEFAULT_LIMIT
let nodes = 0
let characters = 0

/** JSON of a value that was too long: `length` in bytes and `sha256` are those of its whole JSON. */
export class Cut {
  constructor(
    readonly json: string,
    readonly length: number,
    readonly sha256: string,
  ) {}
}

/** What a snapshot is. */
export type Snapshot = string | Cut

/** Set the longest JSON in bytes (FLOWSCOPE_MAX_VALUE). */
export function setLimit(bytes: number): void {
  limit = bytes
}

/** Longest JSON in bytes. */
export function currentLimit(): number {
  return limit
}

/** `value` as JSON, a Cut if that exceeds `most` bytes (FLOWSCOPE_MAX_VALUE); undefined of undefined. Never throws. */
export function snapshot(value: unknown, most = limit): Snapshot | undefined {
  if (value === undefined) return undefined
  try {
    nodes = characters = 0
    const json = simple(value, 0)
    if (json !== "" && characters <= MOST_TEXT) {
      return fits(json, most) ? json : cut(value, valid(json), most)
    }
  } catch {
    // The value's own code may have run, and thrown.
  }
  try {
    const json = new Walk(MOST_TEXT, MOST_NODES).json(value)
    return fits(json, most) ? json : cut(value, json, most)
  } catch {
    return '"(could not be captured)"'
  }
}

/** The JSON of a snapshot. */
export function jsonOf(taken: Snapshot): string {
  return typeof taken === "string" ? taken : taken.json
}

/** The JSON of a snapshot as every reader of JSON takes it: what simple() leaves as it is becomes escapes. */
export function valid(json: string): string {
  const escaped = CONTROL.test(json) ? json.replace(CONTROLS, (letter) => `\\u${hex(letter)}`) : json
  return escaped.replace(HALVES, (half) => `\\\\u${hex(half)}`)
}

/** What a snapshot holds, as plain values. */
export function valueOf(taken: Snapshot | undefined): unknown {
  return taken === undefined ? undefined : JSON.parse(valid(jsonOf(taken)))
}

function hex(letter: string): string {
  return letter.charCodeAt(0).toString(16).padStart(4, "0")
}

/**
 * JSON of a value that has no code of its own; "" of any other. Faster than JSON.stringify for what is small, as it leaves
 * control characters other than line breaks, and halves of letters, as they are: see valid().
 */
function simple(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      characters += value.length
      return quoted(value)
    case "number":
      return Number.isFinite(value) ? `${value}` : "null"
    case "boolean":
      return value ? "true" : "false"
    case "object":
      return value === null ? "null" : plain(value, depth)
    default:
      return ""
  }
}

function plain(value: object, depth: number): string {
  if (depth > MOST_DEPTH || nodes > MOST_NODES || characters > MOST_TEXT) return ""
  const proto: unknown = Object.getPrototypeOf(value)
  if (proto === Array.prototype) return array(value as unknown[], depth)
  if (proto !== Object.prototype && proto !== null) return ""
  let json = ""
  for (const key in value) {
    if (key === "toJSON") return ""
    const item = (value as Record<string, unknown>)[key]
    if (item === undefined) continue
    const text = simple(item, depth + 1)
    if (text === "") return ""
    nodes++
    json += (json === "" ? "{" : ",") + quotedKey(key) + text
  }
  return json === "" ? "{}" : `${json}}`
}

function array(items: readonly unknown[], depth: number): string {
  nodes += items.length
  if (nodes > MOST_NODES) return ""
  let json = "["
  for (let index = 0; index < items.length; index++) {
    const item = items[index]
    const text = item === undefined ? "null" : simple(item, depth + 1)
    if (text === "") return ""
    json += index ? `,${text}` : text
  }
  return `${json}]`
}

function quoted(text: string): string {
  // These are looked for faster than any set of letters is; the rest is left to valid().
  return text.includes('"') || text.includes("\\") || text.includes("\n") ? JSON.stringify(text) : `"${text}"`
}

function quotedKey(key: string): string {
  let known = keys.get(key)
  if (known === undefined) {
    known = `${JSON.stringify(key)}:`
    characters += key.length
    if (key.length < 64 && keys.size < MOST_KEYS) keys.set(key, known)
  }
  return known
}

function fits(json: string, most: number): boolean {
  return json.length * 3 <= most || Buffer.byteLength(json) <= most
}

function cut(value: unknown, whole: string, most: number): Snapshot {
  const length = Buffer.byteLength(whole)
  let part = JSON.stringify(`… ${length.toLocaleString("en")} bytes of JSON`)
  // Escapes and non-ASCII text make JSON longer than what it was made from.
  for (const share of [1, 4, 16]) {
    const shorter = new Walk(Math.floor(most / share), MOST_NODES).json(value)
    if (!fits(shorter, most)) continue
    part = shorter
    break
  }
  return new Cut(part, length, createHash("sha256").update(whole).digest("hex"))
}
