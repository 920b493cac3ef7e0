/** trace: one name for a block, a function and a decorator of any kind of member. */

import { runWith } from "./context"
import { failed, warnOnce } from "./guard"
import { begin } from "./runtime"
import type { SpanOptions } from "./runtime"
import { NOOP } from "./span"
import type { Span } from "./span"
import { callIn, wrap } from "./wrap"
import type { Callable } from "./wrap"

/** What trace() may be told of a span. */
export type TraceOptions = SpanOptions

/** What trace("name") returns: a decorator by the TC39 standard and by TypeScript's legacy form, and of plain functions. */
export interface TraceDecorator {
  <F extends Callable>(fn: F): F
  <F extends Callable>(method: F, context: ClassMethodDecoratorContext): F
  (field: undefined, context: ClassFieldDecoratorContext): <V>(value: V) => V
  (target: object, key: string | symbol, descriptor?: PropertyDescriptor): any
}

type DecoratorContext = ClassMethodDecoratorContext | ClassFieldDecoratorContext | { readonly kind: string; readonly name: string | symbol }

/**
 * Record a span around a block or a function.
 *
 * `trace("name", (span) => ...)` runs the function inside a span and returns what it returns; `trace(fn)` and
 * `trace("name")(fn)` give a function whose calls are spans, with its arguments as input and its result as output;
 * `@trace` and `@trace("name")` decorate methods, static methods and fields that hold functions.
 */
export function trace<R>(operation: string, fn: (span: Span) => R): R
export function trace<R>(operation: string, options: TraceOptions, fn: (span: Span) => R): R
export function trace(operation: string, options?: TraceOptions): TraceDecorator
export function trace(options: TraceOptions): TraceDecorator
export function trace<F extends Callable>(fn: F): F
export function trace<F extends Callable>(method: F, context: ClassMethodDecoratorContext): F
export function trace(field: undefined, context: ClassFieldDecoratorContext): <V>(value: V) => V
export function trace(target: object, key: string | symbol, descriptor?: PropertyDescriptor): any
export function trace(first: unknown, second?: unknown, third?: unknown): unknown {
  if (typeof first === "string") {
    if (typeof second === "function") return run(first, undefined, second as (span: Span) => unknown)
    const options = (second ?? undefined) as TraceOptions | undefined
    return typeof third === "function" ? run(first, options, third as (span: Span) => unknown) : decorator(first, options)
  }
  if (second === undefined && typeof first === "object" && first !== null) return decorator(undefined, first as TraceOptions)
  return decorate(undefined, undefined, first, second, third)
}

/** Run `fn` with nothing inside it recorded. */
export function suppressed<R>(fn: () => R): R {
  return runWith(NOOP, fn)
}

/** Run `fn` with `span` (also another process's, from extract()) as the current one, without ending it. */
export function withSpan<R>(span: Span, fn: () => R): R {
  const known = span.isRecording || span.id !== "" || span === NOOP
  return known ? runWith(span, fn) : fn()
}

function run<R>(operation: string, options: TraceOptions | undefined, fn: (span: Span) => R): R {
  const span = begin(operation, options, options?.kind ?? "custom", options?.framework ?? "custom", options?.input)
  return callIn(span, fn)
}

function decorator(operation: string | undefined, options: TraceOptions | undefined): TraceDecorator {
  return ((first: unknown, second?: unknown, third?: unknown) =>
    decorate(operation, options, first, second, third)) as TraceDecorator
}

function decorate(operation: string | undefined, options: TraceOptions | undefined, first: unknown, second: unknown, third: unknown): unknown {
  if (isContext(second)) return standard(operation, options, first, second)
  if (typeof second === "string" || typeof second === "symbol") {
    return legacy(operation, options, first as object, second, third as PropertyDescriptor | undefined)
  }
  if (typeof first === "function" && !isClass(first as Callable)) return wrap(first as Callable, operation, options)
  warnOnce(`trace is for functions and methods; ${describe(first)} is left as it is`)
  return first
}

/** By the TC39 standard (stage 3). */
function standard(operation: string | undefined, options: TraceOptions | undefined, value: unknown, context: DecoratorContext): unknown {
  if (context.kind === "field") {
    return function (this: unknown, initial: unknown): unknown {
      if (typeof initial !== "function") return initial
      return wrap(initial as Callable, operation ?? ownerName(this) + String(context.name), options)
    }
  }
  if (context.kind !== "method" || typeof value !== "function") {
    warnOnce(`@trace is for methods and fields, not for a ${context.kind}; it is left as it is`)
    return context.kind === "class" ? undefined : value
  }
  return lateNamed(value as Callable, operation, options, context.name)
}

/** By TypeScript's legacy form (experimentalDecorators). */
function legacy(operation: string | undefined, options: TraceOptions | undefined, target: object, key: string | symbol, descriptor: PropertyDescriptor | undefined): unknown {
  const owner = typeof target === "function" ? target.name : target.constructor?.name
  const name = operation ?? (owner ? `${owner}.` : "") + String(key)
  if (descriptor !== undefined) {
    if (typeof descriptor.value === "function") descriptor.value = wrap(descriptor.value as Callable, name, options)
    return descriptor
  }
  try {
    // A field: nothing is there yet. What is assigned first becomes the instance's own, wrapped.
    Object.defineProperty(target, key, {
      configurable: true,
      get: () => undefined,
      set(this: object, value: unknown) {
        const held = typeof value === "function" ? wrap(value as Callable, name, options) : value
        Object.defineProperty(this, key, { value: held, configurable: true, enumerable: true, writable: true })
      },
    })
  } catch (error) {
    failed("@trace", error)
  }
  return undefined
}

/** A method wrapped before its class has a name: it is called after the class of what it is first called on. */
function lateNamed(method: Callable, operation: string | undefined, options: TraceOptions | undefined, key: string | symbol): Callable {
  if (operation !== undefined) return wrap(method, operation, options)
  const made = new Map<string, Callable>()
  const outer = wrapShell(method, (self) => {
    const name = ownerName(self) + String(key)
    let found = made.get(name)
    if (found === undefined) {
      found = wrap(method, name, options)
      if (made.size < 64) made.set(name, found)
    }
    return found
  })
  return outer
}

function wrapShell(method: Callable, pick: (self: unknown) => Callable): Callable {
  const shell = function (this: unknown, ...args: unknown[]): unknown {
    return Reflect.apply(pick(this), this, args)
  }
  Object.defineProperty(shell, "name", { value: method.name, configurable: true })
  Object.defineProperty(shell, "length", { value: method.length, configurable: true })
  return shell
}

function ownerName(self: unknown): string {
  try {
    const name: unknown = typeof self === "function" ? self.name : (self as object | undefined)?.constructor?.name
    return typeof name === "string" && name && name !== "Object" ? `${name}.` : ""
  } catch {
    return ""
  }
}

function isContext(value: unknown): value is DecoratorContext {
  return typeof value === "object" && value !== null && typeof (value as { kind?: unknown }).kind === "string" && "name" in value
}

function isClass(value: Callable): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value).slice(0, 6))
}

function describe(value: unknown): string {
  return typeof value === "function" ? `class ${value.name}` : typeof value
}
