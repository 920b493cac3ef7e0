/** The time in milliseconds since 1970 with a fraction: the system's clock, running on steadily between corrections. */

import { performance } from "node:perf_hooks"

let offset = performance.timeOrigin

/** Milliseconds of a clock that only ever goes forward. */
export const steady: () => number = performance.now.bind(performance)

/** Milliseconds since 1970. */
export function now(): number {
  return offset + steady()
}

/** What turns steady milliseconds into milliseconds since 1970. */
export function epochOffset(): number {
  return offset
}

/** Follow the system's clock where it was set, or stood while the machine slept. */
export function correct(): void {
  const apart = Date.now() - now()
  if (apart > 50 || apart < -50) offset += apart
}
