/**
 * Spans on their way between threads: one text and one array of numbers for many spans, which costs a third of what
 * their members one by one would. JSON holds no line break, so lines part what belongs to a span.
 */

import { Cut, jsonOf } from "./capture"
import type { Snapshot } from "./capture"
import { maskText } from "./mask"
import type { Mask } from "./mask"
import type { Span } from "./span"

/** What is posted: per span LINES lines, and its start and end (-1: open) in milliseconds since 1970. */
export interface Portion {
  readonly text: string
  readonly times: Float64Array
}

/** A span as the sender reads it: JSON where nothing else is said. */
export interface Posted {
  readonly id: string
  readonly trace: string
  readonly parent: string
  readonly head: Head
  readonly start: number
  readonly end: number
  readonly input: string
  readonly output: string
  readonly extra: Extra | undefined
}

/** What most spans share with others. */
export type Head = readonly [session: string, operation: string, kind: string, framework: string]

/** What few spans have. */
export interface Extra {
  readonly failed?: boolean
  readonly error?: string
  readonly type?: string
  readonly stack?: string
  /** JSON of an object. */
  readonly metadata?: string
  /** JSON of an object. */
  readonly cuts?: string
}

const LINES = 7
const REMEMBERED = 2048

interface Known {
  readonly session: string
  readonly kind: string
  readonly framework: string
  readonly json: string
  readonly mask: Mask | undefined
}

const heads = new Map<string, Known>()

/** Collects spans, in their order. */
export class Writer {
  // Joined once: a text that grows by pieces would leave each step to the collector of garbage.
  private readonly lines: string[] = []
  private count = 0
  private readonly times: Float64Array

  /** `mask` goes over all that may hold a secret. */
  constructor(
    most: number,
    private readonly mask?: Mask,
  ) {
    this.times = new Float64Array(2 * most)
  }

  /** How many spans were added. */
  get size(): number {
    return this.count
  }

  add(span: Span): void {
    const input = span._input
    const output = span._growing === undefined ? span._output : span._outputNow()
    const plain = span._metadata === undefined && span.status !== "error" && !(input instanceof Cut || output instanceof Cut)
    this.lines.push(
      span._id,
      span._trace.text,
      span._parent,
      head(span, this.mask),
      this.payload(input),
      this.payload(output),
      plain ? "" : extra(span, input, output, this.mask),
    )
    this.times[2 * this.count] = span.startTime
    this.times[2 * this.count + 1] = span.endTime ?? -1
    this.count++
  }

  private payload(taken: Snapshot | undefined): string {
    if (taken === undefined) return ""
    return this.mask === undefined ? jsonOf(taken) : this.mask(jsonOf(taken))
  }

  /** What is posted. */
  done(): Portion {
    return { text: this.lines.join("\n"), times: this.times.slice(0, 2 * this.count) }
  }
}

/** The spans of a portion, in their order. */
export function* read(portion: Portion): Generator<Posted> {
  const lines = portion.text.split("\n")
  let known = ""
  let shared: Head = ["", "", "", ""]
  for (let at = 0, time = 0; at + LINES <= lines.length; at += LINES, time += 2) {
    if (lines[at + 3] !== known) {
      known = lines[at + 3]!
      shared = JSON.parse(known) as Head
    }
    yield {
      id: lines[at]!,
      trace: lines[at + 1]!,
      parent: lines[at + 2]!,
      head: shared,
      start: portion.times[time]!,
      end: portion.times[time + 1]!,
      input: lines[at + 4]!,
      output: lines[at + 5]!,
      extra: lines[at + 6] ? (JSON.parse(lines[at + 6]!) as Extra) : undefined,
    }
  }
}

function head(span: Span, mask: Mask | undefined): string {
  const known = heads.get(span.operation)
  if (known !== undefined && known.mask === mask && known.session === span.sessionId && known.kind === span.kind && known.framework === span.framework) {
    return known.json
  }
  const operation = mask === undefined ? span.operation : maskText(mask, span.operation)
  const json = JSON.stringify([span.sessionId, operation, span.kind, span.framework])
  if (heads.size >= REMEMBERED) heads.clear()
  heads.set(span.operation, { session: span.sessionId, kind: span.kind, framework: span.framework, json, mask })
  return json
}

function extra(span: Span, input: Snapshot | undefined, output: Snapshot | undefined, mask: Mask | undefined): string {
  const info = span._info
  const text = (said: string | undefined): string | undefined => (said === undefined || mask === undefined ? said : maskText(mask, said))
  const found: Extra = {
    failed: span.status === "error" || undefined,
    error: text(span.error),
    type: text(info?.type),
    stack: text(info?.stack),
    metadata: span._metadata === undefined ? undefined : metadataJson(span._metadata, mask),
    cuts: input instanceof Cut || output instanceof Cut ? cuts(input, output) : undefined,
  }
  return JSON.stringify(found)
}

function metadataJson(members: ReadonlyMap<string, string>, mask: Mask | undefined): string {
  let json = ""
  for (const [key, value] of members) json += `${json ? "," : "{"}${JSON.stringify(key)}:${value}`
  json = `${json || "{"}}`
  if (mask === undefined) return json
  const masked = mask(json)
  // The program's own function may have made something else of it.
  return masked.startsWith("{") ? masked : `{"flowscope.metadata":${masked}}`
}

function cuts(input: Snapshot | undefined, output: Snapshot | undefined): string {
  const found: Record<string, { length: number; sha256: string }> = {}
  if (input instanceof Cut) found.input = { length: input.length, sha256: input.sha256 }
  if (output instanceof Cut) found.output = { length: output.length, sha256: output.sha256 }
  return JSON.stringify(found)
}
