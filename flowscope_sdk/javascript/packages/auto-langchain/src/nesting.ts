/**
 * Which span is current where LangChain runs something.
 *
 * LangChain carries its own context, which says whose children are made here. The bodies of models and retrievers run
 * without one of their own: a box that goes with them is filled once the run that they make has begun.
 */

import { AsyncLocalStorage } from "node:async_hooks"
import { api } from "@flowscope/sdk/instrument"
import type { Span } from "@flowscope/sdk/instrument"

interface Box {
  readonly kind: string
  span: Span | undefined
}

const LANGCHAIN = Symbol.for("ls:tracing_async_local_storage")
const CHILD_CONFIG = Symbol.for("lc:child_config")
const boxes = new AsyncLocalStorage<Box>()
const runs = new AsyncLocalStorage<Span>()

let known: (runId: unknown) => Span | undefined = () => undefined

/** Have the current span be found in LangChain's context too; `of` knows the spans of its runs. */
export function install(of: (runId: unknown) => Span | undefined): void {
  known = of
  api.setResolver((attached) => deeper(deeper(attached, running()), boxes.getStore()?.span))
}

/** The parent of a new run: the run that LangChain names, or what was opened under that. */
export function inner(run: Span | undefined): Span | undefined {
  return run === undefined ? undefined : deeper(run, api.attached())
}

/** A run has begun: it may be what a body was waiting for. */
export function began(kind: string, span: Span): void {
  const box = boxes.getStore()
  if (box !== undefined && box.span === undefined && box.kind === kind) box.span = span
}

/** Run a model's or retriever's body. */
export function inBody<R>(kind: string, body: () => R): R {
  return boxes.run({ kind, span: undefined }, body)
}

/** The steps of a model's stream, each in the same body. */
export function inBodySteps<T extends object>(kind: string, steps: AsyncGenerator<T>): AsyncGenerator<T> {
  const box: Box = { kind, span: undefined }
  const within = <R>(step: () => R): R => boxes.run(box, step)
  const wrapped = {
    next: (...sent: [] | [unknown]) => within(() => steps.next(...sent)),
    return: (value: unknown) => within(() => steps.return(value)),
    throw: (error: unknown) => within(() => steps.throw(error)),
    [Symbol.asyncIterator]: () => wrapped,
    [Symbol.asyncDispose]: async () => void (await wrapped.return(undefined)),
  }
  return Object.setPrototypeOf(wrapped, Object.getPrototypeOf(steps) as object) as AsyncGenerator<T>
}

/** The deeper of two spans of one trace; of two traces, the first. */
function deeper(one: Span | undefined, other: Span | undefined): Span | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one.traceId === other.traceId && other.depth > one.depth ? other : one
}

/** What LangChain says runs here. */
function running(): Span | undefined {
  const storage = (globalThis as unknown as Record<symbol, { getStore?(): unknown } | undefined>)[LANGCHAIN]
  const store = storage?.getStore?.() as { extra?: Record<symbol, unknown> } | undefined
  return deeper(runs.getStore(), runOf(store?.extra?.[CHILD_CONFIG]))
}

/** The span of the run that a config makes children of. */
export function runOf(config: unknown): Span | undefined {
  const callbacks = (config as { callbacks?: { _parentRunId?: unknown; getParentRunId?(): unknown } } | undefined)?.callbacks
  return callbacks === undefined || callbacks === null ? undefined : known(callbacks._parentRunId ?? callbacks.getParentRunId?.())
}

/** Run the body of a run. */
export function inRun<R>(run: Span, body: () => R): R {
  return runs.run(run, body)
}
