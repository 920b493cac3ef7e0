/** What one stream of numbered batches has in flight: kept until acknowledged, sent again when it may be lost. Pure. */

/** Seconds without progress before the collector is asked how far it is; doubles up to MAX_PATIENCE. */
export const PATIENCE = 1
const MAX_PATIENCE = 30

/** A message as it goes out, and the numbers of its records: `seq` to `last`. */
export interface Outgoing {
  readonly seq: number
  readonly last: number
  /** The records, packed or not. */
  readonly body: Uint8Array
  /** Steady seconds when it got its numbers. */
  readonly at: number
}

/**
 * Numbers batches from 1 and holds each until the collector says that it is stored.
 *
 * Every number below `next` was acknowledged, or its batch is held, or was given up by forgetSent(). Times are
 * steady seconds, given by the caller.
 */
export class Window {
  next = 1
  /** Bytes held. */
  size = 0
  private held: Outgoing[] = []
  /** How many of them, from the first, are on their way. */
  private sentCount = 0
  private epoch: string | undefined
  private since = 0
  private patience = PATIENCE
  private asked = false

  /** The number of the oldest record that can still be sent. */
  get first(): number {
    return this.held[0]?.seq ?? this.next
  }

  /** Whether nothing is held. */
  get empty(): boolean {
    return this.held.length === 0
  }

  /** Whether something was sent and not acknowledged. */
  get inFlight(): boolean {
    return this.sentCount > 0
  }

  /** Seconds for which the oldest batch has been held, 0 if there is none. */
  waits(now: number): number {
    return this.held.length ? Math.max(0, now - this.held[0]!.at) : 0
  }

  /** Hold a batch of `count` records, the first of which gets number `next`. */
  add(count: number, body: Uint8Array, now: number): void {
    this.held.push({ seq: this.next, last: this.next + count - 1, body, at: now })
    this.next += count
    this.size += body.length
  }

  /** What is to be sent now, if anything; sent() says that it was. */
  due(): Outgoing | undefined {
    return this.held[this.sentCount]
  }

  /** What due() gave is on its way. */
  sent(now: number): void {
    if (!this.sentCount) this.since = now
    this.sentCount++
  }

  /** What is on its way may be lost: send all of it again. */
  rewind(): void {
    this.sentCount = 0
    this.patience = PATIENCE
    this.asked = false
  }

  /**
   * The collector of `epoch` has stored all records up to number `watermark`. Another epoch is another process: what
   * the one before had read and not stored is gone.
   */
  acknowledged(watermark: number, epoch: string, now: number): void {
    if (epoch !== this.epoch) {
      if (this.epoch !== undefined) this.rewind()
      this.epoch = epoch
      this.progress(now)
    }
    while (this.held.length && this.held[0]!.last <= watermark) {
      this.dropFirst()
      this.progress(now)
    }
  }

  /** Nobody acknowledges here: what was handed over counts as delivered. */
  forgetSent(): void {
    while (this.sentCount) this.dropFirst()
  }

  /** Whether to ask the collector how far it is, as nothing has moved for long. Asked again ever less often. */
  stalled(now: number): boolean {
    if (!this.sentCount || now - this.since < this.patience) return false
    this.since = now
    this.patience = Math.min(2 * this.patience, MAX_PATIENCE)
    this.asked = true
    return true
  }

  /**
   * The collector has said how far it is. If it was asked and got no further, it lacks what was sent. Or it can't write
   * just now: so what is sent again is waited for twice as long.
   */
  answered(): void {
    if (!this.asked) return
    this.asked = false
    this.sentCount = 0
  }

  private progress(now: number): void {
    this.since = now
    this.patience = PATIENCE
    this.asked = false
  }

  private dropFirst(): void {
    this.size -= this.held.shift()!.body.length
    this.sentCount = Math.max(0, this.sentCount - 1)
  }
}
