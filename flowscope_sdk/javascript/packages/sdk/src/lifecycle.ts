/** How a process ends: what is recorded goes out before, and the way it ends stays as it is. */

import { isMainThread } from "node:worker_threads"
import { failed } from "./guard"

/** What is to be done when the process ends. */
export interface Ending {
  /** Hand on what there is, without waiting. */
  ship(): void
  /** Send what there is, the program standing still. */
  atExit(): void
}

let installed = false
let ending: Ending

/** Hook the ends of this thread, once. */
export function install(with_: Ending): void {
  ending = with_
  if (installed) return
  installed = true
  process.on("exit", guarded)
  // First of all listeners: a program's own that is removed when it is called would not be seen any more.
  if (isMainThread) process.prependListener("SIGTERM", terminated)
}

function guarded(): void {
  try {
    ending.atExit()
  } catch (error) {
    failed("exit", error)
  }
}

/** Nobody else listens: what SIGTERM would have done happens, a little later. */
function terminated(): void {
  const alone = process.listeners("SIGTERM").every((each) => each === terminated)
  if (!alone) {
    ending.ship()
    return
  }
  guarded()
  process.removeListener("SIGTERM", terminated)
  process.kill(process.pid, "SIGTERM")
}
