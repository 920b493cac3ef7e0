/** LangChain's callbacks as spans: one span a run, keyed by its run id. */

import { api } from "@flowscope/sdk/instrument"
import type { Span } from "@flowscope/sdk/instrument"
import * as nesting from "./nesting"
import * as values from "./values"

/** Runs that ended lately are still parents of what is started under them. */
const REMEMBERED = 1024
const open = new Map<string, Span>()
const ended = new Map<string, Span>()

/** The span of a run that is open or ended lately. */
export function known(runId: unknown): Span | undefined {
  return typeof runId === "string" ? (open.get(runId) ?? ended.get(runId)) : undefined
}

interface Started {
  readonly operation: string
  readonly kind: string
  readonly input: unknown
  readonly metadata: Record<string, unknown>
  readonly framework?: string
}

function start(runId: string, parentRunId: unknown, about: Started): void {
  if (open.has(runId)) return
  const { operation, kind, input, metadata, framework = "langchain" } = about
  const parent = nesting.inner(known(parentRunId))
  const span = api.startSpan(operation, { kind, framework, input, metadata, ...(parent && { parent }) })
  open.set(runId, span)
  nesting.began(kind, span)
}

function take(runId: string): Span | undefined {
  const span = open.get(runId)
  if (span === undefined) return undefined
  open.delete(runId)
  ended.set(runId, span)
  if (ended.size > REMEMBERED) ended.delete(ended.keys().next().value as string)
  return span
}

function end(runId: string, output: unknown, metadata?: Record<string, unknown>, input?: unknown): void {
  const span = take(runId)
  if (span === undefined) return
  if (metadata) span.setMetadata(metadata)
  if (input !== undefined) span.input = input
  span.end({ output })
}

function fail(runId: string, error: unknown, input?: unknown): void {
  const span = take(runId)
  if (span === undefined) return
  if (input !== undefined) span.input = input
  const steering = values.controlFlow(error)
  if (steering === undefined) span.end({ error })
  else span.setMetadata(steering).end()
}

/** A run that has a graph's node under it is the graph. */
function markGraph(runId: unknown): void {
  const span = typeof runId === "string" ? open.get(runId) : undefined
  if (span === undefined || span.kind !== "chain") return
  span.kind = "agent"
  span.setMetadata({ "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": span.operation })
}

/** A callback that must not fail, whatever it is told. */
function safe<A extends unknown[]>(name: string, callback: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      callback(...args)
    } catch (error) {
      api.failed(name, error)
    }
  }
}

type Id = string

/** The one callback handler of this thread, for every copy of LangChain. */
export const handler = {
  name: "flowscope_tracer",
  lc_serializable: false,
  // Awaited: it is told in order, at the moment, in the context of what it is told of.
  awaitHandlers: true,
  raiseError: false,
  ignoreLLM: false,
  ignoreChain: false,
  // Tools are told of under this name.
  ignoreAgent: false,
  ignoreRetriever: false,
  ignoreCustomEvent: true,

  copy(): unknown {
    return handler
  },

  handleChainStart: safe(
    "handleChainStart",
    (chain: unknown, inputs: unknown, runId: Id, parentRunId: unknown, tags: unknown, metadata: unknown, runType: unknown, name: unknown) => {
      let framework = "langchain"
      if (Array.isArray(tags) && tags.some((tag) => String(tag).startsWith("graph:step:"))) {
        framework = "langgraph"
        markGraph(parentRunId)
      }
      const operation = values.runName(name, chain)
      const kind = runType === "prompt" || runType === "parser" ? runType : operation === "AgentExecutor" ? "agent" : "chain"
      start(runId, parentRunId, { operation, kind, framework, input: values.named(inputs, "input"), metadata: values.runMetadata(runId, tags, metadata) })
    },
  ),

  handleChainEnd: safe("handleChainEnd", (outputs: unknown, runId: Id, _parent?: unknown, _tags?: unknown, more?: { inputs?: unknown }) => {
    end(runId, values.named(outputs, "output"), undefined, more?.inputs === undefined ? undefined : values.named(more.inputs, "input"))
  }),

  handleChainError: safe("handleChainError", (error: unknown, runId: Id, _parent?: unknown, _tags?: unknown, more?: { inputs?: unknown }) => {
    fail(runId, error, more?.inputs === undefined ? undefined : values.named(more.inputs, "input"))
  }),

  handleChatModelStart: safe(
    "handleChatModelStart",
    (model: unknown, messages: unknown, runId: Id, parentRunId: unknown, extra: unknown, tags: unknown, metadata: unknown, name: unknown) => {
      const about = { ...values.runMetadata(runId, tags, metadata), ...values.modelMetadata(metadata, extra, "chat") }
      start(runId, parentRunId, { operation: values.runName(name, model), kind: "llm", input: { messages }, metadata: about })
    },
  ),

  handleLLMStart: safe(
    "handleLLMStart",
    (model: unknown, prompts: unknown, runId: Id, parentRunId: unknown, extra: unknown, tags: unknown, metadata: unknown, name: unknown) => {
      const about = { ...values.runMetadata(runId, tags, metadata), ...values.modelMetadata(metadata, extra, "text_completion") }
      start(runId, parentRunId, { operation: values.runName(name, model), kind: "llm", input: { prompts }, metadata: about })
    },
  ),

  handleLLMNewToken: safe("handleLLMNewToken", (token: unknown, _index: unknown, runId: Id, _parent: unknown, _tags: unknown, fields?: { chunk?: unknown }) => {
    const span = open.get(runId)
    if (span === undefined) return
    if (typeof token === "string" && token) span.stream(token)
    const calls = (fields?.chunk as { message?: { tool_call_chunks?: unknown } } | undefined)?.message?.tool_call_chunks
    for (const piece of (Array.isArray(calls) ? calls : []) as { index?: number; id?: string; name?: string; args?: string }[]) {
      span.streamToolCall(piece.index ?? piece.id, piece.args ?? "", { id: piece.id, name: piece.name })
    }
  }),

  handleLLMEnd: safe("handleLLMEnd", (result: unknown, runId: Id) => {
    end(runId, values.modelOutput(result), values.responseMetadata(result))
  }),

  handleLLMError: safe("handleLLMError", (error: unknown, runId: Id) => fail(runId, error)),

  handleToolStart: safe(
    "handleToolStart",
    (tool: unknown, input: unknown, runId: Id, parentRunId: unknown, tags: unknown, metadata: unknown, name: unknown, callId: unknown) => {
      const operation = values.runName(name, tool)
      const about = { ...values.runMetadata(runId, tags, metadata), ...values.toolMetadata(operation, tool, callId) }
      start(runId, parentRunId, { operation, kind: "tool", input: values.toolInput(input), metadata: about })
    },
  ),

  handleToolEnd: safe("handleToolEnd", (output: unknown, runId: Id) => {
    const id = (output as { tool_call_id?: unknown } | undefined)?.tool_call_id
    end(runId, { output }, typeof id === "string" ? { "gen_ai.tool.call.id": id } : undefined)
  }),

  handleToolError: safe("handleToolError", (error: unknown, runId: Id) => fail(runId, error)),

  handleRetrieverStart: safe(
    "handleRetrieverStart",
    (retriever: unknown, query: unknown, runId: Id, parentRunId: unknown, tags: unknown, metadata: unknown, name: unknown) => {
      const about = { ...values.runMetadata(runId, tags, metadata), "gen_ai.operation.name": "retrieval", "gen_ai.retrieval.query.text": query }
      start(runId, parentRunId, { operation: values.runName(name, retriever, "Retriever"), kind: "retriever", input: { query }, metadata: about })
    },
  ),

  handleRetrieverEnd: safe("handleRetrieverEnd", (documents: unknown, runId: Id) => {
    end(runId, { documents }, values.documentMetadata(documents))
  }),

  handleRetrieverError: safe("handleRetrieverError", (error: unknown, runId: Id) => fail(runId, error)),
}
