/** What was thrown, as data: read at once, bounded. */

import { className } from "./walk"

const MAX_MESSAGE = 8_192
const MAX_STACK = 64 << 10
const MAX_CHAIN = 8

/** What an error says and where it came from. */
export interface ErrorInfo {
  readonly type: string
  readonly message: string
  readonly stack: string
}

/** Read anything that can be thrown. Never throws. */
export function readError(error: unknown): ErrorInfo {
  try {
    return { type: typeName(error), message: message(error), stack: stack(error) }
  } catch {
    return { type: "Error", message: "(its text can't be read)", stack: "" }
  }
}

function typeName(error: unknown): string {
  if (typeof error !== "object" || error === null) return typeof error
  const name = read(error, "name")
  const made = className(error)
  // A class without a name of its own inherits "Error".
  return name && !(name === "Error" && made !== "Object") ? name : made
}

function message(error: unknown): string {
  if (typeof error !== "object" || error === null) return bounded(text(error), MAX_MESSAGE)
  const said = read(error, "message")
  const name = typeName(error)
  return bounded(said ? `${name}: ${said}` : name, MAX_MESSAGE)
}

function stack(error: unknown): string {
  const parts: string[] = []
  const seen = new Set<unknown>()
  let each: unknown = error
  while (typeof each === "object" && each !== null && !seen.has(each) && parts.length < MAX_CHAIN) {
    seen.add(each)
    const own = read(each, "stack") || message(each)
    const lines = own.split("\n").filter((line) => !line.includes(__dirname))
    parts.push(`${parts.length ? "Caused by: " : ""}${lines.join("\n")}`)
    each = cause(each)
  }
  return bounded(parts.join("\n"), MAX_STACK)
}

function cause(error: object): unknown {
  try {
    return (error as { cause?: unknown }).cause
  } catch {
    return undefined
  }
}

function read(error: object, name: "name" | "message" | "stack"): string {
  try {
    const value: unknown = (error as Record<string, unknown>)[name]
    return typeof value === "string" ? value : ""
  } catch {
    return ""
  }
}

function text(value: unknown): string {
  try {
    return String(value)
  } catch {
    return "(its text can't be read)"
  }
}

function bounded(said: string, most: number): string {
  return said.length <= most ? said : `${said.slice(0, most)}… (${said.length.toLocaleString("en")} characters)`
}
