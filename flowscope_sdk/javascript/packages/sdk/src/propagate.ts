/** W3C trace context and baggage: the current span and its session into a request's headers, and out of them again. */

import { current } from "./context"
import { failed } from "./guard"
import { Remote, Unrecorded } from "./span"
import type { Span } from "./span"

/** The member of the W3C baggage that carries the session. */
export const SESSION_KEY = "flowscope.session"

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
// What the specifications ask a program to hand on at least; more is not.
const MAX_STATE = 512
const MAX_BAGGAGE = 8192
const MAX_SESSION = 256
const PLAIN = /^[\x20-\x7e\t]*$/

/** Headers as programs have them: a plain object, a Headers, a Map, or pairs. */
export type HeadersLike =
  | Readonly<Record<string, unknown>>
  | Iterable<readonly [string, unknown]>
  | { forEach(callback: (value: string, name: string) => void): void }

interface Settable {
  get(name: string): unknown
  set(name: string, value: string): unknown
}

/**
 * Put the current span's `traceparent`, `tracestate` and `baggage` into `headers`; returns them. Outside of any span, and
 * where a `traceparent` stands already, nothing is put. A `baggage` that stands there gets the session as one more member.
 */
export function inject<H extends object>(headers: H): H {
  try {
    const given = headers as HeadersLike
    if (readHeader(given, "traceparent")) return headers
    for (const [name, value] of contextHeaders(readHeader(given, "baggage")) ?? []) {
      if (name !== "tracestate" || !readHeader(given, name)) put(headers, name, value)
    }
  } catch (error) {
    failed("inject", error)
  }
  return headers
}

/** The headers that carry the current span, `baggage` being what is there already; undefined outside of any. */
export function contextHeaders(baggage = "", of: Span | undefined = current()): [string, string][] | undefined {
  let span: Span | undefined = of
  if (span instanceof Unrecorded && span._id === "") span = span.through
  if (span === undefined || span._id === "") return undefined
  const kept = !(span instanceof Unrecorded && span.blocks)
  const found: [string, string][] = [["traceparent", `00-${span.traceId}-${span.id}-0${Number(kept)}`]]
  if (!kept) return found
  const { state, baggage: others } = span._trace
  if (state) found.push(["tracestate", state])
  const members = [baggage || others || ""]
  if (span.sessionId && !baggage.includes(SESSION_KEY)) members.push(`${SESSION_KEY}=${encodeURIComponent(span.sessionId)}`)
  const all = members.filter(Boolean).join(",")
  if (all && all !== baggage) found.push(["baggage", all])
  return found
}

/**
 * The caller's span from `headers`, in whatever case: give it to trace() as its `parent`, or run something under it
 * with withSpan(). Without a valid `traceparent` it does nothing. What is traced under it belongs to the caller's
 * session, if `baggage` names it; where the caller leaves its trace out of the sample, so does this process.
 */
export function extract(headers: HeadersLike): Remote {
  try {
    const found = TRACEPARENT.exec(readHeader(headers, "traceparent").trim())
    if (found) {
      const [, version, trace, span, flags, more] = found
      if (version !== "ff" && /[1-9a-f]/.test(trace!) && /[1-9a-f]/.test(span!) && !(version === "00" && more)) {
        const [session, others] = members(readHeader(headers, "baggage"))
        const remote = new Remote(trace!, span!, session, (parseInt(flags!, 16) & 1) === 1)
        const state = readHeader(headers, "tracestate")
        if (state.length <= MAX_STATE && PLAIN.test(state)) remote._trace.state = state.trim()
        remote._trace.baggage = others
        return remote
      }
    }
  } catch (error) {
    failed("extract", error)
  }
  return new Remote("", "")
}

/** The session that baggage names, and all that is not ours in it. */
function members(baggage: string): [session: string, others: string] {
  if (baggage.length > MAX_BAGGAGE || !PLAIN.test(baggage)) return ["", ""]
  let session = ""
  const others: string[] = []
  for (const member of baggage.split(",")) {
    const at = member.indexOf("=")
    if (member.slice(0, at).trim() === SESSION_KEY) session = decoded(member.slice(at + 1).split(";")[0]!.trim())
    else if (member.trim()) others.push(member.trim())
  }
  return [[...session].slice(0, MAX_SESSION).join(""), others.join(",")]
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

function readHeader(headers: HeadersLike, wanted: string): string {
  let found = ""
  eachHeader(headers, (name, value) => {
    if (String(name).toLowerCase() !== wanted) return
    const text = Array.isArray(value) ? value.join(",") : String(value ?? "")
    // Several headers of baggage or tracestate are one list; of traceparent only one counts.
    found = found && wanted !== "traceparent" ? `${found},${text}` : text
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
