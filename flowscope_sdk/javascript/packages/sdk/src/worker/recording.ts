/** FLOWSCOPE_ADDR=file:///...: a session file written by the program itself, with no debugger running. */

import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs"
import { gunzipSync, constants as zlib, gzipSync } from "node:zlib"
import { warnOnce } from "../guard"
import type { Producer } from "./producer"
import type { Transport } from "./transport"

const MARK = '{"flowscope":"session"'

/** A file that can't be written: what had to be said is said. */
export class Gone extends Error {}

/**
 * Appends gzip members of JSON Lines, each in one write and begun by who writes it, so that several processes may share
 * the file. A file that is not a session file is never touched.
 */
export class Recording implements Transport {
  private file = -1
  private readonly producer: string

  constructor(
    private readonly path: string,
    producer: Producer,
  ) {
    const { secret: _, ...known } = producer // it proves who sends, and nothing is sent
    this.producer = `${JSON.stringify({ flowscope: "producer", producer: known })}\n`
    try {
      this.file = openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600)
      let lines = this.producer
      if (fstatSync(this.file).size === 0) {
        const head = { flowscope: "session", version: 1, created: producer.started, by: producer.sdk, live: true }
        lines = `${JSON.stringify(head)}\n${lines}`
      } else if (!isSession(this.file)) throw new Error(`${path} is there already and is no FlowScope session file`)
      this.write(lines)
    } catch (error) {
      this.giveUp(error)
    }
  }

  async poll(): Promise<void> {}

  ready(): boolean {
    return true
  }

  async send(parts: readonly string[]): Promise<boolean> {
    if (parts.length) {
      try {
        this.write(`${this.producer}${parts.join("\n")}\n`)
      } catch (error) {
        this.giveUp(error)
      }
    }
    return true
  }

  async beat(): Promise<number> {
    return Infinity
  }

  held(): number {
    return 0
  }

  settled(): boolean {
    return true
  }

  hopeless(): boolean {
    return true
  }

  async close(): Promise<void> {
    if (this.file >= 0) closeSync(this.file)
    this.file = -1
  }

  private write(lines: string): void {
    const data = gzipSync(lines, { level: 5 })
    let written = 0
    try {
      while (written < data.length) written += writeSync(this.file, data, written)
    } catch (error) {
      // Half a member (the disk is full) would spoil the whole file; it is the last thing in it, or let be.
      const end = fstatSync(this.file).size
      if (written && read(this.file, written, end - written).equals(data.subarray(0, written))) {
        ftruncateSync(this.file, end - written)
      }
      throw error
    }
  }

  /** A file that can't be written loses its spans: there is nowhere else to keep them. */
  private giveUp(error: unknown): never {
    const why = error instanceof Error ? error.message : String(error)
    warnOnce(`can't record to ${this.path}: ${why}; tracing is off`)
    void this.close()
    throw new Gone(why)
  }
}

function isSession(file: number): boolean {
  const start = read(file, 4096, 0)
  if (start[0] !== 0x1f || start[1] !== 0x8b) return start.toString("latin1").startsWith(MARK)
  try {
    return gunzipSync(start, { finishFlush: zlib.Z_SYNC_FLUSH }).toString("latin1").startsWith(MARK)
  } catch {
    return false
  }
}

function read(file: number, count: number, offset: number): Buffer {
  const data = Buffer.alloc(count)
  return data.subarray(0, readSync(file, data, 0, count, offset))
}
