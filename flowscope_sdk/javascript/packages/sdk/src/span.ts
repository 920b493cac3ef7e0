/** One unit of work: what is known of it, filled in where it happens, sent later. */

import { Cut, snapshot, valueOf } from "./capture"
import type { Snapshot } from "./capture"
import { epochOffset, steady } from "./clock"
import { readError } from "./errors"
import type { ErrorInfo } from "./errors"
import { failed } from "./guard"
import type { Intake } from "./intake"
import { SPAN_COST } from "./intake"
import type { Growing } from "./streams"
import { Answer } from "./streams"

/** How a span stands. */
export type Status = "pending" | "success" | "error"

/** The ids that all spans under one root share. */
export interface TraceIds {
  /** 32 hex digits; made when it is first asked for. */
  text: string
  /** What the caller of this process sent along, to be handed on: `tracestate`, and what isn't ours of `baggage`. */
  state?: string
  baggage?: string
}

/** What is sent of spans that have begun: 0 all, 1 no payloads, 2 nothing unless they fail. */
export type Level = 0 | 1 | 2

/** What may be told of a span when it ends. */
export interface EndOptions {
  /** What came out. */
  output?: unknown
  /** What was thrown. */
  error?: unknown
  /** When it ended, in milliseconds since 1970; now, if absent. */
  endTime?: number
}

/**
 * A span. What is set is snapshotted at once, so that later changes to it do not show. Nothing here throws.
 */
export class Span {
  /** What the work is called. */
  readonly operation: string
  /** llm, chain, tool, retriever, agent, ..., or custom. */
  kind: string
  /** The framework that it belongs to, or custom. */
  readonly framework: string
  /** The session that it is shown in. */
  readonly sessionId: string
  /** Milliseconds since 1970, with a fraction. */
  readonly startTime: number
  /** Milliseconds since 1970; undefined until end(). */
  endTime: number | undefined = undefined
  /** pending until end(). */
  status: Status = "pending"
  /** What was thrown, as text; undefined where nothing was. */
  error: string | undefined = undefined

  /** @internal */ _id: string
  /** @internal */ _trace: TraceIds
  /** @internal */ _parent: string
  /** @internal */ _depth: number
  /** @internal */ _begun: number
  /** @internal */ _input: Snapshot | undefined = undefined
  /** @internal */ _output: Snapshot | undefined = undefined
  /** @internal */ _growing: Growing | undefined = undefined
  /** @internal */ _metadata: Map<string, string> | undefined = undefined
  /** @internal */ _info: ErrorInfo | undefined = undefined
  /** @internal Whether the intake will look at this span again without being told. */ _queued = true
  /** @internal What the intake counts for it, in bytes. */ _cost = 0
  /** @internal When a pending state of it was last sent; 0 is never. */ _shown = 0

  /** @internal */
  constructor(
    operation: string,
    kind: string,
    framework: string,
    sessionId: string,
    id: string,
    trace: TraceIds,
    parent: string,
    depth: number,
    /** @internal */ readonly _level: Level,
    /** @internal */ readonly _intake: Intake | undefined,
  ) {
    this.operation = operation
    this.kind = kind
    this.framework = framework
    this.sessionId = sessionId
    this._id = id
    this._trace = trace
    this._parent = parent
    this._depth = depth
    this._begun = steady()
    this.startTime = epochOffset() + this._begun
  }

  /** Whether anything of it is kept. */
  get isRecording(): boolean {
    return true
  }

  /** 16 hex digits. */
  get id(): string {
    return this._id
  }

  /** 32 hex digits, shared by all spans under one root. */
  get traceId(): string {
    return this._trace.text
  }

  /** How many spans of this process stand above it. */
  get depth(): number {
    return this._depth
  }

  /** 16 hex digits; undefined of a root. */
  get parentId(): string | undefined {
    return this._parent || undefined
  }

  /** What went in, as it was when it was set: plain values. */
  get input(): unknown {
    return valueOf(this._input)
  }

  set input(value: unknown) {
    if (this._level === 1) return
    this._input = snapshot(value)
    this._changed(sizeOf(this._input))
  }

  /** What came out, as it was when it was set: plain values. */
  get output(): unknown {
    return valueOf(this._outputNow())
  }

  set output(value: unknown) {
    if (this._level === 1) return
    this._output = snapshot(value)
    this._growing = undefined
    this._changed(sizeOf(this._output))
  }

  /** What is known beside input and output, by its standard name; a copy. */
  get metadata(): Record<string, unknown> {
    const found: Record<string, unknown> = {}
    for (const [key, json] of this._metadata ?? []) found[key] = valueOf(json)
    return found
  }

  /** Set one member of the metadata. */
  set(key: string, value: unknown): this {
    try {
      const taken = snapshot(value)
      if (taken !== undefined) {
        this._metadata ??= new Map<string, string>()
        this._metadata.set(String(key), taken instanceof Cut ? taken.json : taken)
        this._changed(64)
      }
    } catch (error) {
      failed("Span.set", error)
    }
    return this
  }

  /** Set several members of the metadata. */
  setMetadata(members: Readonly<Record<string, unknown>>): this {
    for (const key of Object.keys(members)) this.set(key, members[key])
    return this
  }

  /** Append a piece of streamed text: until an output is set, the pieces so far are the output. */
  stream(text: string): void {
    this._grow((answer) => answer.add("text", String(text)), text.length)
  }

  /** Append a piece of streamed reasoning (thinking). */
  streamReasoning(text: string): void {
    this._grow((answer) => answer.add("reasoning", String(text)), text.length)
  }

  /**
   * Append a piece of a streamed tool call's arguments (JSON text). `key` tells the calls of one answer apart: their
   * index or id.
   */
  streamToolCall(key: unknown, piece = "", about: { id?: string; name?: string } = {}): void {
    this._grow((answer) => answer.addCall(key, String(piece), about.id, about.name), piece.length)
  }

  /** Note that the first piece of a streamed answer is here now; only the first call counts. */
  firstToken(): void {
    if (this._metadata?.has("flowscope.first_token_ns")) return
    const waited = steady() - this._begun
    this.set("flowscope.first_token_ns", Math.round(waited * 1e6))
    this.set("flowscope.stream", true)
    if (this.kind === "llm") this.set("gen_ai.response.time_to_first_chunk", waited / 1000)
  }

  /** @internal */
  _grow(add: (answer: Answer) => void, size: number): void {
    try {
      let answer = this._growing
      if (!(answer instanceof Answer)) {
        this.firstToken()
        if (this._level === 1) return
        this._growing = answer = new Answer()
      }
      add(answer as Answer)
      this._changed(size)
    } catch (error) {
      failed("Span.stream", error)
    }
  }

  /** Note what the work failed with. The span stays open until end(). */
  fail(error: unknown): void {
    try {
      this.status = "error"
      this._info = readError(error)
      this.error = this._info.message
      this._changed(256)
    } catch (mistake) {
      failed("Span.fail", mistake)
    }
  }

  /** Finish the span, now or at `endTime`; only the first call counts. */
  end(options?: EndOptions): void {
    if (this.endTime !== undefined) return
    try {
      const ended = this.startTime + steady() - this._begun
      let size = 0
      if (options !== undefined) {
        if ("output" in options && this._level !== 1) {
          this._output = snapshot(options.output)
          this._growing = undefined
          size = sizeOf(this._output)
        }
        if ("error" in options) this.fail(options.error)
      }
      this._finish(options?.endTime === undefined ? ended : Math.max(options.endTime, this.startTime), size)
    } catch (mistake) {
      failed("Span.end", mistake)
    }
  }

  /** @internal end({ output }) for callers in a hurry. */
  _return(output: unknown): void {
    if (this.endTime !== undefined) return
    let size = 0
    const ended = this.startTime + steady() - this._begun
    if (output !== undefined && this._level !== 1) {
      this._output = snapshot(output)
      this._growing = undefined
      size = sizeOf(this._output)
    }
    this._finish(ended, size)
  }

  /** @internal The output so far: what was set, else what has been streamed. */
  _outputNow(): Snapshot | undefined {
    return this._growing === undefined ? this._output : this._growing.snapshot()
  }

  private _finish(ended: number, size: number): void {
    if (this.status === "pending") this.status = "success"
    this.endTime = ended
    if (this._queued) {
      this._cost += size
      this._intake!.bytes += size
    } else if (this._level !== 2 || this.status === "error") {
      this._queued = true
      this._intake!.put(this, size + SPAN_COST)
    }
  }

  /** @internal Have the intake look at the span (again), if it would not by itself. */
  _changed(size: number): void {
    if (this._queued) {
      this._cost += size
      this._intake!.bytes += size
    } else if (this._level !== 2 || (this.endTime !== undefined && this.status === "error")) {
      this._queued = true
      this._intake!.put(this, size + SPAN_COST)
    }
  }
}

const NOBODY: TraceIds = { text: "" }

/**
 * Stands where a span is not recorded. `through` is the span that its children belong to; with `blocks` they aren't
 * recorded either.
 */
export class Unrecorded extends Span {
  constructor(
    readonly through: Span | undefined = undefined,
    readonly blocks = false,
    trace: TraceIds = NOBODY,
    id = "",
    sessionId = "",
  ) {
    super("", "", "", sessionId, id, trace, "", 0, 1, undefined)
  }

  override get isRecording(): boolean {
    return false
  }
  override get input(): unknown {
    return undefined
  }
  override set input(_value: unknown) {}
  override get output(): unknown {
    return undefined
  }
  override set output(_value: unknown) {}
  override set(): this {
    return this
  }
  override stream(): void {}
  override streamReasoning(): void {}
  override streamToolCall(): void {}
  override firstToken(): void {}
  override fail(): void {}
  override end(): void {}
  /** @internal */
  override _return(): void {}
  /** @internal */
  override _changed(): void {}
}

/** A span of another process, known by its ids only. */
export class Remote extends Unrecorded {
  constructor(traceId: string, spanId: string, sessionId = "", sampled = true) {
    super(undefined, !sampled, { text: traceId }, spanId, sessionId)
  }

  /** Whether it names a span at all. */
  get isValid(): boolean {
    return this._id !== ""
  }
}

/** What is returned where FlowScope is off: it and all that is opened inside it leaves no trace. */
export const NOOP = new Unrecorded(undefined, true)

function sizeOf(taken: Snapshot | undefined): number {
  return taken === undefined ? 0 : typeof taken === "string" ? taken.length : taken.json.length
}
