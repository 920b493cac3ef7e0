/**
 * LangChain's embeddings, which have no callbacks: the methods of every class of them make spans of their own.
 *
 * Which classes there are is seen when the first object of each is made (see handover.ts).
 */

import { AsyncLocalStorage } from "node:async_hooks"
import { api } from "@flowscope/sdk/instrument"
import * as genai from "./genai"
import type { Metadata } from "./genai"
import { replace } from "./langchain"

const METHODS: Record<string, string> = { embedQuery: "text", embedDocuments: "texts" }
/** Who makes what the classes are called after. */
const PROVIDERS: Record<string, string> = {
  AzureOpenAI: "azure_openai",
  Bedrock: "bedrock",
  Cohere: "cohere",
  GoogleGenerativeAI: "google_genai",
  MistralAI: "mistralai",
  Ollama: "ollama",
  OpenAI: "openai",
  VertexAI: "vertexai",
}

// The object whose method makes the span: an embedQuery() that asks its own embedDocuments() is one call.
const inside = new AsyncLocalStorage<unknown>()
const seen = new WeakSet<object>()

/** An object of embeddings is being made: have its class, and those that it is made from, be traced. */
export function patchEmbeddings(made: object): void {
  for (let proto = Object.getPrototypeOf(made) as object | null; proto !== null && proto !== Object.prototype; proto = Object.getPrototypeOf(proto) as object | null) {
    if (seen.has(proto)) return
    seen.add(proto)
    for (const [name, key] of Object.entries(METHODS)) replace(proto, name, (original) => traced(original, key))
  }
}

type Method = (this: unknown, ...args: unknown[]) => unknown

function traced(original: Method, key: string): Method {
  return function (...args) {
    if (inside.getStore() === this) return original.apply(this, args)
    const own = genai.text((this as object).constructor?.name) ?? "Embeddings"
    const span = api.startSpan(own, { kind: "embedding", framework: "langchain", input: { [key]: args[0] }, metadata: about(this, own) })
    const failed = (error: unknown): never => {
      span.end({ error })
      throw error
    }
    const answered = (vectors: unknown): unknown => {
      span.end({ output: sizes(vectors) })
      return vectors
    }
    let result: unknown
    try {
      result = api.withSpan(span, () => inside.run(this, () => original.apply(this, args)))
    } catch (error) {
      return failed(error)
    }
    // The promise made by `then` stands for the first: whether a rejection is handled is still seen.
    return result instanceof Promise ? result.then(answered, failed) : answered(result)
  }
}

function about(model: unknown, own: string): Metadata {
  const found: Metadata = { "gen_ai.operation.name": "embeddings" }
  const name = ["model", "modelName", "model_name"].map((key) => genai.text(genai.at(model, key))).find(Boolean)
  if (name) found["gen_ai.request.model"] = name
  const provider = genai.provider(PROVIDERS[own.replace(/Embeddings$/, "")])
  if (provider) found["gen_ai.provider.name"] = provider
  return found
}

/** How many vectors of which size; not the numbers. */
function sizes(vectors: unknown): unknown {
  if (!Array.isArray(vectors)) return undefined
  const all: unknown[] = typeof vectors[0] === "number" ? [vectors] : vectors
  return { embeddings: all.length, dimensions: Array.isArray(all[0]) ? all[0].length : 0 }
}
