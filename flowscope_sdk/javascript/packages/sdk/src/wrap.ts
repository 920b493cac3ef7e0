/** Functions with each call a span: they change nothing of what a function is, takes, returns, yields or throws. */

import { runApplied, runWith, runWithArgument } from "./context"
import { failed } from "./guard"
import { parameterNames } from "./parameters"
import { begin } from "./runtime"
import type { SpanOptions } from "./runtime"
import type { Span } from "./span"
import { Items } from "./streams"

/** Any function. */
export type Callable = (this: any, ...args: any[]) => any

const WRAPPED = Symbol.for("flowscope.wrapped")
const OWN = new Set(["length", "name", "prototype", "arguments", "caller"])

const GeneratorFunction: unknown = Object.getPrototypeOf(function* () {})
const AsyncGeneratorFunction: unknown = Object.getPrototypeOf(async function* () {})

/** `fn` with each call a span, its arguments the input and what it returns the output. */
export function wrap<F extends Callable>(fn: F, operation: string | undefined, options: SpanOptions | undefined, owner = ""): F {
  const start = beginner(fn, operation, options, owner)
  const kind: unknown = Object.getPrototypeOf(fn)
  const wrapped = kind === GeneratorFunction ? generator(fn, start) : kind === AsyncGeneratorFunction ? asyncGenerator(fn, start) : plain(fn, start)
  return dressed(wrapped, fn)
}

/** Call `fn` with `span` as the current one, and end it when what `fn` returns is there. */
export function callIn<R>(span: Span, fn: (span: Span) => R): R {
  let result: R
  try {
    result = runWithArgument(span, fn, span)
  } catch (error) {
    span.end({ error })
    throw error
  }
  return settled(span, result)
}

/** What a traced call returns, its span ended now or when it is settled. */
export function settled<R>(span: Span, result: R): R {
  if (typeof result !== "object" || result === null) {
    span._return(result)
    return result
  }
  if (result instanceof Promise && result.then === Promise.prototype.then) {
    // The promise made by `then` stands for the first: whether a rejection is handled is still seen.
    return result.then(
      (value: unknown) => {
        span._return(value)
        return value
      },
      (error: unknown) => {
        span.end({ error })
        throw error
      },
    ) as R
  }
  if (isThenable(result)) observeThen(span, result)
  else if (isIterator(result)) span.end()
  else span._return(result)
  return result
}

interface Thenable {
  then(ok?: unknown, failed?: unknown): unknown
}

/** A promise of another make may begin to work only when somebody waits for it: it is seen when somebody does. */
function observeThen(span: Span, result: Thenable): void {
  try {
    const original = result.then
    const then = function (this: unknown, ok?: unknown, bad?: unknown): unknown {
      return Reflect.apply(original as Callable, this, [
        (value: unknown) => {
          span._return(value)
          return typeof ok === "function" ? (ok as Callable)(value) : value
        },
        (error: unknown) => {
          span.end({ error })
          if (typeof bad === "function") return (bad as Callable)(error)
          throw error
        },
      ])
    }
    Object.defineProperty(result, "then", { value: then, configurable: true, writable: true, enumerable: false })
  } catch (error) {
    span.end()
    failed("then", error)
  }
}

function isThenable(value: object): value is Thenable {
  try {
    return typeof (value as { then?: unknown }).then === "function"
  } catch {
    return false
  }
}

function isIterator(value: object): boolean {
  try {
    return typeof (value as { next?: unknown }).next === "function"
  } catch {
    return false
  }
}

type Begin = (args: readonly unknown[]) => Span

function beginner(fn: Callable, operation: string | undefined, options: SpanOptions | undefined, owner: string): Begin {
  const name = operation ?? ((owner ? `${owner}.` : "") + (fn.name || "anonymous"))
  const kind = options?.kind ?? "custom"
  const framework = options?.framework ?? "custom"
  if (options && "input" in options) return () => begin(name, options, kind, framework, options.input)
  const { names, rest } = parameterNames(fn)
  return (args) => begin(name, options, kind, framework, named(args, names, rest))
}

function named(args: readonly unknown[], names: readonly string[], rest: string): Record<string, unknown> {
  const input: Record<string, unknown> = {}
  const count = Math.min(args.length, names.length)
  for (let index = 0; index < count; index++) input[names[index]!] = args[index]
  if (args.length > names.length) input[rest] = args.slice(names.length)
  return input
}

function plain(fn: Callable, start: Begin): Callable {
  return function (this: unknown, ...args: unknown[]): unknown {
    if (new.target) return Reflect.construct(fn, args, new.target === dressedTargets.get(fn) ? fn : new.target)
    const span = start(args)
    let result: unknown
    try {
      result = runApplied(span, fn, this, args)
    } catch (error) {
      span.end({ error })
      throw error
    }
    return settled(span, result)
  }
}

const dressedTargets = new WeakMap<Callable, Callable>()

function generator(fn: Callable, start: Begin): Callable {
  return function* (this: unknown, ...args: unknown[]): Generator<unknown, unknown, unknown> {
    const span = start(args)
    const items = new Items(span)
    let returned: unknown
    let over = false
    try {
      const inner = runApplied(span, fn, this, args) as Generator<unknown, unknown, unknown>
      let step = runWith(span, () => inner.next())
      while (!step.done) {
        items.add(step.value)
        let sent: unknown
        let left = true
        try {
          sent = yield step.value
          left = false
        } catch (error) {
          left = false
          step = runWith(span, () => inner.throw(error))
          continue
        } finally {
          if (left) {
            over = true
            runWith(span, () => inner.return(undefined))
          }
        }
        step = runWith(span, () => inner.next(sent))
      }
      returned = step.value
    } catch (error) {
      span.end({ error })
      throw error
    } finally {
      if (over) span.end()
    }
    items.end(returned)
    return returned
  }
}

function asyncGenerator(fn: Callable, start: Begin): Callable {
  return async function* (this: unknown, ...args: unknown[]): AsyncGenerator<unknown, unknown, unknown> {
    const span = start(args)
    const items = new Items(span)
    let returned: unknown
    let over = false
    try {
      const inner = runApplied(span, fn, this, args) as AsyncGenerator<unknown, unknown, unknown>
      let step = await runWith(span, () => inner.next())
      while (!step.done) {
        items.add(step.value)
        let sent: unknown
        let left = true
        try {
          sent = yield step.value
          left = false
        } catch (error) {
          left = false
          step = await runWith(span, () => inner.throw(error))
          continue
        } finally {
          if (left) {
            over = true
            await runWith(span, () => inner.return(undefined))
          }
        }
        step = await runWith(span, () => inner.next(sent))
      }
      returned = step.value
    } catch (error) {
      span.end({ error })
      throw error
    } finally {
      if (over) span.end()
    }
    items.end(returned)
    return returned
  }
}

/** Give a wrapper the looks of what it wraps. */
function dressed<F extends Callable>(wrapper: Callable, fn: F): F {
  try {
    dressedTargets.set(fn, wrapper)
    for (const key of Reflect.ownKeys(fn)) {
      if (typeof key === "string" && OWN.has(key)) continue
      Object.defineProperty(wrapper, key, Object.getOwnPropertyDescriptor(fn, key)!)
    }
    Object.defineProperty(wrapper, "name", { value: fn.name, configurable: true })
    Object.defineProperty(wrapper, "length", { value: fn.length, configurable: true })
    if ("prototype" in fn) Object.defineProperty(wrapper, "prototype", { value: fn.prototype, writable: true })
    Object.defineProperty(wrapper, WRAPPED, { value: true, configurable: true })
  } catch (error) {
    failed("wrap", error)
  }
  return wrapper as F
}
