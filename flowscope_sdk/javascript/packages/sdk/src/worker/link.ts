/** The way to one collector: a PUSH socket for spans, a DEALER that hears what is stored, a window between them. */

import { gzipSync } from "node:zlib"
import type { Dealer, Push } from "zeromq"
import { log } from "../guard"
import { controlAddr } from "../protocol/address"
import type { Endpoint } from "../protocol/address"
import { native } from "./native"
import { Probe } from "./probe"
import type { Answer } from "./probe"
import { VERSIONS, header } from "./producer"
import type { Compression, Producer } from "./producer"
import { Window } from "./window"
import { z85 } from "./z85"

/** Seconds without an answer after which it is looked whether there is anybody who acknowledges. */
const SILENT = 2
/** Seconds without an answer that tell, where something listens: it may be no collector at all. */
const UNANSWERED = 4
/** Seconds within which a control channel is there if there is one: before, nobody needs to be asked. */
const EARLY = 0.15
/** Seconds between two heartbeats. */
const BEAT = 2
/** Seconds after which a number of dropped records that was not acknowledged is told again. */
const TELL_AGAIN = 0.5
const HIGH_WATER = 16
const MAX_ANSWER = 1 << 20

/** An answer to a hello, or an acknowledgement. */
interface Heard {
  readonly producer?: unknown
  readonly ack?: unknown
  readonly watermark?: unknown
  readonly dropped?: unknown
  readonly epoch?: unknown
  readonly protocol?: unknown
}

/**
 * A stream of numbered batches to one collector. `limit` is how many bytes it holds until they are stored.
 *
 * It speaks version 1 until the collector has said that it knows more. Sockets are asked how they stand rather than
 * listened to: an answer that is still waited for when the program ends takes it down (see native.ts).
 */
export class Link {
  readonly window = new Window()
  /** Somebody was there once. */
  seen = false
  private push: Push
  private dealer: Dealer
  private dropped = 0
  /** How many of them the collector has on its disk. */
  private droppedStored = 0
  private toldAt = 0
  private version = 1
  private compression: Compression = "none"
  /** The control channel is connected; who is there has said how far it is. */
  private up = false
  private answered = false
  /** Since when, in steady seconds. */
  private since = 0
  private nextBeat = 0
  /** Who is there has said that it acknowledges. */
  private confirms = false
  /** Seconds (steady) since when an answer is waited for; 0 while none is. */
  private silentSince = 0
  private readonly data: Probe
  private readonly control: Probe

  constructor(
    private readonly at: Endpoint,
    private readonly producer: Producer,
    private readonly limit: number,
  ) {
    this.data = new Probe(at.endpoint)
    this.control = new Probe(controlAddr(at.endpoint))
    const options = { linger: 0, sendHighWaterMark: HIGH_WATER, sendTimeout: 0, reconnectInterval: 50, reconnectMaxInterval: 500, ipv6: at.endpoint.includes("[") }
    // `immediate`: nothing is handed to ZeroMQ for a collector that is not there.
    this.push = native((zmq) => new zmq.Push({ ...options, immediate: true }))
    this.dealer = native((zmq) => new zmq.Dealer({ ...options, immediate: true, receiveTimeout: 0, maxMessageSize: MAX_ANSWER }))
    native((zmq) => {
      for (const socket of [this.push, this.dealer]) {
        if (at.key === undefined) continue
        // The collector asks no more of a program than to know its key, so the program's own keys are new ones.
        const own = zmq.curveKeyPair()
        socket.curveServerKey = z85(at.key)
        socket.curvePublicKey = own.publicKey
        socket.curveSecretKey = own.secretKey
      }
      this.push.connect(at.endpoint)
      this.dealer.connect(controlAddr(at.endpoint))
    })
  }

  /** Hear what there is to hear, and send what is due. `now` is steady seconds. */
  async poll(now: number): Promise<void> {
    await this.look(now)
    await this.hear(now)
    if (this.window.inFlight) {
      if (this.confirms) {
        if (this.window.stalled(now)) await this.greet()
      } else await this.doubt(now)
    } else this.silentSince = 0
    await this.pump(now)
    if (!this.dropsSettled() && this.window.empty && now - this.toldAt > TELL_AGAIN) await this.tellDropped(now)
  }

  /**
   * Send a heartbeat if it is time; seconds until the next, Infinity where nobody wants any. `queued` is how many spans
   * wait that have no number yet.
   */
  async beat(queued: number, now: number): Promise<number> {
    if (this.version < 2 || !this.answered || !this.up) return Infinity
    if (now >= this.nextBeat) {
      this.nextBeat = now + BEAT
      await this.say({
        cmd: "beat",
        producer: this.producer.id,
        sent: this.window.next - 1,
        unacknowledged: this.window.next - this.window.first,
        queued,
        dropped: this.dropped,
        waiting_ms: Math.floor(this.window.waits(now) * 1000),
      })
    }
    return this.nextBeat - now
  }

  /** Whether a new batch is taken now. */
  ready(now: number): boolean {
    return this.window.size < this.limit && this.window.due() === undefined && this.flows(now) && this.writable()
  }

  /** Number a batch, and send it; `dropped` more records were given up. With no parts it only tells of these. */
  async take(parts: readonly string[], dropped: number, compress: boolean, now: number): Promise<void> {
    this.dropped += dropped
    if (!parts.length) {
      await this.tellDropped(now)
      return
    }
    let body: Buffer = Buffer.from(`[${parts.join(",")}]`)
    if (compress) {
      this.compression = "gzip"
      body = gzipSync(body, { level: 5 })
    }
    this.window.add(parts.length, body, now)
    await this.pump(now)
  }

  /** Whether all that was taken is stored; handed over, where nobody acknowledges. */
  settled(now: number): boolean {
    if (this.window.empty) return this.dropsSettled()
    if (this.confirms || this.window.due() !== undefined) return false
    return this.silentSince > 0 && now - this.silentSince > EARLY && this.unacknowledging(now)
  }

  /** Close; what was handed over goes on being sent in the background for some milliseconds. Returns how many. */
  close(): number {
    const linger = this.seen && !this.confirms ? 200 : 0
    native(() => {
      this.push.linger = linger
      this.push.close()
      this.dealer.close()
    })
    return linger
  }

  /** Whether anybody listens there, as far as that is known; asked now and then. */
  listens(now: number): Answer | undefined {
    return this.data.ask(now)
  }

  private writable(): boolean {
    const writable = native(() => this.push.writable)
    if (writable && !this.seen) {
      this.seen = true
      log(`connected to ${this.at.endpoint}`)
    }
    return writable
  }

  /** Whether messages go out: after a loss, once it is known what arrived, if that is told soon. */
  private flows(now: number): boolean {
    return !this.confirms || this.answered || now - this.since > SILENT
  }

  private async pump(now: number): Promise<void> {
    for (let due = this.window.due(); due !== undefined && this.flows(now) && this.writable(); due = this.window.due()) {
      const count = due.last - due.seq + 1
      if (!(await this.hand([this.header(due.seq, count, this.compression), due.body]))) return
      if (!this.silentSince) this.silentSince = now
      this.window.sent(now)
    }
  }

  /** Send a batch without records, which only says how many were given up. */
  private async tellDropped(now: number): Promise<void> {
    this.toldAt = now
    if (this.writable()) await this.hand([this.header(this.window.next, 0, "none"), Buffer.from("[]")])
  }

  /** Made when a batch goes out: another collector may have come, which speaks another version. */
  private header(seq: number, count: number, compression: Compression): Buffer {
    return header(this.version, this.producer, seq, count, this.dropped, compression)
  }

  /** Whether it is stored how many records were given up; where nobody tells, it counts as stored. */
  private dropsSettled(): boolean {
    return !this.confirms || this.version < 2 || this.droppedStored >= this.dropped
  }

  private async hand(frames: readonly Uint8Array[]): Promise<boolean> {
    try {
      await native(() => this.push.send(frames as Buffer[]))
      return true
    } catch (error) {
      if ((error as { code?: string }).code === "EAGAIN") return false
      throw error
    }
  }

  /** Nobody has ever acknowledged here, and something waits for it. */
  private async doubt(now: number): Promise<void> {
    const silent = this.silentSince ? now - this.silentSince : 0
    if (silent <= EARLY) return
    const nobody = this.unacknowledging(now)
    if (!nobody && !this.up && this.data.ask(now) === "refuses") {
      // Who took it is gone, and never said what of it is stored.
      this.window.rewind()
    } else if (nobody || silent > (this.up ? UNANSWERED : SILENT)) this.window.forgetSent()
    else return
    this.silentSince = 0
  }

  /** Whether somebody listens here, and nobody at the control channel: nothing will be acknowledged. */
  private unacknowledging(now: number): boolean {
    if (this.up) return false
    const [data, control] = [this.data.ask(now), this.control.ask(now)]
    return data === "listens" && control === "refuses"
  }

  /** Whether the control channel has come or gone. Who comes may be another collector. */
  private async look(now: number): Promise<void> {
    const up = native(() => this.dealer.writable)
    if (up === this.up) return
    this.up = up
    this.since = now
    this.data.forget()
    this.control.forget()
    // What was on its way to who has gone may be lost. What merely went ahead of the first greeting is not.
    if (this.window.inFlight && (!up || this.confirms)) this.window.rewind()
    this.answered = false
    this.version = 1
    if (up) await this.greet()
    else log(`lost ${this.at.endpoint}`)
  }

  private greet(): Promise<void> {
    const { id, secret } = this.producer
    return this.say({ cmd: "hello", producer: id, secret, first: this.window.first, protocol: VERSIONS })
  }

  private async say(message: object): Promise<void> {
    try {
      await native(() => this.dealer.send(JSON.stringify(message)))
    } catch (error) {
      if ((error as { code?: string }).code !== "EAGAIN") throw error
    }
  }

  private async hear(now: number): Promise<void> {
    while (native(() => this.dealer.readable)) {
      let frames: Buffer[]
      try {
        frames = await native(() => this.dealer.receive())
      } catch (error) {
        if ((error as { code?: string }).code === "EAGAIN") return
        throw error
      }
      this.understand(frames.at(-1)!, now)
    }
  }

  private understand(frame: Buffer, now: number): void {
    let heard: Heard | null
    try {
      heard = JSON.parse(frame.toString()) as typeof heard
    } catch {
      return
    }
    if (typeof heard !== "object" || heard === null) return
    const answer = heard.producer === this.producer.id
    if (!(answer || heard.ack === this.producer.id) || !Number.isSafeInteger(heard.watermark)) return
    this.confirms = this.answered = true
    this.silentSince = 0
    if (answer) this.version = Math.max(1, ...VERSIONS.filter((each) => Array.isArray(heard.protocol) && heard.protocol.includes(each)))
    if (Number.isSafeInteger(heard.dropped)) this.droppedStored = heard.dropped as number
    this.window.acknowledged(heard.watermark as number, String(heard.epoch), now)
    if (answer) this.window.answered()
  }
}
