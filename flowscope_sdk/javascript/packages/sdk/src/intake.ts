/** Where spans are left to be sent: bounded, never waiting, handed on in small portions so that nothing is held up. */

import { jsonOf } from "./capture"
import { correct, steady } from "./clock"
import { failed } from "./guard"
import type { Mask } from "./mask"
import type { Outlet } from "./outlet"
import { Writer } from "./portion"
import type { Span } from "./span"

/** About what a span takes in memory beside its payloads, in bytes. */
export const SPAN_COST = 700

/** Spans that are handed on at once: some tenths of a millisecond; and how many times in a row. */
const PORTION = 256
const PORTIONS = 2
const PORTION_BYTES = 512 << 10
/** Milliseconds that an ended span waits at most. */
const TICK = 20
/** A span that is open for longer is shown before it ends; how often those are looked at, in milliseconds. */
const YOUNG = 100
/** A pending span that changes (streamed output) is sent again at most this often, in milliseconds; a long one less often. */
const REFRESH = 150
const REFRESH_PER_CHARACTER = 0.001

/** A queue of spans on their way out of the program's thread. */
export class Intake {
  /** What is held here, in bytes. */
  bytes = 0
  /** Spans given up here since the start. */
  dropped = 0
  closed = false
  private items: Span[] = []
  /** Where in them the oldest stands. */
  private head = 0
  /** Up to where in them each is handed on whether it has only just begun or not; 0 if nothing presses. */
  private urgent = 0
  /** Spans that had only just begun when they were looked at; and those of them that are looked at again now. */
  private young: Span[] = []
  private sweep: Span[] = []
  private readonly portionBytes: number
  private fresh = 0
  private freshBytes = 0
  private armed = false
  private swept = 0

  /** `limit`: how many bytes may be here and on the way to the sender together; `mask` is the program's own. */
  constructor(
    private readonly limit: number,
    private readonly outlet: Outlet,
    private readonly mask?: Mask,
  ) {
    this.portionBytes = Math.min(PORTION_BYTES, limit >> 2)
  }

  /** Queue a span that takes about `cost` bytes. */
  put(span: Span, cost: number): void {
    if (this.closed) {
      span._queued = false
      return
    }
    // Before this one is added: it has only just begun.
    if (++this.fresh > PORTION || this.freshBytes >= this.portionBytes) this.ship()
    span._cost = cost
    this.bytes += cost
    this.freshBytes += cost
    this.items.push(span)
    if (!this.armed) this.arm()
  }

  /** Hand on what is there, as fast as it is taken. */
  ship(): void {
    this.fresh = this.freshBytes = 0
    for (let portions = 0; portions < PORTIONS && this.head < this.items.length; portions++) {
      if (this.head >= this.urgent && this.outlet.onTheWay() > this.limit >> 1) break
      const urgent = this.head < this.urgent
      this.post(this.next(), urgent)
    }
    this.tidy()
  }

  /** Hand on all that is there at once, also spans that have only just begun: nothing comes after. */
  shipAll(): void {
    this.urge()
    while (this.head < this.urgent) this.post(this.next(), true)
    this.tidy()
  }

  /** The same by portions, the program having its turn in between. */
  async flush(): Promise<void> {
    this.urge()
    for (this.ship(); this.urgent > 0; this.ship()) await new Promise((resolve) => setImmediate(resolve))
  }

  /** All that is there now is to be handed on, whether it has only just begun or not. */
  private urge(): void {
    this.items = [...this.sweep, ...this.young, ...this.items.slice(this.head)]
    this.head = 0
    this.urgent = this.items.length
    this.sweep = []
    this.young = []
  }

  private tidy(): void {
    if (this.head >= this.urgent) this.urgent = 0
    if (!this.urgent && this.head < this.items.length) this.trim()
    if (this.head === this.items.length) {
      this.items = []
      this.head = 0
    } else if (this.head > 4096) {
      this.items = this.items.slice(this.head)
      this.urgent = Math.max(0, this.urgent - this.head)
      this.head = 0
    }
    if (!this.armed && !this.closed && this.items.length + this.young.length > 0) this.arm()
  }

  /** Take nothing more. */
  close(): void {
    this.closed = true
  }

  /** The oldest spans, as many as are handed on at once. */
  private next(): Span[] {
    const portion: Span[] = []
    let size = 0
    while (this.head < this.items.length && portion.length < PORTION && size < this.portionBytes) {
      const span = this.items[this.head++]!
      size += span._cost
      portion.push(span)
    }
    return portion
  }

  /** Drop the oldest spans where more waits here than may; an open one comes again when it ends. */
  private trim(): void {
    while (this.head < this.items.length && this.bytes + this.outlet.onTheWay() > this.limit) {
      const span = this.items[this.head++]!
      this.bytes -= span._cost
      span._cost = 0
      span._queued = false
      if (span.endTime !== undefined) this.dropped++
    }
  }

  private arm(): void {
    this.armed = true
    setTimeout(this.tick, TICK).unref()
  }

  private readonly tick = (): void => {
    this.armed = false
    try {
      this.ship()
      const now = steady()
      if (!this.sweep.length && now - this.swept >= YOUNG) {
        this.swept = now
        correct()
        this.sweep = this.young
        this.young = []
        if (this.sweep.length) this.lookAgain()
      }
    } catch (error) {
      failed("tick", error)
    }
  }

  /** Look at a portion of what was young before, and at the next one when the program has had its turn. */
  private readonly lookAgain = (): void => {
    try {
      this.post(this.sweep.splice(0, PORTION), false)
      if (this.sweep.length) setTimeout(this.lookAgain, 0).unref()
      else if (!this.armed && this.items.length + this.young.length > 0) this.arm()
    } catch (error) {
      failed("tick", error)
    }
  }

  private post(portion: readonly Span[], everything: boolean): void {
    const out = new Writer(portion.length, this.mask)
    let size = 0
    const now = steady()
    for (const span of portion) {
      if (span.endTime === undefined && !everything && (now - span._begun < YOUNG || (span._shown && now - span._shown < refresh(span)))) {
        this.young.push(span)
        continue
      }
      this.bytes -= span._cost
      size += span._cost
      span._cost = 0
      span._queued = false
      span._shown = now
      out.add(span)
    }
    if (out.size) this.outlet.post(out.done(), size, this.dropped)
  }
}

/** How long the last pending state of a span is good enough, in milliseconds. */
function refresh(span: Span): number {
  const input = span._input === undefined ? 0 : jsonOf(span._input).length
  return REFRESH + (input + (span._growing?.size ?? 0)) * REFRESH_PER_CHARACTER
}
