/** The ways out of the process: ZeroMQ PUSH sockets, or a session file. */

import { performance } from "node:perf_hooks"
import { log } from "../guard"
import { isLoopback } from "../protocol/address"
import type { Address } from "../protocol/address"
import { Link } from "./link"
import { twin } from "./producer"
import type { Producer } from "./producer"
import { Recording } from "./recording"

/** Seconds within which whoever is there is connected: before, nobody needs to be asked. */
const EARLY = 0.15
/** Seconds from the first call of a collector that the end of a program waits for a machine that answers nothing at all. */
const GRACE = 0.5

/** Takes batches of encoded records. */
export interface Transport {
  /** Notice what has happened since, and send what is due. */
  poll(): Promise<void>
  /** Whether a batch is taken now. */
  ready(): boolean
  /** Take a batch without waiting; false if it can't be taken now. No parts: only `dropped`, since the start, is told. */
  send(parts: readonly string[], dropped: number): Promise<boolean>
  /** Show that this program lives, if it is time; seconds until the next time, Infinity if nobody wants to know. */
  beat(queued: number): Promise<number>
  /** Bytes of what was taken and may have to be sent again. */
  held(): number
  /** Whether all that was taken is stored; handed over, where nobody acknowledges. */
  settled(): boolean
  /** Whether a program that wants to end should not wait for this: nobody was ever there, and nobody is to be expected. */
  hopeless(): boolean
  /** Close, and wait until what was handed over had time to go. */
  close(): Promise<void>
}

/** The transport for an address other than off; about `limit` bytes are held until they are stored. */
export function connect(address: Address, producer: Producer, limit: number): Transport {
  return address.transport === "file" ? new Recording(address.path, producer) : new Links(address, producer, limit)
}

/** One or several collectors in turn. Each has a stream of its own: what went elsewhere would be missing from its numbers. */
class Links implements Transport {
  private readonly links: Link[]
  private readonly compress: boolean
  private readonly begun = now()
  private turn = 0
  private told = 0

  constructor(address: Address, producer: Producer, limit: number) {
    this.compress = !address.loopback
    this.links = address.endpoints.map((endpoint, index) => {
      if (!endpoint.key && !isLoopback(endpoint.endpoint)) {
        log(
          `${endpoint.endpoint} is on another machine and the address has no key; a collector there takes nothing without` +
            " it: copy the whole address, ?key=... included, from the window or from what `flowscope collect` prints",
        )
      }
      // An id of its own for each: nobody else can use it.
      return new Link(endpoint, index ? twin(producer) : producer, Math.floor(limit / address.endpoints.length))
    })
  }

  async poll(): Promise<void> {
    for (const link of this.links) await link.poll(now())
  }

  ready(): boolean {
    return this.links.some((link) => link.ready(now()))
  }

  async send(parts: readonly string[], dropped: number): Promise<boolean> {
    for (let tries = 0; tries < this.links.length; tries++) {
      const link = this.links[this.turn++ % this.links.length]!
      if (!link.ready(now())) continue
      await link.take(parts, dropped - this.told, this.compress, now())
      this.told = dropped
      return true
    }
    return false
  }

  async beat(queued: number): Promise<number> {
    let next = Infinity
    for (const link of this.links) next = Math.min(next, await link.beat(queued, now()))
    return next
  }

  held(): number {
    return this.links.reduce((sum, link) => sum + link.window.size, 0)
  }

  settled(): boolean {
    return this.links.every((link) => link.settled(now()))
  }

  hopeless(): boolean {
    const tried = now() - this.begun
    if (tried < EARLY) return false
    return this.links.every((link) => {
      // Who was there once is waited for: it may be about to come again, and a refusal now says nothing of that.
      if (link.seen) return false
      const answer = link.listens(now())
      return answer === "refuses" || (answer === "silent" && tried > GRACE)
    })
  }

  async close(): Promise<void> {
    const lingers = this.links.map((link) => link.close())
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, ...lingers)))
  }
}

/** Steady seconds. */
function now(): number {
  return performance.now() / 1000
}
