/** The way from the program's thread to the sender's: a worker thread that encodes, and alone owns the sockets. */

import { join } from "node:path"
import { Worker, isMainThread, threadId } from "node:worker_threads"
import { errorText, log } from "./guard"
import type { Config } from "./settings"
import type { Portion } from "./portion"
import { program } from "./program"
import { VERSION } from "./version"

/** Where in the shared memory what stands. */
export const SHARED = {
  /** KiB that the sender has taken from what was posted. */ taken: 0,
  /** 1 once all is sent that was to be sent before the end, 2 if it could not be. */ done: 1,
  /** 1 while the sender is inside ZeroMQ, 2 once it may not enter it any more. */ lock: 2,
  size: 3,
} as const

/** What the sender is started with. */
export interface SenderData {
  readonly flowscope: "sender"
  readonly config: Config
  readonly sessionId: string
  readonly program: string
  readonly thread: string
  readonly version: string
  readonly shared: Int32Array<SharedArrayBuffer>
}

/** What the program's thread tells the sender: spans, a wish to have all sent, or that this is the end. */
export type Message =
  | readonly ["spans", Portion, number, number]
  | readonly ["flush", number, number]
  | readonly ["end", number, number]

/** Where spans are handed on. */
export interface Outlet {
  /** Hand on spans of about `size` bytes; `dropped` were given up before. */
  post(portion: Portion, size: number, dropped: number): void
  /** Bytes that were handed on and that the sender has not taken yet. */
  onTheWay(): number
}

/** The sender's thread, started with the first span that is handed on. */
export class SenderThread implements Outlet {
  private readonly shared = new Int32Array(new SharedArrayBuffer(SHARED.size * 4))
  private posted = 0
  private worker: Worker | undefined
  private dead = false
  private ticket = 0
  private readonly waitingFor = new Map<number, (sent: boolean) => void>()

  constructor(
    private readonly config: Config,
    private readonly sessionId: string,
    private readonly onDeath: () => void,
  ) {}

  post(portion: Portion, size: number, dropped: number): void {
    const kib = (size >> 10) + 1
    this.posted = (this.posted + kib) | 0
    this.send(["spans", portion, kib, dropped])
  }

  onTheWay(): number {
    return ((this.posted - Atomics.load(this.shared, SHARED.taken)) | 0) * 1024
  }

  /** Have all sent within `seconds`; true once it is stored. Until then the process stays alive. */
  flush(seconds: number): Promise<boolean> {
    if (this.worker === undefined) return Promise.resolve(true)
    if (this.dead) return Promise.resolve(false)
    const id = ++this.ticket
    const answer = new Promise<boolean>((resolve) => this.waitingFor.set(id, resolve))
    this.worker.ref()
    this.send(["flush", id, seconds])
    return answer
  }

  /** Have all sent within `seconds` and the thread end, without waiting for it. */
  retire(seconds: number, dropped: number): void {
    if (this.worker !== undefined && !this.dead) this.send(["end", seconds, dropped])
  }

  /** Wait here, the program standing still, until a thread that was told to end has; `seconds` at most. */
  finish(seconds: number): void {
    if (this.worker === undefined) return
    if (!this.dead) Atomics.wait(this.shared, SHARED.done, 0, Math.ceil(seconds * 1000))
    // A thread that is ended while it is inside ZeroMQ's binding takes the process with it.
    for (let tries = 0; tries < 100; tries++) {
      if (Atomics.compareExchange(this.shared, SHARED.lock, 0, 2) !== 1) break
      Atomics.wait(this.shared, SHARED.lock, 1, 10)
    }
  }

  private send(message: Message): void {
    if (this.dead) return
    this.worker ??= this.start()
    this.worker?.postMessage(message)
  }

  private start(): Worker | undefined {
    const data: SenderData = {
      flowscope: "sender",
      config: { ...this.config, redact: this.config.redact !== false },
      sessionId: this.sessionId,
      program: program(),
      thread: isMainThread ? "main" : `worker-${threadId}`,
      version: VERSION,
      shared: this.shared,
    }
    try {
      // Without the program's own preloaded modules: they would be run once more, this one among them.
      const { NODE_OPTIONS: _, ...env } = process.env
      const worker = new Worker(join(__dirname, "worker", "main.js"), {
        workerData: data,
        execArgv: [],
        argv: [],
        env,
        name: "flowscope",
        trackUnmanagedFds: false,
      })
      worker.on("message", (answer: { id: number; sent: boolean }) => this.answered(answer.id, answer.sent))
      worker.on("error", (error) => this.died(errorText(error)))
      worker.on("exit", () => this.died("it ended"))
      worker.unref()
      return worker
    } catch (error) {
      this.died(errorText(error))
      return undefined
    }
  }

  private answered(id: number, sent: boolean): void {
    const resolve = this.waitingFor.get(id)
    this.waitingFor.delete(id)
    if (!this.waitingFor.size) this.worker?.unref()
    resolve?.(sent)
  }

  private died(why: string): void {
    if (this.dead) return
    this.dead = true
    if (Atomics.load(this.shared, SHARED.done) === 0) log(`the sender's thread is gone: ${why}`)
    for (const id of [...this.waitingFor.keys()]) this.answered(id, Atomics.load(this.shared, SHARED.done) === 1)
    this.onDeath()
  }
}
