/**
 * Vercel's AI SDK: its functions, what they ask of models, and the tools that they run.
 *
 * Its source hands these over while it is loaded (see handover.ts). What a function returns stays what it is: of a stream
 * the source, from which all its forms are made, is watched on its way. The program's models, options and tools are left
 * as they are; what is watched of them are copies that only the AI SDK sees.
 */

import { AsyncLocalStorage } from "node:async_hooks"
import { api } from "@flowscope/sdk/instrument"
import type { Span } from "@flowscope/sdk/instrument"
import * as values from "./ai-values"
import * as genai from "./genai"
import { isReadable, tapped } from "./tap"

/** As FLOWSCOPE_AUTO and spans name it. */
export const FRAMEWORK = "vercel-ai"
const HOOK = Symbol.for("flowscope.auto.ai")
const CALLS: Record<string, readonly [operation: string, kind: string]> = {
  doGenerate: ["chat", "llm"],
  doStream: ["chat", "llm"],
  doEmbed: ["embeddings", "embedding"],
  doRerank: ["rerank", "reranker"],
}

type Method = (this: unknown, ...args: unknown[]) => unknown

/** A model that is wrapped calls the one inside of it: that is the same call. */
const calling = new AsyncLocalStorage<boolean>()

/** Have the AI SDK, where it is loaded from now on, hand over what it does. */
export function installAi(): void {
  ;(globalThis as unknown as Record<symbol, unknown>)[HOOK] = { wrap, call }
}

function wrap(name: string, original: Method): Method {
  const traced: Method = function (this: unknown, ...args) {
    const span = api.startSpan(name, about(name, args[0]))
    return run(span, () => calling.run(false, () => original.call(this, withTools(args[0]), ...args.slice(1))), watchResult)
  }
  Object.defineProperty(traced, "name", { value: original.name, configurable: true })
  Object.defineProperty(traced, "length", { value: original.length, configurable: true })
  return traced
}

function about(name: string, options: unknown): Parameters<typeof api.startSpan>[1] {
  try {
    const agent = genai.at(options, "tools") !== undefined && name.endsWith("Text")
    const called = genai.text(genai.at(options, "experimental_telemetry.functionId")) ?? genai.text(genai.at(options, "telemetry.functionId"))
    const metadata = {
      ...(agent && { "gen_ai.operation.name": "invoke_agent" }),
      ...(called && { [agent ? "gen_ai.agent.name" : "ai.function_id"]: called }),
    }
    return { kind: agent ? "agent" : "chain", framework: FRAMEWORK, input: values.functionInput(options), metadata }
  } catch (error) {
    api.failed(name, error)
    return { kind: "chain", framework: FRAMEWORK }
  }
}

/** Run something in a span; `end` is told what came of it, and ends the span. */
function run(span: Span, work: () => unknown, end: (span: Span, result: unknown) => unknown): unknown {
  const failed = (error: unknown): never => {
    span.end({ error })
    throw error
  }
  const told = (result: unknown): unknown => {
    try {
      return end(span, result)
    } catch (error) {
      span.end()
      api.failed(FRAMEWORK, error)
      return result
    }
  }
  let result: unknown
  try {
    result = api.withSpan(span, work)
  } catch (error) {
    return failed(error)
  }
  // The promise made by `then` stands for the first: whether a rejection is handled is still seen.
  return result instanceof Promise ? result.then(told, failed) : told(result)
}

/** What a function returned: a result, or one whose stream goes on. */
function watchResult(span: Span, result: unknown): unknown {
  const base = genai.at(result, "baseStream")
  if (!isReadable(base)) {
    span.end({ output: values.functionOutput(result) })
    return result
  }
  let text = ""
  let object: unknown
  let failure: { error: unknown } | undefined
  ;(result as { baseStream: unknown }).baseStream = tapped(base, {
    piece(piece) {
      const part = genai.at(piece, "part") ?? piece
      const type = genai.at(part, "type")
      if (type === "start-step" || type === "step-start") text = ""
      else if (type === "text-delta") text += genai.text(genai.at(part, "text")) ?? genai.text(genai.at(part, "textDelta")) ?? ""
      else if (type === "object") object = genai.at(part, "object")
      else if (type === "error") failure = { error: genai.at(part, "error") }
      else if (type === "abort") span.set("flowscope.stream.abandoned", true)
      else if (type === "finish" && genai.at(part, "finishReason") !== "error") failure = undefined
    },
    over(error) {
      span.output = object ?? text
      span.end(error ?? failure)
    },
    left() {
      if (span.endTime !== undefined) return
      span.output = object ?? text
      span.set("flowscope.stream.abandoned", true).end()
    },
  })
  return result
}

/** The options with tools whose runs are seen. */
function withTools(options: unknown): unknown {
  try {
    const tools = genai.at(options, "tools")
    if (!isPlain(options) || !isPlain(tools)) return options
    return { ...options, tools: Object.fromEntries(Object.entries(tools).map(([name, tool]) => [name, watchTool(name, tool)])) }
  } catch (error) {
    api.failed(FRAMEWORK, error)
    return options
  }
}

function watchTool(name: string, tool: unknown): unknown {
  if (!isPlain(tool) || typeof tool.execute !== "function") return tool
  const execute = tool.execute as Method
  const traced: Method = (...args) => {
    const description = genai.text(tool.description)
    const id = genai.text(genai.at(args[1], "toolCallId"))
    const metadata = {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": name,
      "gen_ai.tool.type": "function",
      ...(description && { "gen_ai.tool.description": description }),
      ...(id && { "gen_ai.tool.call.id": id }),
    }
    const span = api.startSpan(name, { kind: "tool", framework: FRAMEWORK, input: args[0], metadata })
    return run(span, () => execute.apply(tool, args), watchToolResult)
  }
  const members = { ...Object.getOwnPropertyDescriptors(tool), execute: { value: traced, configurable: true, enumerable: true, writable: true } }
  return Object.create(Object.getPrototypeOf(tool) as object | null, members)
}

/** A tool may give what it has so far, piece by piece; the last piece is its result. */
function watchToolResult(span: Span, result: unknown): unknown {
  if (typeof result === "object" && result !== null && Symbol.asyncIterator in result) return stepsOf(span, result as AsyncIterable<unknown>)
  span.end({ output: result })
  return result
}

async function* stepsOf(span: Span, result: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  const steps = result[Symbol.asyncIterator]()
  let over = false
  try {
    for (;;) {
      const step = await api.withSpan(span, () => steps.next())
      if (step.done) break
      span.output = step.value
      yield step.value
    }
    over = true
  } catch (error) {
    over = true
    span.end({ error })
    throw error
  } finally {
    if (!over) await steps.return?.()
    span.end()
  }
}

/** Call a model's method, as the AI SDK does. */
function call(model: object, method: string, args: unknown[]): unknown {
  const ask = (): unknown => (model as Record<string, Method>)[method]!(...args)
  const [operation, kind] = CALLS[method]!
  // What makes images and speech has no messages.
  if (calling.getStore() === true || (kind === "llm" && !Array.isArray(genai.at(args[0], "prompt")))) return ask()
  const named = genai.text(genai.at(model, "modelId"))
  const span = api.startSpan(named ? `${operation} ${named}` : operation, { kind, framework: FRAMEWORK, ...asked(model, method, operation, args[0]) })
  return run(span, () => calling.run(true, ask), kind === "llm" ? watchAnswer : (own, answer) => watchOther(own, method, answer))
}

function asked(model: unknown, method: string, operation: string, options: unknown): { input?: unknown; metadata?: Record<string, unknown> } {
  try {
    return { input: values.callInput(method, options), metadata: values.callMetadata(model, operation, options) }
  } catch (error) {
    api.failed(method, error)
    return {}
  }
}

function watchOther(span: Span, method: string, answer: unknown): unknown {
  span.setMetadata(values.answerMetadata(answer)).end({ output: values.otherOutput(method, answer) })
  return answer
}

function watchAnswer(span: Span, answer: unknown): unknown {
  const stream = genai.at(answer, "stream")
  if (!isReadable(stream)) {
    span.setMetadata(values.answerMetadata(answer)).end({ output: values.answerOutput(answer) })
    return answer
  }
  const so: values.Streamed = { calls: new Set() }
  const told = (): Span => span.setMetadata({ "gen_ai.request.stream": true, ...values.answerMetadata(so) })
  const seen = tapped(stream, {
    piece: (piece) => values.streamPiece(span, piece, so),
    over: (error) => told().end(error ?? so.failed),
    left: () => {
      if (span.endTime === undefined) told().set("flowscope.stream.abandoned", true).end()
    },
  })
  return { ...(answer as object), stream: seen }
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false
  const proto: unknown = Object.getPrototypeOf(value)
  return proto === Object.prototype || proto === null
}
