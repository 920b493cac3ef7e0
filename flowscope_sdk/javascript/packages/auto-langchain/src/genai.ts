/** What integrations say of models in the words of OpenTelemetry's GenAI conventions; pure. */

/** Members of a span's metadata. */
export type Metadata = Record<string, unknown>

const PROVIDERS: Record<string, string> = {
  azure: "azure.ai.openai",
  azure_openai: "azure.ai.openai",
  amazon_bedrock: "aws.bedrock",
  bedrock: "aws.bedrock",
  google_genai: "gcp.gemini",
  google_gemini: "gcp.gemini",
  gemini: "gcp.gemini",
  google_vertexai: "gcp.vertex_ai",
  vertexai: "gcp.vertex_ai",
  mistralai: "mistral_ai",
  mistral: "mistral_ai",
  xai: "x_ai",
}

/** The public hosts of model providers, and those below them. */
const HOSTS: Record<string, string> = {
  "openai.com": "openai",
  "openai.azure.com": "azure.ai.openai",
  "cognitiveservices.azure.com": "azure.ai.openai",
  "services.ai.azure.com": "azure.ai.inference",
  "anthropic.com": "anthropic",
  "generativelanguage.googleapis.com": "gcp.gemini",
  "aiplatform.googleapis.com": "gcp.vertex_ai",
  "deepseek.com": "deepseek",
  "groq.com": "groq",
  "x.ai": "x_ai",
  "mistral.ai": "mistral_ai",
  "perplexity.ai": "perplexity",
  "cohere.com": "cohere",
  "cohere.ai": "cohere",
  "openrouter.ai": "openrouter",
  "together.xyz": "together_ai",
  "together.ai": "together_ai",
  "fireworks.ai": "fireworks_ai",
  "moonshot.ai": "moonshot_ai",
}

const PARAMETERS: Record<string, string> = {
  temperature: "gen_ai.request.temperature",
  top_p: "gen_ai.request.top_p",
  topP: "gen_ai.request.top_p",
  top_k: "gen_ai.request.top_k",
  topK: "gen_ai.request.top_k",
  seed: "gen_ai.request.seed",
  max_tokens: "gen_ai.request.max_tokens",
  maxTokens: "gen_ai.request.max_tokens",
  max_completion_tokens: "gen_ai.request.max_tokens",
  max_output_tokens: "gen_ai.request.max_tokens",
  maxOutputTokens: "gen_ai.request.max_tokens",
  frequency_penalty: "gen_ai.request.frequency_penalty",
  frequencyPenalty: "gen_ai.request.frequency_penalty",
  presence_penalty: "gen_ai.request.presence_penalty",
  presencePenalty: "gen_ai.request.presence_penalty",
  n: "gen_ai.request.choice.count",
  stop: "gen_ai.request.stop_sequences",
  stop_sequences: "gen_ai.request.stop_sequences",
  stopSequences: "gen_ai.request.stop_sequences",
  stream: "gen_ai.request.stream",
}

const INPUT = "gen_ai.usage.input_tokens"
const OUTPUT = "gen_ai.usage.output_tokens"

/** Each of the conventions' counts, by the paths at which providers and frameworks report it, best first. */
const USAGE: readonly (readonly [string, readonly string[]])[] = [
  [INPUT, ["input_tokens", "prompt_tokens", "promptTokens", "inputTokens", "inputTokens.total"]],
  [OUTPUT, ["output_tokens", "completion_tokens", "completionTokens", "outputTokens", "outputTokens.total"]],
  [
    "gen_ai.usage.cache_read.input_tokens",
    [
      "input_token_details.cache_read",
      "prompt_tokens_details.cached_tokens",
      "input_tokens_details.cached_tokens",
      "cache_read_input_tokens",
      "cachedInputTokens",
      "inputTokens.cacheRead",
    ],
  ],
  [
    "gen_ai.usage.cache_creation.input_tokens",
    ["input_token_details.cache_creation", "cache_creation_input_tokens", "inputTokens.cacheWrite"],
  ],
  [
    "gen_ai.usage.reasoning.output_tokens",
    [
      "output_token_details.reasoning",
      "completion_tokens_details.reasoning_tokens",
      "output_tokens_details.reasoning_tokens",
      "reasoningTokens",
      "outputTokens.reasoning",
    ],
  ],
]

/** A member of anything, by its path; undefined where there is none. */
export function at(value: unknown, path: string): unknown {
  let found: unknown = value
  for (const name of path.split(".")) {
    if (typeof found !== "object" || found === null) return undefined
    found = (found as Record<string, unknown>)[name]
  }
  return found
}

/** A text that says something, else undefined. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined
}

/** The conventions' name of a model provider, `name` itself if they have none for it. */
export function provider(name: unknown): string | undefined {
  const known = text(name)?.toLowerCase()
  return known && (PROVIDERS[known] ?? known)
}

/** The provider that answers at a host; undefined where that is nobody known. */
export function providerAt(host: string): string | undefined {
  const parts = host.toLowerCase().replace(/\.$/, "").split(".")
  for (let start = 0; start < parts.length; start++) {
    const found = HOSTS[parts.slice(start).join(".")]
    if (found !== undefined) return found
  }
  return undefined
}

/** `gen_ai.request.*` from a client's own parameters; what is unset or not plain is left out. */
export function request(params: unknown): Metadata {
  const found: Metadata = {}
  const model = text(at(params, "model")) ?? text(at(params, "model_name")) ?? text(at(params, "modelName"))
  if (model) found["gen_ai.request.model"] = model
  for (const [name, key] of Object.entries(PARAMETERS)) {
    let value = at(params, name)
    if (typeof value === "string" && key.endsWith("stop_sequences")) value = [value]
    const list = Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "string")
    if (!(key in found) && (typeof value === "number" || typeof value === "boolean" || list)) found[key] = value
  }
  const tools = at(params, "tools") ?? at(params, "functions")
  if (Array.isArray(tools) && tools.length) found["gen_ai.tool.definitions"] = tools
  return found
}

/** `gen_ai.usage.*` from the first of `reports`, in any provider's shape, that counts. */
export function usage(...reports: unknown[]): Record<string, number> {
  for (const report of reports) {
    const found: Record<string, number> = {}
    for (const [key, paths] of USAGE) {
      const count = paths.map((path) => at(report, path)).find((value) => Number.isFinite(value))
      if (typeof count === "number") found[key] = count
    }
    if (INPUT in found || OUTPUT in found) return found
  }
  return {}
}

/** Add one report's counts to others. */
export function addUsage(total: Record<string, number>, more: Record<string, number>): void {
  for (const [key, count] of Object.entries(more)) total[key] = (total[key] ?? 0) + count
}
