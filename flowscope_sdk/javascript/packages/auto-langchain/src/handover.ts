/** Which ES modules hand over what they give out when they have run, and the line by which they do; needs nothing else. */

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

/** The file of FILES that a path or URL is; "" of any other. */
export function fileOf(pathOrUrl: string): string {
  const at = pathOrUrl.lastIndexOf("node_modules")
  const found = at < 0 ? null : /^node_modules[\\/](.+)\.[cm]?js$/.exec(pathOrUrl.slice(at))
  const file = found?.[1]?.replaceAll("\\", "/") ?? ""
  return Object.hasOwn(FILES, file) ? file : ""
}

/** What is added to a module's source; "" to that of any other. */
export function lineFor(url: string): string {
  const file = fileOf(url)
  if (file === "") return ""
  const members = FILES[file]!.map((name) => `${name}: typeof ${name} === "undefined" ? undefined : ${name}`)
  return `\n;globalThis[Symbol.for("flowscope.auto.loaded")]?.(${JSON.stringify(file)}, { ${members.join(", ")} });\n`
}

/** A module's source as text. */
export function textOf(source: string | ArrayBuffer | Uint8Array): string {
  return typeof source === "string" ? source : Buffer.from(source as Uint8Array).toString()
}
