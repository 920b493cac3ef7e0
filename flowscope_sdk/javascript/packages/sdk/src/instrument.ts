/** What integrations build on beside the public functions: FlowScope's own state in this thread. */

export { api } from "./api"
export type { Api } from "./api"
export type { SpanOptions } from "./runtime"
export { Remote, Span, Unrecorded } from "./span"
export type { Resolver } from "./context"
