/** Which span is current, through callbacks, promises and timers. */

import { AsyncLocalStorage } from "node:async_hooks"
import type { Span } from "./span"

const storage = new AsyncLocalStorage<Span | undefined>()

/** Knows what an instrumented framework runs: from the innermost attached span to the innermost of all. */
export type Resolver = (attached: Span | undefined) => Span | undefined

let resolve: Resolver | undefined

/** The innermost span here, attached or known to an instrumented framework; undefined outside of any. */
export function current(): Span | undefined {
  const span = storage.getStore()
  return resolve === undefined ? span : resolve(span)
}

/** The innermost span attached here. */
export function attached(): Span | undefined {
  return storage.getStore()
}

/** Run `fn` with `span` as the current one. */
export function runWith<R>(span: Span | undefined, fn: () => R): R {
  return storage.run(span, fn)
}

/** Set by integrations whose framework has a context of its own. */
export function setResolver(resolver: Resolver | undefined): void {
  resolve = resolver
}

/** storage.run() with one argument passed on: no closure is made for it. */
export function runWithArgument<A, R>(span: Span, fn: (argument: A) => R, argument: A): R {
  return storage.run(span, fn, argument)
}

/** storage.run() of a method with its arguments. */
export function runApplied<R>(span: Span, fn: (...args: never[]) => R, self: unknown, args: ArrayLike<unknown>): R {
  return storage.run(span, Reflect.apply as never, fn, self, args)
}
