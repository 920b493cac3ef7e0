/** LangChain's runs in FlowScope's words: names, inputs, outputs and metadata, as LangChain's own tracer records them. */

import * as genai from "./genai"
import type { Metadata } from "./genai"

// What LangGraph writes into a run's metadata, and the name under which a span keeps it.
const LANGGRAPH: Record<string, string> = {
  langgraph_node: "langgraph.node",
  langgraph_step: "langgraph.step",
  langgraph_triggers: "langgraph.triggers",
  langgraph_path: "langgraph.path",
  langgraph_checkpoint_ns: "langgraph.checkpoint_ns",
  checkpoint_ns: "langgraph.checkpoint_ns",
  checkpoint_id: "langgraph.checkpoint_id",
}

/** The name that LangChain's tracer gives a run: its own, else what is run. */
export function runName(name: unknown, serialized: unknown, standard = "Unnamed"): string {
  const path = genai.at(serialized, "id")
  return genai.text(name) ?? (Array.isArray(path) ? genai.text(path.at(-1)) : undefined) ?? genai.text(genai.at(serialized, "name")) ?? standard
}

/** A value under a name, unless it is members already. */
export function named(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && !Array.isArray(value) && isPlain(value) ? value : { [name]: value }
}

/** `Run.outputs` of a model: the fields of the LLMResult, by the names of all languages. */
export function modelOutput(result: unknown): unknown {
  const generations = genai.at(result, "generations")
  if (!Array.isArray(generations)) return result
  return {
    generations: generations.map((batch: unknown) =>
      (Array.isArray(batch) ? batch : [batch]).map((each: unknown) => ({
        text: genai.at(each, "text"),
        message: genai.at(each, "message"),
        generation_info: genai.at(each, "generationInfo"),
      })),
    ),
    llm_output: genai.at(result, "llmOutput"),
  }
}

/** What any run says of itself: its id, tags, place in a graph, and the user's own metadata. */
export function runMetadata(runId: string, tags: unknown, metadata: unknown): Metadata {
  const found: Metadata = { "langchain.run_id": runId }
  if (Array.isArray(tags) && tags.length) found["langchain.tags"] = tags
  const rest: Metadata = {}
  for (const [key, value] of Object.entries((metadata ?? {}) as Metadata)) {
    if (key in LANGGRAPH) found[LANGGRAPH[key]!] = value
    else if (key === "thread_id") found["gen_ai.conversation.id"] = String(value)
    else if (!key.startsWith("__")) rest[key] = value
  }
  if (Object.keys(rest).length) found["langchain.metadata"] = rest
  return found
}

/** What was asked of a model. */
export function modelMetadata(metadata: unknown, extra: unknown, operation: string): Metadata {
  const invocation = (genai.at(extra, "invocation_params") ?? {}) as Metadata
  const ls = (metadata ?? {}) as Metadata
  const known: Metadata = {}
  for (const [name, key] of [
    ["temperature", "ls_temperature"],
    ["max_tokens", "ls_max_tokens"],
    ["stop", "ls_stop"],
    ["model", "ls_model_name"],
  ] as const) {
    if (ls[key] !== undefined && ls[key] !== null) known[name] = ls[key]
  }
  const found: Metadata = { "gen_ai.operation.name": operation, ...genai.request({ ...invocation, ...known }) }
  const provider = genai.provider(ls.ls_provider ?? invocation._type)
  if (provider) found["gen_ai.provider.name"] = provider
  return found
}

/** What a model said of its answer: model, id, finish reasons and the tokens used. */
export function responseMetadata(result: unknown): Metadata {
  const found: Metadata = {}
  const total: Record<string, number> = {}
  const reasons: string[] = []
  const generations = genai.at(result, "generations")
  for (const each of (Array.isArray(generations) ? generations.flat() : []) as unknown[]) {
    const said = genai.at(each, "message.response_metadata")
    found["gen_ai.response.model"] ??= genai.text(genai.at(said, "model_name")) ?? genai.text(genai.at(said, "model"))
    found["gen_ai.response.id"] ??= genai.text(genai.at(said, "id"))
    const reason = finishReason(genai.at(each, "generationInfo")) ?? finishReason(said)
    if (reason) reasons.push(reason)
    genai.addUsage(total, genai.usage(genai.at(each, "message.usage_metadata")))
  }
  const summary = genai.at(result, "llmOutput")
  found["gen_ai.response.model"] ??= genai.text(genai.at(summary, "model_name")) ?? genai.text(genai.at(summary, "model"))
  if (reasons.length) found["gen_ai.response.finish_reasons"] = reasons
  const counted = Object.keys(total).length ? total : genai.usage(genai.at(summary, "tokenUsage"), genai.at(summary, "usage"))
  return defined({ ...found, ...counted })
}

/** What a tool is and which of a model's calls it answers. */
export function toolMetadata(name: string, serialized: unknown, callId: unknown): Metadata {
  return defined({
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": name,
    "gen_ai.tool.type": "function",
    "gen_ai.tool.description": genai.text(genai.at(serialized, "description")),
    "gen_ai.tool.call.id": genai.text(callId),
  })
}

/** A tool's input: members where it is JSON of an object. */
export function toolInput(input: unknown): unknown {
  if (typeof input !== "string") return input
  try {
    const parsed: unknown = JSON.parse(input)
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed
  } catch {
    // Plain text.
  }
  return { input }
}

/** Which documents a retriever found, best first; their text stands in the output. */
export function documentMetadata(documents: unknown): Metadata {
  const listed = (Array.isArray(documents) ? documents : []).map((each: unknown) => {
    const score = [genai.at(each, "metadata.score"), genai.at(each, "metadata.relevance_score")].find((value) => typeof value === "number")
    const id = genai.at(each, "id") ?? genai.at(each, "metadata.id") ?? genai.at(each, "metadata.source") ?? null
    return score === undefined ? { id } : { id, score }
  })
  return { "gen_ai.retrieval.documents": listed }
}

/** The metadata of an error that only steers (a graph interrupted); undefined of a failure. */
export function controlFlow(error: unknown): Metadata | undefined {
  const name = genai.at(error, "name")
  if (genai.at(error, "is_bubble_up") !== true && name !== "GraphInterrupt" && name !== "NodeInterrupt" && name !== "ParentCommand") return undefined
  if (name === "ParentCommand") return { "langgraph.parent_command": true }
  const interrupts = genai.at(error, "interrupts")
  if (Array.isArray(interrupts)) return { "langgraph.interrupts": interrupts.map((each) => genai.at(each, "value") ?? null) }
  return { "langgraph.control": String(name) }
}

function finishReason(said: unknown): string | undefined {
  for (const name of ["finish_reason", "stop_reason", "done_reason"]) {
    const reason = genai.text(genai.at(said, name))
    if (reason) return reason
  }
  return undefined
}

function defined(members: Metadata): Metadata {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

function isPlain(value: object): boolean {
  const proto: unknown = Object.getPrototypeOf(value)
  return proto === Object.prototype || proto === null
}
