/** A span, as it comes from the program's thread, as one Universal Trace Format object in JSON. */

import { valid } from "../capture"
import type { Posted } from "../portion"
import { formatTime } from "../protocol/times"
import { redact } from "./redact"

/** An operation longer than this may be more than a name: a URL, a command line. */
const SHORT = 40

/** JSON of a span. */
export function encode(span: Posted, thread: string, redacted: boolean): string {
  const clean = (json: string): string => mended(redacted ? redact(valid(json)) : valid(json))
  const text = (value: string): string => clean(JSON.stringify(value))
  const [session, operation, kind, framework] = span.head
  const { failed, error, type, stack, metadata, cuts } = span.extra ?? {}
  const pending = span.end < 0
  let about = metadata === undefined || metadata === "{}" ? "" : `${clean(metadata).slice(1, -1)},`
  if (type !== undefined) {
    about += `"flowscope.exception.type":${text(type)},"flowscope.exception.stacktrace":${text(stack ?? "")},`
  }
  if (cuts !== undefined) about += `"flowscope.truncated":${cuts},`
  const name = operation.length > SHORT ? text(operation) : mended(JSON.stringify(operation))
  return (
    `{"id":"${span.id}","session_id":${mended(JSON.stringify(session))},"parent_id":${span.parent ? `"${span.parent}"` : "null"},` +
    `"operation":${name},"framework":${JSON.stringify(framework)},"language":"javascript",` +
    `"start_time":"${formatTime(span.start)}","end_time":${pending ? "null" : `"${formatTime(span.end)}"`},` +
    `"input":${span.input ? clean(span.input) : "null"},"output":${span.output ? clean(span.output) : "null"},` +
    `"metadata":{${about}"flowscope.kind":${JSON.stringify(kind)},"flowscope.trace_id":"${span.trace}","flowscope.thread":"${thread}"},` +
    `"status":"${pending ? "pending" : failed ? "error" : "success"}","error":${error === undefined ? "null" : text(error)}}`
  )
}

/** Halves of a letter that has none beside it, as text of their escape: JSON can't hold them. */
function mended(json: string): string {
  if (!json.includes("\\ud")) return json
  return json.replace(/\\(.)/gs, (escape, letter: string, index: number) => {
    const half = letter === "u" && /^d[89a-f]/.test(json.slice(index + 2, index + 4))
    return half ? `\\${escape}` : escape
  })
}
