/**
 * FlowScope's SDK for Node: what an LLM program does, sent to the FlowScope window.
 *
 * It never throws into the program, never blocks it and never keeps it alive.
 */

import { api } from "./api"
import type { InitOptions } from "./settings"

export type { CaptureLevel, InitOptions } from "./settings"
export type { Redaction } from "./mask"
export type { EndOptions, Status } from "./span"
export type { SpanOptions } from "./runtime"
export type { TraceDecorator, TraceOptions } from "./trace"
export type { HeadersLike } from "./propagate"
export type { Span, Remote } from "./span"

/** Set FlowScope up in code: what is given goes before the environment. May be called again; never throws. */
export const init: (options?: InitOptions) => void = api.init

export { trace, currentSpan, inject, extract, suppressed, withSpan, startSpan }

/** Record a span around a block or a function; see its forms. */
const trace = api.trace

/** The innermost open span here; undefined outside of any. */
const currentSpan = api.currentSpan

/** Put the current span's W3C `traceparent`, and its session as `baggage`, into `headers`; returns them. */
const inject = api.inject

/** The caller's span from a request's headers: for trace()'s `parent`, or for withSpan(). */
const extract = api.extract

/** Run a function with nothing inside it recorded. */
const suppressed = api.suppressed

/** Run a function with a span as the current one, without ending it. */
const withSpan = api.withSpan

/** Begin a span without making it current; end it with its end(). */
const startSpan = api.startSpan

/**
 * Send every span there is, open ones as pending. True once the collector has stored all of it (or has it, where
 * nothing is acknowledged); false if that took longer than `seconds`, by default FLOWSCOPE_FLUSH_TIMEOUT.
 */
export const flush: (seconds?: number) => Promise<boolean> = api.flush

/** Send what there is within `seconds` (FLOWSCOPE_FLUSH_TIMEOUT), then record nothing until init(). */
export const shutdown: (seconds?: number) => Promise<void> = api.shutdown

/** The version of the SDK. */
export const version: string = api.version
