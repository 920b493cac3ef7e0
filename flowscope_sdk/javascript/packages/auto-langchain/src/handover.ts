/**
 * Which modules are changed while they are loaded, and how; needs nothing else.
 *
 * Most hand over what they give out when they have run. The functions that Vercel's AI SDK gives out can't be replaced from
 * outside, so it hands over its functions and its calls of models from inside.
 */

/** Files, without the extension, inside `node_modules`, and the names that are handed over. */
export const FILES: Readonly<Record<string, readonly string[]>> = {
  "@langchain/core/dist/callbacks/manager": ["CallbackManager"],
  "@langchain/core/dist/language_models/chat_models": ["BaseChatModel"],
  "@langchain/core/dist/language_models/llms": ["BaseLLM"],
  "@langchain/core/dist/retrievers/index": ["BaseRetriever"],
  "@langchain/core/dist/retrievers": ["BaseRetriever"],
  "@langchain/core/dist/singletons/async_local_storage/index": ["AsyncLocalStorageProviderSingleton"],
  "openai/client": ["OpenAI", "BaseAnthropic", "APIClient"],
  "openai/core": ["OpenAI", "BaseAnthropic", "APIClient"],
  "@anthropic-ai/sdk/client": ["OpenAI", "BaseAnthropic", "APIClient"],
  "@anthropic-ai/sdk/core": ["OpenAI", "BaseAnthropic", "APIClient"],
}

/** Files whose classes tell of each object that is made of them or of a class below them, and those classes. */
const MAKES: Readonly<Record<string, string>> = { "@langchain/core/dist/embeddings": "Embeddings" }

/** The AI SDK: one file, as CommonJS or as an ES module. */
export const AI = "ai/dist/index"

/** Its functions that are handed over, and the methods of models that it calls by handing them over. */
const AI_FUNCTIONS = ["generateText", "streamText", "generateObject", "streamObject"]
const AI_CALLS = /\b(?!super\b)([A-Za-z_$][\w$]*)\.(doGenerate|doStream|doEmbed|doRerank)\(/g
const AI_HOOK = `globalThis[Symbol.for("flowscope.auto.ai")]`
const AI_CALL = "__flowscope_call"

/** The file of FILES or MAKES, or AI, that a path or URL is; "" of any other. */
export function fileOf(pathOrUrl: string): string {
  const at = pathOrUrl.lastIndexOf("node_modules")
  const found = at < 0 ? null : /^node_modules[\\/](.+)\.[cm]?js$/.exec(pathOrUrl.slice(at))
  const file = found?.[1]?.replaceAll("\\", "/") ?? ""
  return file === AI || Object.hasOwn(FILES, file) || Object.hasOwn(MAKES, file) ? file : ""
}

/** An ES module's source, changed if it is one of ours. */
export function moduleSource(url: string, source: string): string {
  const file = fileOf(url)
  return Object.hasOwn(FILES, file) ? source + lineFor(file) : changed(file, source)
}

/** A CommonJS module's source, changed where it is not enough to see what it gives out. */
export function commonJsSource(path: string, source: string): string {
  return changed(fileOf(path), source)
}

function changed(file: string, source: string): string {
  if (file === AI) return aiSource(source)
  return Object.hasOwn(MAKES, file) ? madeSource(file, MAKES[file]!, source) : source
}

/** A private member is the one place that is run for each object and can't be seen from outside. */
function madeSource(file: string, name: string, source: string): string {
  if (source.includes("#flowscope")) return source // `node -r` preloads us into the loader's thread as well
  const opening = new RegExp(`\\b(?:class ${name}|${name} = class)\\b[^{]*\\{`)
  return source.replace(opening, (found) => `${found} #flowscope = globalThis[Symbol.for("flowscope.auto.made")]?.(${JSON.stringify(file)}, this);`)
}

function lineFor(file: string): string {
  const members = FILES[file]!.map((name) => `${name}: typeof ${name} === "undefined" ? undefined : ${name}`)
  return `\n;globalThis[Symbol.for("flowscope.auto.loaded")]?.(${JSON.stringify(file)}, { ${members.join(", ")} });\n`
}

/** Lines stay where they are, so that a stack trace still tells the right ones. */
function aiSource(source: string): string {
  if (source.includes(AI_CALL)) return source
  const calls = source.replace(AI_CALLS, (_, model: string, method: string) => `${AI_CALL}(${model}, "${method}", `)
  const functions = AI_FUNCTIONS.map((name) => `if (typeof ${name} === "function") try { ${name} = ${AI_HOOK}?.wrap("${name}", ${name}) ?? ${name} } catch {}`)
  const call = `function ${AI_CALL}(model, method, ...args) { const hook = ${AI_HOOK}; return hook === undefined ? model[method](...args) : hook.call(model, method, args) }`
  return `${calls}\n;${call}\n${functions.join("\n")}\n`
}

/** A module's source as text. */
export function textOf(source: string | ArrayBuffer | Uint8Array): string {
  return typeof source === "string" ? source : Buffer.from(source as Uint8Array).toString()
}
