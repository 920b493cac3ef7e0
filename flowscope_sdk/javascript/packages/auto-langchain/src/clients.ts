/**
 * openai and @anthropic-ai/sdk: each call of a model is a span, streams included.
 *
 * What a call returns is what the client made: its own promise, with all that can be done with it, parsed once and only
 * when somebody waits for it. A stream stays the object that it is; what its iterator gives is seen on its way.
 */

import { AsyncLocalStorage } from "node:async_hooks"
import { api } from "@flowscope/sdk/instrument"
import type { Span } from "@flowscope/sdk/instrument"
import * as genai from "./genai"
import { replace } from "./langchain"
import { answerMetadata, answerOutput, endpointOf, streamMetadata } from "./replies"
import type { Endpoint, StreamState } from "./replies"

interface Call {
  readonly span: Span
  requested: boolean
}

interface ApiPromise {
  _thenUnwrap?(transform: (value: unknown) => unknown): object
}

const calls = new AsyncLocalStorage<Call>()

/** The client class of either package, whatever it is called there. */
export function patchClient(client: unknown, provider: string): void {
  const proto = (client as { prototype?: object } | undefined)?.prototype
  replace(proto, "post", (original) => {
    return function (this: unknown, ...args: unknown[]): unknown {
      const begun = begin(this, args, provider)
      return begun === undefined ? original.apply(this, args) : ask(begun.span, begun.endpoint, () => original.apply(this, args))
    }
  })
  replace(proto, "makeRequest", (original) => {
    return function (this: unknown, ...args: unknown[]): unknown {
      const call = calls.getStore()
      if (call === undefined || call.requested) return original.apply(this, args)
      call.requested = true
      // The promise made by `then` stands for the first: whether a rejection is handled is still seen.
      return (original.apply(this, args) as Promise<unknown>).then(undefined, (error: unknown) => {
        call.span.end({ error })
        throw error
      })
    }
  })
}

function begin(client: unknown, args: readonly unknown[], provider: string): { span: Span; endpoint: Endpoint } | undefined {
  try {
    const path = args[0]
    const endpoint = typeof path === "string" ? endpointOf(path) : undefined
    if (endpoint === undefined) return undefined
    const body = genai.at(args[1], "body")
    const model = genai.text(genai.at(body, "model"))
    const input = Object.fromEntries(endpoint.given.filter((name) => genai.at(body, name) !== undefined).map((name) => [name, genai.at(body, name)]))
    const span = api.startSpan(model ? `${endpoint.operation} ${model}` : endpoint.operation, {
      kind: endpoint.kind,
      framework: provider,
      input,
      metadata: { "gen_ai.operation.name": endpoint.operation, "gen_ai.provider.name": providerOf(client, provider), ...genai.request(body) },
    })
    return span.isRecording ? { span, endpoint } : undefined
  } catch (error) {
    api.failed("openai", error)
    return undefined
  }
}

function providerOf(client: unknown, provider: string): string {
  return /azure/i.test((client as object).constructor.name) ? "azure.ai.openai" : provider
}

function ask(span: Span, endpoint: Endpoint, post: () => unknown): unknown {
  let promise: unknown
  try {
    promise = calls.run({ span, requested: false }, () => api.withSpan(span, post))
  } catch (error) {
    span.end({ error })
    throw error
  }
  try {
    const unwrap = (promise as ApiPromise | undefined)?._thenUnwrap
    if (typeof unwrap !== "function") {
      span.end()
      return promise
    }
    return watchRaw(span, unwrap.call(promise, (value) => answered(span, endpoint, value)))
  } catch (error) {
    api.failed("openai", error)
    return promise
  }
}

/** Who only wants the raw response never has it parsed: then the span ends with that. */
function watchRaw(span: Span, promise: object): object {
  const own = promise as { parse?: (...args: unknown[]) => Promise<unknown>; asResponse?: (...args: unknown[]) => Promise<{ status?: unknown }> }
  const { parse, asResponse } = own
  if (typeof parse !== "function" || typeof asResponse !== "function") return promise
  let parsed = false
  const hide = (name: string, value: unknown): void => {
    Object.defineProperty(promise, name, { value, configurable: true, writable: true, enumerable: false })
  }
  hide("parse", (...args: unknown[]) => {
    parsed = true
    return parse.apply(promise, args).catch((error: unknown) => {
      span.end({ error })
      throw error
    })
  })
  hide("asResponse", (...args: unknown[]) =>
    asResponse.apply(promise, args).then((response) => {
      if (!parsed) span.set("http.response.status_code", response.status).end()
      return response
    }),
  )
  return promise
}

function answered(span: Span, endpoint: Endpoint, value: unknown): unknown {
  try {
    const stream = value as { iterator?: unknown; controller?: unknown } | null
    if (typeof stream === "object" && stream !== null && typeof stream.iterator === "function" && "controller" in stream) {
      const original = stream.iterator as (this: unknown) => AsyncIterator<unknown>
      stream.iterator = function (this: unknown): AsyncIterator<unknown> {
        return tapped(span, endpoint, original.call(this ?? stream))
      }
    } else {
      span.setMetadata(told(span, answerMetadata(value)))
      span.end({ output: answerOutput(endpoint, value) })
    }
  } catch (error) {
    span.end()
    api.failed("openai", error)
  }
  return value
}

/** What is known of a call. If the span above it is a model's call too, LangChain's, both tell the tokens: they count here. */
function told(span: Span, about: Record<string, unknown>): Record<string, unknown> {
  const spent = Object.keys(about).some((name) => name.startsWith("gen_ai.usage."))
  return spent && span.parentId ? { ...about, "flowscope.usage.caller": span.parentId } : about
}

async function* tapped(span: Span, endpoint: Endpoint, pieces: AsyncIterator<unknown>): AsyncGenerator<unknown> {
  const so: StreamState = { usage: {} }
  let over = false
  try {
    for (;;) {
      const step = await pieces.next()
      if (step.done) break
      try {
        endpoint.piece(span, step.value, so)
      } catch (error) {
        api.failed("openai stream", error)
      }
      yield step.value
    }
    over = true
    span.setMetadata(told(span, streamMetadata(so)))
    span.end(so.whole === undefined ? undefined : { output: so.whole })
  } catch (error) {
    over = true
    span.setMetadata(told(span, streamMetadata(so)))
    span.end({ error })
    throw error
  } finally {
    if (!over) {
      await pieces.return?.()
      span.setMetadata({ ...told(span, streamMetadata(so)), "flowscope.stream.abandoned": true })
      span.end()
    }
  }
}
