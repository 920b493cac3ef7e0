/**
 * Loaded, it traces LangChain.js, LangGraph.js, openai and @anthropic-ai/sdk, whether they are loaded before or after, as
 * CommonJS or ES modules, and Vercel's AI SDK if that is loaded after: `require("@flowscope/auto-langchain")`, `import`, or `node --import @flowscope/auto-langchain`.
 */

import { workerData } from "node:worker_threads"
import { api } from "@flowscope/sdk/instrument"
import { FRAMEWORK as AI, installAi } from "./ai"
import { installHttp } from "./http"
import { patchLoadedEsm, watchCommonJs, watchEsm } from "./loading"
import { patchKnown, wanted } from "./targets"
import type { Exports } from "./targets"

const KEY = Symbol.for("flowscope.auto.1")
const shared = globalThis as unknown as Record<symbol, Promise<void> | undefined>

/** Done when what was loaded as ES modules before is traced too. */
export const ready: Promise<void> = (shared[KEY] ??= install())

async function install(): Promise<void> {
  try {
    const inSender = (workerData as { flowscope?: unknown } | null)?.flowscope === "sender"
    if (inSender || api.settings().addr === "off" || !api.settings().autoTrace.length) return
    if (wanted(AI)) installAi()
    watchCommonJs()
    watchEsm()
    if (wanted("http")) installHttp()
    await patchLoadedEsm()
  } catch (error) {
    api.failed("auto-langchain", error)
  }
}

/** Trace a module of an instrumented package that was loaded past the hooks; `file` is its path in `node_modules`, without extension. */
export function instrument(file: string, exports: object): void {
  patchKnown(file, exports as Exports)
}
