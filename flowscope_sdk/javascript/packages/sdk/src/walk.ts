/** Any value as JSON text: bounded in depth, count and length, safe from the value's own code. */

import { types } from "node:util"

const MAX_DEPTH = 48
const MAX_OBJECT_DEPTH = 4
/** Members read of class instances in one value: a socket or a request leads to half of the program. */
const MAX_OBJECT_NODES = 4_000
const MAX_BYTES = 64 << 10
const MAX_ARRAY = 16_384
const MAX_BIGINT_DIGITS = 1_200

type Pair = readonly [unknown, unknown]

/** One pass over one value. `left` is about how many bytes may come out, `nodes` how many members. */
export class Walk {
  private readonly path = new Set<object>()
  private objects = MAX_OBJECT_NODES

  constructor(
    private left: number,
    private nodes: number,
  ) {}

  /** JSON that stands for `value`. */
  json(value: unknown): string {
    this.nodes--
    this.left -= 4
    switch (typeof value) {
      case "string":
        return this.text(value)
      case "number":
      case "boolean":
        return JSON.stringify(value)
      case "bigint":
        return bigint(value)
      case "undefined":
        return "null"
      case "symbol":
        return this.text(value.toString())
      case "function":
        return this.text(functionName(value))
      default:
        return value === null ? "null" : this.guarded(value as object)
    }
  }

  private guarded(value: object): string {
    if (this.path.has(value)) return '"… refers back to itself"'
    if (this.path.size >= MAX_DEPTH) return this.text(`… ${className(value)} nested deeper than ${MAX_DEPTH} levels`)
    this.path.add(value)
    try {
      return this.compound(value)
    } catch (error) {
      const what = error instanceof Error ? className(error) : typeof error
      return this.text(`<${className(value)}: ${what} while it was captured>`)
    } finally {
      this.path.delete(value)
    }
  }

  private compound(value: object): string {
    if (Array.isArray(value)) return this.items(value, value.length)
    const proto: unknown = Object.getPrototypeOf(value)
    if (types.isDate(value)) return this.text(Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString())
    if (types.isNativeError(value) || value instanceof Error) return this.text(`${value.name}: ${value.message}`)
    if (types.isRegExp(value)) return this.text(String(value))
    if (types.isMap(value)) return this.map(value)
    if (types.isSet(value)) return this.items(value, value.size)
    if (types.isAnyArrayBuffer(value)) return this.bytes(Buffer.from(value, 0, Math.min(value.byteLength, MAX_BYTES)), value.byteLength)
    if (ArrayBuffer.isView(value)) return this.view(value as NodeJS.TypedArray)
    if (types.isBoxedPrimitive(value)) return this.json((value as { valueOf(): unknown }).valueOf())
    if (types.isPromise(value) || types.isWeakMap(value) || types.isWeakSet(value) || types.isGeneratorObject(value)) {
      return this.text(`<${className(value)}>`)
    }
    if (proto === null || proto === Object.prototype || className(value) === "Object") return this.own(value)
    if (value instanceof URL) return this.text(value.href)
    if (value instanceof URLSearchParams) return this.text(value.toString())
    const toJSON: unknown = (value as { toJSON?: unknown }).toJSON
    if (typeof toJSON === "function") return this.json(toJSON.call(value, ""))
    return this.instance(value)
  }

  /** A plain object. What its getters say is part of it. */
  private own(value: object): string {
    const toJSON: unknown = (value as { toJSON?: unknown }).toJSON
    if (typeof toJSON === "function") return this.json(toJSON.call(value, ""))
    return this.pairs(
      Object.keys(value).map((key) => [key, this.member(value, key)] as const),
    )
  }

  private member(value: object, key: string): unknown {
    try {
      return (value as Record<string, unknown>)[key]
    } catch (error) {
      return `<${error instanceof Error ? className(error) : typeof error} while it was read>`
    }
  }

  /** An instance of a class: its own fields. Its getters may do anything, so they are not asked. */
  private instance(value: object): string {
    const name = className(value)
    let depth = 0
    for (const each of this.path) depth += Number(!Array.isArray(each))
    if (depth > MAX_OBJECT_DEPTH || this.objects <= 0) return this.text(`<${name} object>`)
    const found: Pair[] = [["class", name]]
    for (const key of Object.keys(value)) {
      const field = Object.getOwnPropertyDescriptor(value, key)
      if (!field || !("value" in field) || typeof field.value === "function") continue
      if (this.objects-- <= 0) break
      found.push([key, field.value])
    }
    return this.pairs(found)
  }

  private map(value: Map<unknown, unknown>): string {
    const found: Pair[] = []
    for (const pair of Map.prototype.entries.call(value) as MapIterator<[unknown, unknown]>) {
      found.push(pair)
      if (found.length > this.nodes) break
    }
    return this.pairs(found, value.size)
  }

  private pairs(pairs: readonly Pair[], count = pairs.length): string {
    const parts: string[] = []
    for (const [key, item] of pairs) {
      if (typeof item === "undefined") continue
      if (this.left <= 0 || this.nodes <= 0) {
        parts.push(`"…":"${(count - parts.length).toLocaleString("en")} more"`)
        break
      }
      parts.push(`${this.key(key)}:${this.json(item)}`)
    }
    return `{${parts.join(",")}}`
  }

  private items(items: Iterable<unknown>, count: number): string {
    const parts: string[] = []
    for (const item of items) {
      if (this.left <= 0 || this.nodes <= 0) {
        parts.push(`"… ${(count - parts.length).toLocaleString("en")} more"`)
        break
      }
      parts.push(this.json(item))
    }
    return `[${parts.join(",")}]`
  }

  private key(key: unknown): string {
    const text = this.json(key)
    return text.startsWith('"') ? text : JSON.stringify(text)
  }

  private text(given: string): string {
    // One long text must not take the place of all that comes after it.
    const most = Math.max(this.path.size === 0 ? this.left : Math.floor(this.left / 2), 64)
    let text = given
    if (text.length > most) text = `${beginning(text, most)}… (${text.length.toLocaleString("en")} characters)`
    this.left -= text.length
    return JSON.stringify(text)
  }

  private view(value: NodeJS.TypedArray | DataView): string {
    if (value instanceof Uint8Array || value instanceof DataView) {
      const most = Math.min(value.byteLength, MAX_BYTES)
      return this.bytes(Buffer.from(value.buffer, value.byteOffset, most), value.byteLength)
    }
    const items = value as unknown as ArrayLike<unknown> & Iterable<unknown>
    if (items.length > MAX_ARRAY) return this.pairs([["array", className(value)], ["length", items.length]])
    return this.items(items, items.length)
  }

  private bytes(data: Buffer, length: number): string {
    if (length <= MAX_BYTES) {
      const text = data.toString("utf8")
      if (!text.includes("\ufffd") && !text.includes("\0")) return this.text(text)
    }
    const most = Math.max(Math.min(MAX_BYTES, Math.floor(this.left / 2)), 64)
    const encoded = data.toString("base64", 0, most)
    this.left -= encoded.length
    return `{"bytes":${length},"base64":"${encoded}"}`
  }
}

/** The name of what made an object, whatever that does when it is asked. */
export function className(value: object): string {
  try {
    const name: unknown = value.constructor?.name
    return typeof name === "string" && name ? name.slice(0, 100) : "Object"
  } catch {
    return "object"
  }
}

function functionName(value: object): string {
  try {
    const name: unknown = (value as { name?: unknown }).name
    const known = typeof name === "string" && name ? name.slice(0, 200) : "anonymous"
    return /^class\b/.test(Function.prototype.toString.call(value).slice(0, 6)) ? `<class ${known}>` : `<function ${known}>`
  } catch {
    return "<function>"
  }
}

function bigint(value: bigint): string {
  const bound = 10n ** BigInt(MAX_BIGINT_DIGITS)
  return value > -bound && value < bound ? value.toString() : '"<integer of more than 1,200 digits>"'
}

/** The first `most` characters, less a word that would be cut in two: half a secret is not recognised as one. */
function beginning(text: string, most: number): string {
  const head = text.slice(0, most)
  const space = head.lastIndexOf(" ")
  const line = head.lastIndexOf("\n")
  const last = Math.max(space, line)
  return last > most - 512 && last > 0 ? head.slice(0, last) : head
}
