/** The SDK's state in this thread, from the first span to exit; and begin(), which everything goes through. */

import { randomBytes } from "node:crypto"
import { setLimit, snapshot } from "./capture"
import { current } from "./context"
import { failed, log, setDebug } from "./guard"
import { Intake, SPAN_COST } from "./intake"
import * as lifecycle from "./lifecycle"
import { SenderThread } from "./outlet"
import { maskWith } from "./mask"
import { defaultSession } from "./program"
import { hideKey } from "./protocol/address"
import { OperationFilter } from "./sampling"
import { load } from "./settings"
import type { Config, InitOptions } from "./settings"
import { NOOP, Span, Unrecorded } from "./span"
import type { Level } from "./span"

/** What a span may be begun with. */
export interface SpanOptions {
  /** llm, chain, tool, retriever, embedding, agent, task, http, ...; custom, if absent. */
  kind?: string
  /** The framework that it belongs to; custom, if absent. */
  framework?: string
  /** What goes in; snapshotted. */
  input?: unknown
  /** More to be known of it, by standard names. */
  metadata?: Readonly<Record<string, unknown>>
  /** The session that it and all below it are shown in. */
  sessionId?: string
  /** The span that it belongs to: the current one if absent, a root if null. */
  parent?: Span | null
  /** When it began, in milliseconds since 1970; now, if absent. */
  startTime?: number
}

const LEVELS: Record<Config["capture"], Level> = { full: 0, metadata: 1, errors: 2 }
/** How much of FLOWSCOPE_BUFFER is for the program's thread; the rest is the sender's. */
export const PROGRAM_SHARE = 3 / 8
const MAX_OPERATION = 1024
const MAX_SESSION = 256

/** Everything a thread has of FlowScope while it is on. */
export class Runtime {
  readonly sessionId: string
  readonly level: Level
  readonly filter: OperationFilter | undefined
  readonly intake: Intake
  readonly sender: SenderThread
  closed: boolean
  // 40 random bits and a counter: neighbours in time are neighbours in an index.
  private prefix = ""
  private count = 0xffffff
  private random = ""
  private used = 0

  constructor(readonly config: Config) {
    this.closed = config.addr === "off"
    this.sessionId = config.sessionId || defaultSession()
    this.level = LEVELS[config.capture]
    const filtered = config.include.length || config.exclude.length
    this.filter = filtered ? new OperationFilter(config.include, config.exclude) : undefined
    this.sender = new SenderThread(config, this.sessionId, () => this.died())
    this.intake = new Intake(Math.floor(config.buffer * PROGRAM_SHARE), this.sender, typeof config.redact === "function" ? maskWith(config.redact) : undefined)
    if (this.closed) this.intake.close()
  }

  /** A span id never given before: 16 hex digits. */
  nextId(): string {
    if (this.count === 0xffffff) {
      this.prefix = randomBytes(5).toString("hex")
      this.count = 0
    }
    const count = ++this.count
    return this.prefix + HEX[count >> 12]! + HEX[count & 0xfff]!
  }

  /** A trace id: 32 random hex digits. */
  nextTrace(): string {
    if (this.used === this.random.length) {
      this.random = randomBytes(4096).toString("hex")
      this.used = 0
    }
    return this.random.slice(this.used, (this.used += 32))
  }

  /** Take nothing more, and have all sent within `seconds`. */
  close(seconds: number): void {
    if (this.closed) return
    this.closed = true
    this.intake.shipAll()
    this.intake.close()
    this.sender.retire(seconds, this.intake.dropped)
  }

  private died(): void {
    this.closed = true
    this.intake.close()
  }
}

const HEX: readonly string[] = Array.from({ length: 4096 }, (_, value) => value.toString(16).padStart(3, "0"))

let runtime: Runtime | undefined
let changes: InitOptions = {}
/** What earlier settings sent through, for exit to wait for. */
let retired: SenderThread[] = []

/** Begin a span without making it current. Never throws; a span that records nothing where FlowScope is off. */
export function startSpan(operation: string, options: SpanOptions = {}): Span {
  return begin(operation, options, options.kind ?? "custom", options.framework ?? "custom", options.input)
}

/** startSpan() for callers in a hurry: what most have is given by position. */
export function begin(operation: string, options: SpanOptions | undefined, kind: string, framework: string, input: unknown): Span {
  try {
    const here = runtime ?? activate()
    if (here.closed) return NOOP
    let parent: Span | null | undefined = options?.parent
    if (parent === undefined) parent = current()
    if (parent instanceof Unrecorded) {
      if (parent.blocks) return parent
      if (parent._id === "") parent = parent.through // else it is another process's
    }
    if (typeof operation !== "string" || operation.length > MAX_OPERATION || operation === "") {
      operation = beginning(String(operation), MAX_OPERATION) || "(unnamed)"
    }
    if (here.filter !== undefined && !here.filter.keeps(operation)) return new Unrecorded(parent ?? undefined)
    const level = here.level
    let span: Span
    const session = options?.sessionId
    if (parent) {
      const id = here.nextId()
      span = new Span(
        operation, kind, framework,
        session === undefined ? parent.sessionId || here.sessionId : beginning(String(session), MAX_SESSION) || here.sessionId,
        id, parent._trace, parent._id, parent._depth + 1, level, here.intake,
      ) // prettier-ignore
    } else {
      if (here.config.sample < 1 && Math.random() >= here.config.sample) {
        // It has ids: whoever is called from it learns by them that the trace is left out.
        return new Unrecorded(undefined, true, { text: here.nextTrace() }, here.nextId())
      }
      span = new Span(
        operation, kind, framework,
        session === undefined ? here.sessionId : beginning(String(session), MAX_SESSION) || here.sessionId,
        here.nextId(), { text: here.nextTrace() }, "", 0, level, here.intake,
      ) // prettier-ignore
    }
    let size = SPAN_COST
    if (input !== undefined && level !== 1) {
      const taken = snapshot(input)
      span._input = taken
      size += typeof taken === "string" ? taken.length : taken!.json.length
    }
    if (options !== undefined) {
      if (options.metadata !== undefined) span.setMetadata(options.metadata)
      if (options.startTime !== undefined) {
        span._begun -= span.startTime - options.startTime
        ;(span as { startTime: number }).startTime = options.startTime
      }
    }
    if (level === 2) {
      span._queued = false
      span._cost = 0
    } else here.intake.put(span, size)
    return span
  } catch (error) {
    failed("startSpan", error)
    return NOOP
  }
}

/** The first `most` characters, whole ones: code points. */
function beginning(text: string, most: number): string {
  return text.length <= most ? text : Array.from(text.slice(0, 2 * most)).slice(0, most).join("")
}

/** The runtime, made now if there is none yet. */
export function activate(): Runtime {
  runtime ??= make()
  return runtime
}

function make(): Runtime {
  const config = load(changes)
  setLimit(config.maxValue)
  setDebug(config.debug)
  const made = new Runtime(config)
  if (!made.closed) lifecycle.install({ ship, atExit })
  log(`session ${made.sessionId} to ${hideKey(config.addr)}`)
  return made
}

/** The settings in force. */
export function settings(): Readonly<Config> {
  return activate().config
}

/** Apply settings given to init(); what was recorded under the earlier ones is sent first, in the background. */
export function configure(given: InitOptions): void {
  try {
    changes = { ...changes, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== null)) }
    const before = runtime
    runtime = make()
    if (before !== undefined && !before.closed) {
      before.close(before.config.flushTimeout)
      retired.push(before.sender)
    }
  } catch (error) {
    failed("init", error)
  }
}

/** Send all there is; true once it is stored, false after `seconds`. */
export async function flush(seconds?: number): Promise<boolean> {
  try {
    const here = runtime
    if (here === undefined || here.closed) return true
    await here.intake.flush()
    return await here.sender.flush(within(seconds, here.config))
  } catch (error) {
    failed("flush", error)
    return false
  }
}

/** Send what there is, within `seconds`, and record nothing from now on (until init()). */
export async function shutdown(seconds?: number): Promise<void> {
  try {
    if (runtime === undefined || runtime.closed) return
    const here = runtime
    await flush(seconds)
    here.close(within(seconds, here.config))
    retired.push(here.sender)
  } catch (error) {
    failed("shutdown", error)
  }
}

/** Hand on what there is, without waiting. */
function ship(): void {
  runtime?.intake.shipAll()
}

/** The program ends: send what there is, the program standing still, within FLOWSCOPE_FLUSH_TIMEOUT. */
function atExit(): void {
  const seconds = runtime?.config.flushTimeout ?? 0
  const deadline = performance.now() + seconds * 1000
  if (runtime !== undefined && !runtime.closed) {
    runtime.close(seconds)
    retired.push(runtime.sender)
  }
  for (const sender of retired) sender.finish(Math.max(0, deadline - performance.now()) / 1000)
  retired = []
}

function within(seconds: number | undefined, config: Config): number {
  return typeof seconds === "number" && seconds >= 0 ? Math.min(seconds, 3600) : config.flushTimeout
}
