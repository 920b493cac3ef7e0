/** W3C trace context and baggage: the current span and its session into a request's headers, and out of them again. */

import { current } from "./context"
import { failed } from "./guard"
import { Remote, Unrecorded } from "./span"
import type { Span } from "./span"

/** The member of the W3C baggage that carries the session. */
export const SESSION_KEY = "flowscope.session_id"

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const MAX_BAGGAGE = 8192

/** Headers as programs have them: a plain object, a Headers, a Map, or pairs. */
export type HeadersLike =
  | Readonly<Record<string, unknown>>
  | Iterable<readonly [string, unknown]>
  | { forEach(callback: (value: string, name: string) => void): void }

interface Settable {
  get(name: string): unknown
  set(name: string, value: string): unknown
}

/** Put the current span's `traceparent`, and its session as `baggage`, into `headers` if there is one; returns them. */
export function inject<H extends object>(headers: H): H {
  try {
    const found = contextHeaders(readHeader(headers as HeadersLike, "baggage"))
    if (found) for (const [name, value] of found) put(headers, name, value)
  } catch (error) {
    failed("inject", error)
  }
  return headers
}

/** The headers that carry the current span, beside `baggage` that is there already; undefined outside of any. */
export function contextHeaders(baggage = "", of: Span | undefined = current()): [string, string][] | undefined {
  let span: Span | undefined = of
  if (span instanceof Unrecorded && span._id === "") span = span.through
  const kept = !(span instanceof Unrecorded && span.blocks)
  if (span === undefined || span._id === "") return undefined
  const found: [string, string][] = [["traceparent", `00-${span.traceId}-${span.id}-0${Number(kept)}`]]
  if (span.sessionId) {
    const others = baggage.split(",").filter((each) => each.trim() && each.split("=")[0]!.trim() !== SESSION_KEY)
    const all = [...others.map((each) => each.trim()), `${SESSION_KEY}=${encodeURIComponent(span.sessionId)}`].join(",")
    if (all.length <= MAX_BAGGAGE) found.push(["baggage", all])
  }
  return found
}

/**
 * The caller's span from `headers`, in whatever case: give it to trace() as its `parent`, or run something under it
 * with withSpan(). Without a valid `traceparent` it does nothing. Where the caller leaves its trace out
 * of the sample, so does this process.
 */
export function extract(headers: HeadersLike): Remote {
  try {
    const found = TRACEPARENT.exec(readHeader(headers, "traceparent").trim())
    if (found) {
      const [, version, trace, span, flags, more] = found
      if (version !== "ff" && /[1-9a-f]/.test(trace!) && /[1-9a-f]/.test(span!) && !(version === "00" && more)) {
        return new Remote(trace!, span!, sessionOf(readHeader(headers, "baggage")), (parseInt(flags!, 16) & 1) === 1)
      }
    }
  } catch (error) {
    failed("extract", error)
  }
  return new Remote("", "")
}

function sessionOf(baggage: string): string {
  for (const member of baggage.split(",")) {
    const [name, value] = member.split(";")[0]!.split("=")
    if (name?.trim() !== SESSION_KEY || !value) continue
    try {
      return decodeURIComponent(value.trim()).slice(0, 256)
    } catch {
      return ""
    }
  }
  return ""
}

function readHeader(headers: HeadersLike, wanted: string): string {
  let found = ""
  eachHeader(headers, (name, value) => {
    if (String(name).toLowerCase() === wanted) found = Array.isArray(value) ? value.join(",") : String(value ?? "")
  })
  return found
}

function eachHeader(headers: HeadersLike, tell: (name: string, value: unknown) => void): void {
  if (Symbol.iterator in headers) {
    for (const [name, value] of headers as Iterable<readonly [string, unknown]>) tell(name, value)
  } else if ("forEach" in headers && typeof headers.forEach === "function") {
    ;(headers as { forEach(callback: (value: string, name: string) => void): void }).forEach((value, name) => tell(name, value))
  } else {
    for (const name of Object.keys(headers)) tell(name, (headers as Record<string, unknown>)[name])
  }
}

function put(headers: object, name: string, value: string): void {
  if (Array.isArray(headers)) {
    const known: unknown[] = headers
    const there = known.findIndex((each) => Array.isArray(each) && String(each[0]).toLowerCase() === name)
    if (there >= 0) known[there] = [name, value]
    else known.push([name, value])
  } else if (typeof (headers as Settable).set === "function") {
    ;(headers as Settable).set(name, value)
  } else {
    const members = headers as Record<string, unknown>
    for (const other of Object.keys(members)) if (other !== name && other.toLowerCase() === name) delete members[other]
    members[name] = value
  }
}
