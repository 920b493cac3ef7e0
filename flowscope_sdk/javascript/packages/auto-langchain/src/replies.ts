/** What openai and @anthropic-ai/sdk are asked and answer, in the words of the conventions; streams piece by piece. */

import type { Span } from "@flowscope/sdk/instrument"
import * as genai from "./genai"

/** A path of an API: what a call of it is. */
export interface Endpoint {
  readonly operation: string
  readonly kind: string
  /** The members of a request that are its input. */
  readonly given: readonly string[]
  /** Tell a span of a piece of a stream. */
  readonly piece: (span: Span, piece: unknown, so: StreamState) => void
}

/** What a stream has said so far beside its text. */
export interface StreamState {
  usage: Record<string, number>
  reason?: string
  model?: string
  id?: string
  /** The whole answer, where the last piece has it. */
  whole?: unknown
}

const ENDPOINTS: readonly (readonly [RegExp, Endpoint])[] = [
  [/\/chat\/completions$/, { operation: "chat", kind: "llm", given: ["messages", "tools", "functions"], piece: chatPiece }],
  [/\/messages$/, { operation: "chat", kind: "llm", given: ["system", "messages", "tools"], piece: messagePiece }],
  [/\/responses$/, { operation: "chat", kind: "llm", given: ["instructions", "input", "tools"], piece: responsePiece }],
  [/\/completions$/, { operation: "text_completion", kind: "llm", given: ["prompt", "suffix"], piece: chatPiece }],
  [/\/embeddings$/, { operation: "embeddings", kind: "embedding", given: ["input"], piece: () => {} }],
]

/** What a call of `path` is; undefined of one that is no model's. */
export function endpointOf(path: string): Endpoint | undefined {
  const bare = path.split("?")[0]!
  if (/\/threads\//.test(bare)) return undefined
  return ENDPOINTS.find(([pattern]) => pattern.test(bare))?.[1]
}

/** What an answer that came as a whole says of itself. */
export function answerMetadata(answer: unknown): Record<string, unknown> {
  const choices = genai.at(answer, "choices")
  const reasons = Array.isArray(choices) ? choices.map((each) => genai.text(genai.at(each, "finish_reason"))).filter(Boolean) : []
  const reason = genai.text(genai.at(answer, "stop_reason"))
  if (reason) reasons.push(reason)
  return withUsage(genai.text(genai.at(answer, "model")), genai.text(genai.at(answer, "id")), reasons, genai.usage(genai.at(answer, "usage")))
}

/** The same of a stream that is over. */
export function streamMetadata(so: StreamState): Record<string, unknown> {
  return withUsage(so.model, so.id, so.reason ? [so.reason] : [], so.usage)
}

/** An answer's output: of vectors how many of which size, not the numbers. */
export function answerOutput(endpoint: Endpoint, answer: unknown): unknown {
  if (endpoint.kind !== "embedding") return answer
  const data = genai.at(answer, "data")
  const first = Array.isArray(data) ? genai.at(data[0], "embedding") : undefined
  return { embeddings: Array.isArray(data) ? data.length : 0, dimensions: Array.isArray(first) ? first.length : null }
}

function withUsage(model: string | undefined, id: string | undefined, reasons: unknown[], usage: Record<string, number>): Record<string, unknown> {
  return {
    ...(model && { "gen_ai.response.model": model }),
    ...(id && { "gen_ai.response.id": id }),
    ...(reasons.length && { "gen_ai.response.finish_reasons": reasons }),
    ...usage,
  }
}

function chatPiece(span: Span, piece: unknown, so: StreamState): void {
  so.model ??= genai.text(genai.at(piece, "model"))
  so.id ??= genai.text(genai.at(piece, "id"))
  Object.assign(so.usage, genai.usage(genai.at(piece, "usage")))
  const choices = genai.at(piece, "choices")
  for (const choice of Array.isArray(choices) ? choices : []) {
    const said = genai.text(genai.at(choice, "delta.content")) ?? genai.text(genai.at(choice, "text"))
    if (said) span.stream(said)
    const thought = genai.text(genai.at(choice, "delta.reasoning_content"))
    if (thought) span.streamReasoning(thought)
    const calls = genai.at(choice, "delta.tool_calls")
    for (const call of Array.isArray(calls) ? calls : []) {
      span.streamToolCall(genai.at(call, "index"), genai.text(genai.at(call, "function.arguments")) ?? "", {
        id: genai.text(genai.at(call, "id")),
        name: genai.text(genai.at(call, "function.name")),
      })
    }
    so.reason = genai.text(genai.at(choice, "finish_reason")) ?? so.reason
  }
}

function messagePiece(span: Span, piece: unknown, so: StreamState): void {
  so.model ??= genai.text(genai.at(piece, "message.model"))
  so.id ??= genai.text(genai.at(piece, "message.id"))
  Object.assign(so.usage, genai.usage(genai.at(piece, "message.usage")), genai.usage(genai.at(piece, "usage")))
  so.reason = genai.text(genai.at(piece, "delta.stop_reason")) ?? so.reason
  const index = genai.at(piece, "index")
  const said = genai.text(genai.at(piece, "delta.text"))
  if (said) span.stream(said)
  const thought = genai.text(genai.at(piece, "delta.thinking"))
  if (thought) span.streamReasoning(thought)
  if (genai.at(piece, "content_block.type") === "tool_use") {
    span.streamToolCall(index, "", { id: genai.text(genai.at(piece, "content_block.id")), name: genai.text(genai.at(piece, "content_block.name")) })
  }
  const part = genai.text(genai.at(piece, "delta.partial_json"))
  if (part) span.streamToolCall(index, part)
}

function responsePiece(span: Span, piece: unknown, so: StreamState): void {
  const type = genai.at(piece, "type")
  const delta = genai.text(genai.at(piece, "delta"))
  if (delta && type === "response.output_text.delta") span.stream(delta)
  if (delta && String(type).startsWith("response.reasoning")) span.streamReasoning(delta)
  const whole = genai.at(piece, "response")
  if (whole === undefined) return
  so.model ??= genai.text(genai.at(whole, "model"))
  so.id ??= genai.text(genai.at(whole, "id"))
  Object.assign(so.usage, genai.usage(genai.at(whole, "usage")))
  if (type === "response.completed") so.whole = whole
}
