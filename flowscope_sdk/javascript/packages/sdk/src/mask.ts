/** The program's own function over all that leaves: on the program's thread, as no function can go to the sender's. */

import { jsonOf, snapshot, valid } from "./capture"
import { runWith } from "./context"
import { errorText, log } from "./guard"
import { NOOP } from "./span"
import { redact } from "./worker/redact"

/** Is given a value that would leave, secrets masked, as plain values of JSON; what it returns leaves instead. */
export type Redaction = (value: any) => unknown

/** JSON in, JSON out. */
export type Mask = (json: string) => string

const WHOLE = '"[redacted]"'
/** How much longer a value may become in the hands of the program's own function, in bytes of JSON. */
const ADDS = 1 << 20

/** What FlowScope masks, then what the program does; where that fails, nothing of the value is left. */
export function maskWith(own: Redaction): Mask {
  return (json) => {
    try {
      // What it calls is no part of the program's work.
      const made = runWith(NOOP, () => own(JSON.parse(redact(valid(json)))))
      if (made instanceof Promise) {
        made.catch(() => {})
        throw new Error("it returned a promise; it has to return the value")
      }
      const taken = snapshot(made, json.length + ADDS)
      return taken === undefined ? "null" : jsonOf(taken)
    } catch (error) {
      log(`redact: ${errorText(error)}; the value is masked whole`)
      return WHOLE
    }
  }
}

/** A text in the same hands; a text again, whatever that made of it. */
export function maskText(mask: Mask, text: string): string {
  const json = valid(mask(JSON.stringify(text)))
  const made: unknown = JSON.parse(json)
  return typeof made === "string" ? made : json
}
