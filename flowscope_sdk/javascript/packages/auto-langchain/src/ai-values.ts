/** What Vercel's AI SDK asks and is answered, in the words of the conventions; versions 4 to 7 of its models' interface. */

import type { Span } from "@flowscope/sdk/instrument"
import * as genai from "./genai"
import type { Metadata } from "./genai"

const GIVEN = ["system", "instructions", "prompt", "messages", "schemaName", "schemaDescription"] as const
const PROVIDERS: Record<string, string> = { google: "gcp.gemini", "google.vertex": "gcp.vertex_ai", vertex: "gcp.vertex_ai" }

/** What one of its functions was asked, messages in the form of the conventions. */
export function functionInput(options: unknown): Metadata {
  const found: Metadata = {}
  for (const name of GIVEN) {
    const value = genai.at(options, name)
    if (value !== undefined && value !== null) found[name] = Array.isArray(value) ? value.map(message) : value
  }
  return found
}

/** What one of its functions came to. */
export function functionOutput(result: unknown): unknown {
  const object = genai.at(result, "object")
  return object === undefined ? genai.at(result, "text") : object
}

/** What any call of a model says of it, and of what it was asked. */
export function callMetadata(model: unknown, operation: string, asked: unknown): Metadata {
  const found: Metadata = { "gen_ai.operation.name": operation, ...genai.request({ ...(asked as object), model: genai.at(model, "modelId") }) }
  const provider = providerOf(genai.text(genai.at(model, "provider")))
  if (provider) found["gen_ai.provider.name"] = provider
  const tools = genai.at(asked, "mode.tools")
  if (Array.isArray(tools) && tools.length) found["gen_ai.tool.definitions"] = tools
  const form = genai.at(asked, "responseFormat.type") ?? genai.at(asked, "mode.type")
  if (form === "json" || form === "object-json" || form === "object-tool") found["gen_ai.output.type"] = "json"
  return found
}

/** `openai.chat` is OpenAI's. */
function providerOf(named: string | undefined): string | undefined {
  if (named === undefined) return undefined
  const [first = named, second = ""] = named.split(".")
  const plain = first.replaceAll("-", "_").toLowerCase()
  const known = PROVIDERS[`${first}.${second}`] ?? PROVIDERS[first] ?? genai.provider(plain)
  return known === plain ? first : known
}

/** What a model was asked. */
export function callInput(method: string, asked: unknown): unknown {
  if (method === "doEmbed") return { texts: genai.at(asked, "values") }
  if (method === "doRerank") return { query: genai.at(asked, "query"), documents: genai.at(asked, "documents.values") ?? genai.at(asked, "documents") }
  const messages = genai.at(asked, "prompt")
  const schema = genai.at(asked, "responseFormat.schema") ?? genai.at(asked, "mode.schema")
  return { messages: Array.isArray(messages) ? messages.map(message) : messages, ...(schema !== undefined && { schema }) }
}

/** A message `{role, content}` as the conventions have it. */
function message(value: unknown): unknown {
  const content = genai.at(value, "content")
  if (!Array.isArray(content)) return value
  return { role: genai.at(value, "role"), parts: content.map(part) }
}

function part(value: unknown): unknown {
  const type = genai.at(value, "type")
  if (type === "text" || type === "reasoning") return { type, content: genai.at(value, "text") }
  if (type === "tool-call") return toolCall(value)
  if (type === "tool-result") {
    const output = genai.at(value, "output")
    const response = genai.at(output, "value") ?? output ?? genai.at(value, "result")
    const failed = genai.at(value, "isError") === true || String(genai.at(output, "type")).startsWith("error")
    return { type: "tool_call_response", id: genai.at(value, "toolCallId"), name: genai.at(value, "toolName"), response, ...(failed && { is_error: true }) }
  }
  return value
}

function toolCall(value: unknown): Metadata {
  const args = genai.at(value, "input") ?? genai.at(value, "args")
  return { type: "tool_call", id: genai.at(value, "toolCallId"), name: genai.at(value, "toolName"), arguments: args }
}

/** What a model answered as a whole: bare text, if that is all there is; else a message with its parts. */
export function answerOutput(answer: unknown): unknown {
  const parts: { type: unknown; content?: unknown }[] = []
  const content = genai.at(answer, "content")
  if (Array.isArray(content)) parts.push(...content.map((each) => part(each) as { type: unknown }))
  else {
    const reasoning = genai.at(answer, "reasoning")
    if (typeof reasoning === "string") parts.push({ type: "reasoning", content: reasoning })
    else if (Array.isArray(reasoning)) parts.push(...reasoning.map((each) => ({ type: "reasoning", content: genai.at(each, "text") })))
    const said = genai.text(genai.at(answer, "text"))
    if (said !== undefined) parts.push({ type: "text", content: said })
    const calls = genai.at(answer, "toolCalls")
    if (Array.isArray(calls)) parts.push(...calls.map((each) => toolCall(each) as { type: unknown }))
  }
  return parts.length === 1 && parts[0]!.type === "text" ? parts[0]!.content : { role: "assistant", parts }
}

/** Vectors are told by how many of which size, not by their numbers; reranked documents by their place and score. */
export function otherOutput(method: string, answer: unknown): unknown {
  if (method === "doRerank") return { ranking: genai.at(answer, "ranking") }
  const vectors = genai.at(answer, "embeddings")
  const first: unknown = Array.isArray(vectors) ? vectors[0] : undefined
  return { embeddings: Array.isArray(vectors) ? vectors.length : 0, dimensions: (first as { length?: unknown } | undefined)?.length ?? null }
}

/** What an answer says of itself: model, id, why it ended, and the tokens used. */
export function answerMetadata(answer: unknown): Metadata {
  const found: Metadata = {}
  const model = genai.text(genai.at(answer, "response.modelId"))
  const id = genai.text(genai.at(answer, "response.id"))
  const ended = genai.at(answer, "finishReason")
  const reason = genai.text(ended) ?? genai.text(genai.at(ended, "unified"))
  if (model) found["gen_ai.response.model"] = model
  if (id) found["gen_ai.response.id"] = id
  if (reason) found["gen_ai.response.finish_reasons"] = [reason]
  const usage = genai.at(answer, "usage")
  const tokens = genai.at(usage, "tokens")
  return { ...found, ...genai.usage(usage, tokens === undefined ? undefined : { inputTokens: tokens }) }
}

/** What a model's stream has said of itself so far. */
export interface Streamed {
  response?: unknown
  finishReason?: unknown
  usage?: unknown
  failed?: { error: unknown }
  calls: Set<unknown>
}

/** Tell a span of a piece of a model's stream. */
export function streamPiece(span: Span, piece: unknown, so: Streamed): void {
  const delta = genai.text(genai.at(piece, "delta")) ?? genai.text(genai.at(piece, "textDelta"))
  const call = (key: unknown, text: unknown): void => {
    span.streamToolCall(key, genai.text(text) ?? "", { ...(typeof key === "string" && { id: key }), name: genai.text(genai.at(piece, "toolName")) })
    so.calls.add(key)
  }
  switch (genai.at(piece, "type")) {
    case "text-delta":
      if (delta) span.stream(delta)
      break
    case "reasoning":
    case "reasoning-delta":
      if (delta) span.streamReasoning(delta)
      break
    case "tool-input-start":
    case "tool-input-delta":
      call(genai.at(piece, "id"), delta)
      break
    case "tool-call-delta":
      call(genai.at(piece, "toolCallId"), genai.at(piece, "argsTextDelta"))
      break
    case "tool-call": {
      const id = genai.at(piece, "toolCallId")
      if (!so.calls.has(id)) call(id, genai.at(piece, "input") ?? genai.at(piece, "args"))
      break
    }
    case "response-metadata":
      so.response = piece && { id: genai.at(piece, "id"), modelId: genai.at(piece, "modelId") }
      break
    case "finish":
      so.finishReason = genai.at(piece, "finishReason")
      so.usage = genai.at(piece, "usage")
      break
    case "error":
      so.failed = { error: genai.at(piece, "error") }
  }
}
