/** Where to push: the addresses that FLOWSCOPE_ADDR takes. */

const MAX_IPC_PATH = 95
const TCP = /^(\[[0-9A-Fa-f:.%]+\]|\*|[A-Za-z0-9._-]+):([0-9]{1,5})$/

/** One collector: what ZeroMQ connects to, and its CURVE public key (32 bytes) where the address names one. */
export interface Endpoint {
  readonly endpoint: string
  readonly key?: Uint8Array
}

/** A parsed address; `path` is where a file:// address records. */
export interface Address {
  readonly transport: "push" | "file" | "off"
  readonly endpoints: readonly Endpoint[]
  readonly path: string
  /** Whether nothing that is sent there leaves this machine. */
  readonly loopback: boolean
}

/**
 * Parse `tcp://HOST:PORT[?key=KEY]` or `ipc://PATH` (several, comma-separated), `file:///PATH` or `off`.
 * Throws an Error of one line that names the part at fault and what it should be.
 */
export function parseAddr(given: string): Address {
  const text = given.trim()
  if (text.toLowerCase() === "off") return { transport: "off", endpoints: [], path: "", loopback: true }
  if (text.startsWith("file:")) return { transport: "file", endpoints: [], path: filePath(text), loopback: true }
  const found = new Map<string, Endpoint>()
  for (const part of text.split(",")) {
    const each = endpointOf(part.trim(), text)
    const known = found.get(each.endpoint)
    if (known?.key && each.key && !Buffer.from(known.key).equals(each.key)) {
      throw mistake(text, "gives one collector two keys")
    }
    if (!known?.key) found.set(each.endpoint, each)
  }
  const endpoints = [...found.values()]
  return { transport: "push", endpoints, path: "", loopback: endpoints.every((each) => isLoopback(each.endpoint)) }
}

/** The control channel beside a data endpoint: the next tcp port, or the ipc path with `.control`. */
export function controlAddr(endpoint: string): string {
  if (endpoint.startsWith("ipc://")) return `${endpoint}.control`
  const colon = endpoint.lastIndexOf(":")
  return `${endpoint.slice(0, colon)}:${Number(endpoint.slice(colon + 1)) + 1}`
}

/** `text`, an address or several, as it may be logged: its keys replaced by `...`. */
export function hideKey(text: string): string {
  return text.replace(/(\?key=)[^,\s]*/g, "$1...")
}

/** Whether what is sent to an endpoint stays on this machine. */
export function isLoopback(endpoint: string): boolean {
  if (endpoint.startsWith("ipc://")) return true
  const host = endpoint.slice("tcp://".length, endpoint.lastIndexOf(":"))
  return host === "localhost" || host === "[::1]" || /^127(\.[0-9]{1,3}){3}$/.test(host)
}

function endpointOf(part: string, whole: string): Endpoint {
  if (part.startsWith("tcp://")) {
    const mark = part.indexOf("?key=")
    const bare = mark < 0 ? part : part.slice(0, mark)
    const found = TCP.exec(bare.slice("tcp://".length))
    if (!found) throw mistake(part, "must be tcp://HOST:PORT")
    const port = Number(found[2])
    if (port < 1 || port > 65534) {
      throw mistake(part, "must have a port from 1 to 65534 (the one after it is the control channel's)")
    }
    const endpoint = `tcp://${found[1]}:${port}`
    return mark < 0 ? { endpoint } : { endpoint, key: keyOf(part.slice(mark + "?key=".length), part) }
  }
  if (part.startsWith("ipc://")) {
    const path = part.slice("ipc://".length)
    if (!path || path.includes("\0")) throw mistake(part, "must be ipc://PATH")
    if (Buffer.byteLength(path) > MAX_IPC_PATH) {
      throw mistake(part, `has a path of more than ${MAX_IPC_PATH} bytes, the most a socket may have`)
    }
    return { endpoint: part }
  }
  if (part.toLowerCase() === "off" || part.startsWith("file:")) {
    throw mistake(whole, "mixes off or file:// with another address")
  }
  throw mistake(part || whole, "must begin with tcp://, ipc:// or file:///, or be off")
}

function keyOf(text: string, part: string): Uint8Array {
  const key = Buffer.from(text, "base64url")
  if (!/^[A-Za-z0-9_-]{43}$/.test(text) || key.length !== 32 || key.toString("base64url") !== text) {
    throw mistake(part, "has a key that is not whole; it is 43 characters of A-Z, a-z, 0-9, - and _")
  }
  return key
}

function filePath(text: string): string {
  const found = /^file:\/\/(?:localhost)?(\/.+)$/s.exec(text)
  let path = ""
  try {
    path = found ? decodeURIComponent(found[1]!) : ""
  } catch {
    path = found ? found[1]! : "" // a % that is no escape stands for itself
  }
  if (!path || path.includes("\0") || path.endsWith("/")) {
    throw mistake(text, "must be file:///PATH of a file, with three slashes and a full path")
  }
  return /^\/[A-Za-z]:[/\\]/.test(path) ? path.slice(1) : path
}

function mistake(text: string, what: string): Error {
  const shown = hideKey(text).replace(/[^\x20-\x7e]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`)
  return new Error(`address "${shown.slice(0, 120)}" ${what}`)
}
