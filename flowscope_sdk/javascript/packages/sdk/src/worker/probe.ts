/** Whether anybody listens at an endpoint at all: asked in the background, of the operating system rather than of ZeroMQ. */

import { createConnection } from "node:net"
import { isLoopback } from "../protocol/address"

/** Milliseconds to wait for an answer. */
const PATIENCE = 300
/** Seconds between two questions: each is a connection that the other side has to take. */
const PAUSE = 0.1

/** What a connection meets; none at all in time is silence: nobody is there, or far away. */
export type Answer = "listens" | "refuses" | "silent"

/** Asks again and again; nobody waits for the answer. */
export class Probe {
  private latest: Answer | undefined
  private asking = false
  private next = 0

  /** `endpoint` is a `tcp://` or `ipc://` one. */
  constructor(private readonly endpoint: string) {}

  /** The latest answer, undefined before the first; and ask once more, if it is time. `now` is steady seconds. */
  ask(now: number): Answer | undefined {
    if (!this.asking && now >= this.next) {
      this.asking = true
      this.next = now + PAUSE
      void knock(this.endpoint).then((answer) => {
        this.latest = answer
        this.asking = false
      })
    }
    return this.latest
  }

  /** Something has changed: what is known holds no more. */
  forget(): void {
    this.latest = undefined
    this.next = 0
  }
}

function knock(endpoint: string): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = endpoint.startsWith("ipc://")
      ? createConnection(endpoint.slice("ipc://".length).replace(/^@/, "\0"))
      : createConnection(portOf(endpoint), hostOf(endpoint))
    const tell = (answer: Answer): void => {
      socket.destroy()
      resolve(answer)
    }
    // This machine answers at once, unless who listens has more callers than it takes: it is slow, not gone.
    socket.setTimeout(PATIENCE, () => tell(isLoopback(endpoint) ? "listens" : "silent"))
    socket.on("connect", () => tell("listens"))
    socket.on("error", (error: NodeJS.ErrnoException) => tell(error.code === "EAGAIN" ? "listens" : "refuses"))
  })
}

function portOf(endpoint: string): number {
  return Number(endpoint.slice(endpoint.lastIndexOf(":") + 1))
}

function hostOf(endpoint: string): string {
  return endpoint.slice("tcp://".length, endpoint.lastIndexOf(":")).replace(/^\[|\]$/g, "")
}
