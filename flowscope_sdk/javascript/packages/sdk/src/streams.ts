/** Outputs that come in pieces: kept bounded, and seen while they grow. */

import { createHash } from "node:crypto"
import type { Hash } from "node:crypto"
import { Cut, currentLimit, jsonOf, snapshot, valueOf } from "./capture"
import type { Snapshot } from "./capture"
import { failed } from "./guard"
import type { Span } from "./span"

/** An output that is still growing. */
export interface Growing {
  /** About its length so far, in characters: a long one is shown anew less often. */
  readonly size: number
  /** What there is so far. */
  snapshot(): Snapshot | undefined
}

interface Part {
  readonly kind: "text" | "reasoning" | "tool_call"
  id?: string
  name?: string
  text: string
}

/** A model's answer in pieces: text, reasoning and tool calls, in the order in which they began. */
export class Answer implements Growing {
  size = 0
  private readonly parts: Part[] = []
  private readonly calls = new Map<unknown, Part>()

  /** Continue the text or the reasoning; a new part if something else came between. */
  add(kind: "text" | "reasoning", piece: string): void {
    let part = this.parts.at(-1)
    if (part?.kind !== kind) this.parts.push((part = { kind, text: "" }))
    this.write(part, piece)
  }

  /** Continue the tool call that the model numbers or names `key`. */
  addCall(key: unknown, piece: string, id?: string, name?: string): void {
    let part = this.calls.get(key)
    if (part === undefined) {
      this.parts.push((part = { kind: "tool_call", text: "" }))
      this.calls.set(key, part)
    }
    part.id = id || part.id
    part.name = name || part.name
    this.write(part, piece)
  }

  /** Bare text, if that is all there is; else a message with its parts. */
  snapshot(): Snapshot | undefined {
    const [first] = this.parts
    if (this.parts.length === 1 && first!.kind === "text") return snapshot(first!.text)
    return snapshot({ role: "assistant", parts: this.parts.map(plain) })
  }

  private write(part: Part, piece: string): void {
    this.size += piece.length
    // What is over the limit is cut anyway: enough is kept to see that it is.
    if (this.size <= 2 * currentLimit()) part.text += piece
  }
}

function plain(part: Part): Record<string, unknown> {
  if (part.kind !== "tool_call") return { type: part.kind, content: part.text }
  return { type: "tool_call", id: part.id ?? null, name: part.name ?? null, arguments: part.text }
}

/** What a traced generator yields, as the array that is its span's output. */
export class Items implements Growing {
  private readonly items: string[] = []
  size = 2
  private leftOut = 0
  private hash: Hash | undefined

  constructor(private readonly span: Span) {}

  /** Keep one item, as it is now. */
  add(item: unknown): void {
    const span = this.span
    if (!span.isRecording) return
    try {
      if (this.size === 2) {
        span.firstToken()
        if (span._level !== 1) span._growing = this
      }
      if (span._level === 1) {
        this.size++
        return
      }
      const taken = jsonOf(snapshot(item) ?? "null")
      this.size += Buffer.byteLength(taken) + 1
      if (this.size <= currentLimit()) {
        this.items.push(taken)
        span._changed(taken.length)
        return
      }
      this.hash ??= createHash("sha256").update(`[${this.items.join(",")}`)
      this.hash.update(`,${taken}`)
      this.leftOut++
    } catch (error) {
      failed("yield", error)
    }
  }

  snapshot(): Snapshot {
    if (!this.leftOut) return `[${this.items.join(",")}]`
    const kept = [...this.items, JSON.stringify(`… ${this.leftOut.toLocaleString("en")} more`)]
    return new Cut(`[${kept.join(",")}]`, this.size - 1, this.hash!.copy().update("]").digest("hex"))
  }

  /** End the span; what the generator returned, if it did, stands beside what it yielded. */
  end(returned: unknown): void {
    if (returned === undefined) this.span.end()
    else this.span.end({ output: { yielded: valueOf(this.snapshot()), returned } })
  }
}
