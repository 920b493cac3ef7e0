/** What the sender does: takes spans in, encodes them, keeps them until they are stored, drops the oldest if it must. */

import { performance } from "node:perf_hooks"
import { parentPort } from "node:worker_threads"
import { failed, log, setDebug, errorText } from "../guard"
import { SHARED } from "../outlet"
import type { Message, SenderData } from "../outlet"
import { read } from "../portion"
import type { Portion, Posted } from "../portion"
import { parseAddr } from "../protocol/address"
import { Over, guardWith } from "./native"
import { newProducer } from "./producer"
import { encode } from "./record"
import { Gone } from "./recording"
import { connect } from "./transport"
import type { Transport } from "./transport"

const BATCH_RECORDS = 512
const BATCH_BYTES = 1 << 20
/** How much of FLOWSCOPE_BUFFER is for this thread; the rest is the program's. */
const SENDER_SHARE = 5 / 8
/** Bytes of encoded spans that wait for their acknowledgement; further ones wait as they are. */
const MAX_AHEAD = 8 << 20
/** A longer record is given up: the collector would take it for an attack. */
const MAX_RECORD = 32 << 20
/** Milliseconds between looks at the sockets while an answer is waited for; while nobody is there; and at most. */
const BUSY = 4
const IDLE = 100
interface Waiting {
  readonly portion: Portion
  /** Bytes, about. */
  readonly size: number
}

interface Batch {
  readonly parts: readonly string[]
  readonly size: number
}

interface Ticket {
  /** What flush() is answered under; 0 at the end. */
  readonly id: number
  readonly deadline: number
}

/** Runs until it is told to end. */
export class Sender {
  private readonly shared: Int32Array<SharedArrayBuffer>
  private readonly buffer: number
  private readonly ahead: number
  private readonly batchBytes: number
  private transport!: Transport
  private waiting: Waiting[] = []
  private waitingBytes = 0
  private backlog: Batch[] = []
  private backlogBytes = 0
  private tickets: Ticket[] = []
  private dropped = 0
  private droppedBefore = 0
  private told = 0
  private wake: (() => void) | undefined
  /** Something was heard that is not acted upon yet. */
  private called = false

  constructor(private readonly data: SenderData) {
    this.shared = data.shared
    this.buffer = data.config.buffer * SENDER_SHARE
    this.ahead = Math.min(MAX_AHEAD, Math.floor(data.config.buffer / 8))
    this.batchBytes = Math.min(BATCH_BYTES, this.ahead >> 2)
    setDebug(data.config.debug)
    guardWith(this.shared)
    parentPort!.on("message", (message: Message) => this.hear(message))
  }

  /** Until the end; nothing is thrown. */
  async run(): Promise<void> {
    let sent = false
    try {
      const { sessionId, program, version } = this.data
      this.transport = connect(parseAddr(this.data.config.addr), newProducer(sessionId, program, version), this.ahead)
      sent = await this.loop()
      await this.transport.close()
    } catch (error) {
      if (!(error instanceof Gone || error instanceof Over)) log(`sender: ${errorText(error)}`)
    }
    Atomics.store(this.shared, SHARED.done, sent ? 1 : 2)
    Atomics.notify(this.shared, SHARED.done)
    for (const ticket of this.tickets) if (ticket.id) parentPort!.postMessage({ id: ticket.id, sent: false })
    parentPort!.close()
  }

  private hear(message: Message): void {
    if (message[0] === "spans") {
      const [, portion, kib, dropped] = message
      Atomics.add(this.shared, SHARED.taken, kib)
      this.waiting.push({ portion, size: kib * 1024 })
      this.waitingBytes += kib * 1024
      this.droppedBefore = dropped
      this.trim()
    } else if (message[0] === "flush") {
      this.tickets.push({ id: message[1], deadline: performance.now() + message[2] * 1000 })
    } else {
      this.droppedBefore = message[2]
      this.tickets.push({ id: 0, deadline: performance.now() + message[1] * 1000 })
    }
    this.called = true
    this.wake?.()
  }

  /** Until the last ticket; whether all was sent then. */
  private async loop(): Promise<boolean> {
    for (;;) {
      await this.turn()
      const ticket = this.tickets.shift()
      if (ticket) {
        const sent = await this.deliver(ticket)
        if (!ticket.id) return sent
        parentPort!.postMessage({ id: ticket.id, sent })
        continue
      }
      const idle = !this.waiting.length && !this.backlog.length && !this.transport.held()
      const beat = (await this.transport.beat(this.queued())) * 1000
      await this.rest(idle ? beat : this.takes() && this.waiting.length ? 0 : this.transport.held() ? BUSY : IDLE)
    }
  }

  /** Take one portion further, and all that is encoded as far as it goes. */
  private async turn(): Promise<void> {
    await this.transport.poll()
    this.collect()
    await this.ship()
    this.trim()
  }

  private collect(): void {
    const parts: string[] = []
    let size = 0
    while (this.waiting.length && parts.length < BATCH_RECORDS && size < this.batchBytes && this.takes()) {
      const next = this.waiting.shift()!
      this.waitingBytes -= next.size
      for (const span of read(next.portion)) {
        const record = this.encoded(span)
        if (record === undefined) continue
        parts.push(record)
        size += record.length
        if (size < this.batchBytes) continue
        this.seal(parts.splice(0), size)
        size = 0
      }
    }
    if (parts.length) this.seal(parts, size)
  }

  private encoded(span: Posted): string | undefined {
    try {
      const record = encode(span, this.data.thread, this.data.config.redact !== false)
      if (record.length <= MAX_RECORD) return record
    } catch (error) {
      failed("encode", error)
    }
    this.dropped++
    return undefined
  }

  private seal(parts: readonly string[], size: number): void {
    this.backlog.push({ parts, size })
    this.backlogBytes += size
  }

  private async ship(): Promise<boolean> {
    while (this.backlog.length) {
      const batch = this.backlog[0]!
      if (!(await this.hand(batch.parts))) return false
      this.backlog.shift()
      this.backlogBytes -= batch.size
    }
    return true
  }

  private async hand(parts: readonly string[]): Promise<boolean> {
    const dropped = this.dropped + this.droppedBefore
    const sent = await this.transport.send(parts, dropped)
    if (sent) this.told = dropped
    return sent
  }

  /** Whether there is any use in encoding more. */
  private takes(): boolean {
    return this.backlogBytes < this.ahead && this.transport.ready()
  }

  /** Drop the oldest spans where more is held than may be; an open one comes again when it ends. */
  private trim(): void {
    const encoded = this.backlogBytes + (this.transport?.held() ?? 0)
    while (this.waiting.length && this.waitingBytes + encoded > this.buffer) {
      const { portion, size } = this.waiting.shift()!
      this.waitingBytes -= size
      for (let at = 1; at < portion.times.length; at += 2) this.dropped += Number(portion.times[at]! >= 0)
    }
  }

  /** Send what there is, and see it stored, by the ticket's deadline; a program that ends waits for nobody who is not there. */
  private async deliver(ticket: Ticket): Promise<boolean> {
    for (;;) {
      await this.turn()
      await this.transport.beat(this.queued())
      const all = !this.waiting.length && !this.backlog.length
      if (all && (ticket.id || (await this.tell())) && this.transport.settled()) return true
      const left = ticket.deadline - performance.now()
      if (left <= 0) return false
      if (!ticket.id && this.transport.hopeless()) return false
      if (!all && this.takes()) continue
      await this.rest(Math.min(BUSY, left))
    }
  }

  /** Spans that have no number yet. */
  private queued(): number {
    const waiting = this.waiting.reduce((sum, { portion }) => sum + portion.times.length / 2, 0)
    return waiting + this.backlog.reduce((sum, batch) => sum + batch.parts.length, 0)
  }

  /** Whether the collector knows how many spans were dropped; an empty batch tells it. */
  private async tell(): Promise<boolean> {
    return this.dropped + this.droppedBefore === this.told || (await this.hand([]))
  }

  private rest(ms: number): Promise<void> {
    if (this.called) ms = 0 // in between: it must not wait for the end of a rest
    return new Promise((resolve) => {
      const timer = ms === Infinity ? undefined : setTimeout(done, ms)
      this.wake = done
      const self = this
      function done(): void {
        if (timer !== undefined) clearTimeout(timer)
        self.wake = undefined
        self.called = false
        resolve()
      }
    })
  }
}
