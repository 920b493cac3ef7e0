/** All that programs and integrations use, in one object: one copy of it serves all copies of the package. */

import * as context from "./context"
import { failed, log, warnOnce } from "./guard"
import * as propagate from "./propagate"
import * as runtime from "./runtime"
import type { InitOptions } from "./settings"
import { Remote, Span } from "./span"
import * as traced from "./trace"
import { wrap } from "./wrap"
import { VERSION } from "./version"

const own = {
  version: VERSION,
  Span,
  Remote,
  init: (options: InitOptions = {}): void => runtime.configure(options),
  trace: traced.trace,
  suppressed: traced.suppressed,
  withSpan: traced.withSpan,
  currentSpan: context.current,
  inject: propagate.inject,
  extract: propagate.extract,
  flush: runtime.flush,
  shutdown: runtime.shutdown,
  // For integrations.
  startSpan: runtime.startSpan,
  settings: runtime.settings,
  attached: context.attached,
  setResolver: context.setResolver,
  contextHeaders: propagate.contextHeaders,
  wrap,
  failed,
  log,
  warnOnce,
}

/** What api is. */
export type Api = typeof own

const KEY = Symbol.for("flowscope.sdk.1")
const shared = globalThis as unknown as Record<symbol, Api | undefined>

/** The first copy's. */
export const api: Api = (shared[KEY] ??= own)
