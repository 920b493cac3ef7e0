/** Who sends, and the header that says so in each batch. */

import { createHash, randomBytes } from "node:crypto"
import { hostname } from "node:os"
import { formatTime } from "../protocol/times"

/** What a batch's header says of who sent it; the names are the protocol's. */
export interface Producer {
  readonly id: string
  readonly secret: string
  readonly session_id: string
  readonly program: string
  readonly pid: number
  readonly host: string
  readonly language: string
  readonly runtime: string
  readonly sdk: string
  readonly started: string
}

/** The versions of the protocol that are spoken here. */
export const VERSIONS: readonly number[] = [1, 2]

/** Compression of a body. */
export type Compression = "none" | "gzip"

/** A producer of this process, new each time. */
export function newProducer(sessionId: string, program: string, version: string): Producer {
  return {
    ...newIdentity(),
    session_id: sessionId,
    program: program.slice(0, 256),
    pid: process.pid,
    host: hostname().slice(0, 256),
    language: "javascript",
    runtime: `node ${process.versions.node}`,
    sdk: `flowscope-javascript/${version}`,
    started: formatTime(Date.now()),
  }
}

/** The same process towards another collector: a stream of its own. */
export function twin(producer: Producer): Producer {
  return { ...producer, ...newIdentity() }
}

/** The header frame of a batch. */
export function header(version: number, producer: Producer, seq: number, count: number, dropped: number, compression: Compression): Buffer {
  return Buffer.from(JSON.stringify({ version, seq, count, dropped, compression, sent: formatTime(Date.now()), producer }))
}

/** An id that nobody else can use: it is made of a secret. */
function newIdentity(): { id: string; secret: string } {
  const secret = randomBytes(16).toString("hex")
  return { id: `p2-${createHash("sha256").update(secret).digest("hex").slice(0, 32)}`, secret }
}
