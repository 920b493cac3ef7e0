/** What this program is called, and the session that its spans belong to unless another is given. */

import { randomBytes } from "node:crypto"
import { basename } from "node:path"

let session = ""

/** `<program>-<YYYYmmdd-HHMMSS>-<4 hex digits>`, local time; the same all through a process. */
export function defaultSession(): string {
  if (!session) {
    const name = program().replace(/[^\p{L}\p{N}_.-]+/gu, "_").slice(0, 60).replace(/^[._-]+|[._-]+$/g, "") || "program"
    const now = new Date()
    const two = (value: number) => String(value).padStart(2, "0")
    const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`
    const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`
    session = `${name}-${day}-${time}-${randomBytes(2).toString("hex")}`
  }
  return session
}

/** What a person calls this program: the script's name. */
export function program(): string {
  const name = basename(process.argv[1] ?? "")
  const stem = name.replace(/\.[^.]*$/, "") || name
  return !stem || stem.startsWith("[") ? "node" : stem
}
