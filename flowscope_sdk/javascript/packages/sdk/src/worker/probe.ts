/** Whether anybody listens at an endpoint at all: told at once where nobody does. */

import { createConnection } from "node:net"

/** Milliseconds to wait for an answer; none is as if somebody listened, far away. */
const PATIENCE = 300

/** Whether a connection to a `tcp://` or `ipc://` endpoint is refused. */
export function refused(endpoint: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = endpoint.startsWith("ipc://")
      ? createConnection(endpoint.slice("ipc://".length).replace(/^@/, "\0"))
      : createConnection(portOf(endpoint), hostOf(endpoint))
    const tell = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(PATIENCE, () => tell(false))
    socket.on("connect", () => tell(false))
    socket.on("error", () => tell(true))
  })
}

function portOf(endpoint: string): number {
  return Number(endpoint.slice(endpoint.lastIndexOf(":") + 1))
}

function hostOf(endpoint: string): string {
  return endpoint.slice("tcp://".length, endpoint.lastIndexOf(":")).replace(/^\[|\]$/g, "")
}
