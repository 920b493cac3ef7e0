/** Milliseconds since 1970 as RFC 3339 text in UTC, to the microsecond. */

const seconds = new Map<number, string>()
const REMEMBERED = 4096

/** `2026-11-22T15:11:42.250130Z` for a time in milliseconds with a fraction; between 1970 and 2262. */
export function formatTime(ms: number): string {
  const micros = Math.round(Math.min(Math.max(ms, 0), 9_223_372_036_854) * 1000)
  const second = Math.floor(micros / 1_000_000)
  let text = seconds.get(second)
  if (text === undefined) {
    text = new Date(second * 1000).toISOString().slice(0, 20)
    if (seconds.size >= REMEMBERED) seconds.clear()
    seconds.set(second, text)
  }
  return `${text}${String(micros - second * 1_000_000).padStart(6, "0")}Z`
}
