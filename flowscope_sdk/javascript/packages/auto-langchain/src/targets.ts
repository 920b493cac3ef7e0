/** What is instrumented of which file, and how. */

import { api } from "@flowscope/sdk/instrument"
import { patchClient } from "./clients"
import { patchEmbeddings } from "./embeddings"
import { FILES, fileOf } from "./handover"
import { patchContext, patchManager, patchModel, patchRetriever } from "./langchain"

/** What a file gives out, by name. */
export type Exports = Record<string, unknown>

/** Instrument what a file gives out, if it is one of ours; nothing that goes wrong reaches the program. */
export function patchFile(pathOrUrl: string, exports: Exports): void {
  const file = fileOf(pathOrUrl)
  if (Object.hasOwn(FILES, file)) patchKnown(file, exports)
}

/** The same of a file by its name in FILES. */
export function patchKnown(file: string, exports: Exports): void {
  try {
    const framework = file.startsWith("openai") ? "openai" : file.startsWith("@anthropic-ai") ? "anthropic" : "langchain"
    if (!wanted(framework)) return
    if (framework !== "langchain") for (const name of ["OpenAI", "BaseAnthropic", "APIClient"]) patchClient(exports[name], framework)
    else if (file.endsWith("manager")) patchManager(exports)
    else if (file.includes("language_models")) patchModel(exports)
    else if (file.includes("retrievers")) patchRetriever(exports)
    else patchContext(exports)
  } catch (error) {
    api.failed(file, error)
  }
}

/** An object of a class of `file`, or of one below it, is being made. */
export function patchMade(file: string, made: object): void {
  try {
    if (wanted("langchain")) patchEmbeddings(made)
  } catch (error) {
    api.failed(file, error)
  }
}

/** Whether a framework is wanted, by FLOWSCOPE_AUTO or init(). */
export function wanted(framework: string): boolean {
  const names = api.settings().autoTrace
  return names.includes("all") || names.includes(framework) || (framework === "langchain" && names.includes("langgraph"))
}
