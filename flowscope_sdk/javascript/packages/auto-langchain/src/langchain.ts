/** LangChain.js: our handler in every callback manager, and a context for the bodies of models and retrievers. */

import * as nesting from "./nesting"
import { handler, known } from "./runs"

type Method = (this: unknown, ...args: unknown[]) => unknown
type Methods = Record<string, unknown>

interface Manager {
  handlers: { name?: string }[]
  addHandler(handler: unknown, inherit: boolean): void
}

const PATCHED = Symbol.for("flowscope.patched")

/** `@langchain/core/callbacks/manager`. */
export function patchManager(exports: { CallbackManager?: unknown }): void {
  nesting.install(known)
  replace(exports.CallbackManager, "_configureSync", (original) => {
    return function (this: unknown, inheritable: unknown, local: unknown, ...rest: unknown[]): unknown {
      const given = inheritable || local ? inheritable : [handler]
      const manager = original.call(this, given, local, ...rest) as Manager | undefined
      if (manager !== undefined && !manager.handlers.some((each) => each.name === handler.name)) manager.addHandler(handler, true)
      return manager
    }
  })
}

/** `@langchain/core/singletons`: what carries LangChain's own context, where a program has switched that on, and where not. */
export function patchContext(exports: { AsyncLocalStorageProviderSingleton?: unknown }): void {
  const proto: unknown = Object.getPrototypeOf(exports.AsyncLocalStorageProviderSingleton)
  replace(proto, "runWithConfig", (original) => {
    return function (this: unknown, config: unknown, callback: unknown, ...rest: unknown[]): unknown {
      const run = nesting.runOf(config)
      const call = (): unknown => original.call(this, config, callback, ...rest)
      return run === undefined ? call() : nesting.inRun(run, call)
    }
  })
}

/** `@langchain/core/language_models/*`. */
export function patchModel(exports: { BaseChatModel?: unknown; BaseLLM?: unknown }): void {
  const proto = ((exports.BaseChatModel ?? exports.BaseLLM) as { prototype?: unknown } | undefined)?.prototype
  replace(proto, "_generateUncached", (original) => {
    return function (this: unknown, ...args: unknown[]): unknown {
      return nesting.inBody("llm", () => original.apply(this, args))
    }
  })
  replace(proto, "_streamIterator", (original) => {
    return function (this: unknown, ...args: unknown[]): unknown {
      return nesting.inBodySteps("llm", original.apply(this, args) as AsyncGenerator<object>)
    }
  })
}

/** `@langchain/core/retrievers`. */
export function patchRetriever(exports: { BaseRetriever?: { prototype?: unknown } }): void {
  replace(exports.BaseRetriever?.prototype, "invoke", (original) => {
    return function (this: unknown, ...args: unknown[]): unknown {
      return nesting.inBody("retriever", () => original.apply(this, args))
    }
  })
}

/** Put something in the place of a method, once. */
export function replace(owner: unknown, name: string, make: (original: Method) => Method): void {
  const methods = owner as Methods | undefined
  if (methods === undefined || methods === null || !Object.hasOwn(methods, name)) return
  const original = methods[name]
  if (typeof original !== "function" || PATCHED in original) return
  const replacement = make(original as Method)
  Object.defineProperty(replacement, "name", { value: original.name, configurable: true })
  Object.defineProperty(replacement, "length", { value: original.length, configurable: true })
  Object.defineProperty(replacement, PATCHED, { value: true })
  Object.defineProperty(methods, name, { ...Object.getOwnPropertyDescriptor(methods, name), value: replacement })
}
