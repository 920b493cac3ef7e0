/** The names of a function's parameters, read from its source: what a traced call's input is called by. */

/** The names in order, and what further arguments are called. */
export interface Parameters {
  readonly names: readonly string[]
  readonly rest: string
}

const MAX_SOURCE = 2_000
const NAME = /^[\p{L}_$][\p{L}\p{N}_$]*/u
const CLOSING: Record<string, string> = { "(": ")", "[": "]", "{": "}" }

/** Parameters of `fn`; one that is taken apart in place (`{ a, b }`) is called by its position. */
export function parameterNames(fn: (...args: never[]) => unknown): Parameters {
  try {
    return read(Function.prototype.toString.call(fn).slice(0, MAX_SOURCE))
  } catch {
    return { names: [], rest: "args" }
  }
}

function read(source: string): Parameters {
  const arrow = /^(?:async\s+)?([\p{L}_$][\p{L}\p{N}_$]*)\s*=>/u.exec(source)
  if (arrow) return { names: [arrow[1]!], rest: "args" }
  const open = opening(source)
  if (open < 0) return { names: [], rest: "args" }
  const names: string[] = []
  let rest = "args"
  for (const [index, part] of parts(source, open + 1).entries()) {
    const variadic = part.startsWith("...")
    const name = NAME.exec(variadic ? part.slice(3).trim() : part)?.[0] ?? `arg${index}`
    if (variadic) rest = name
    else names.push(name)
  }
  return { names, rest }
}

/** Where the list of parameters opens: a method's computed name may hold brackets of its own. */
function opening(source: string): number {
  let at = 0
  const named = /^(?:async\s*)?(?:function\b)?\s*\*?\s*(?:get\s|set\s)?\s*\[/.exec(source)
  if (named) at = skip(source, named[0].length - 1)
  return source.indexOf("(", at)
}

/** The parameters between brackets, without comments. */
function parts(source: string, from: number): string[] {
  const found: string[] = []
  let text = ""
  for (let at = from; at < source.length; at++) {
    const letter = source[at]!
    if (letter === ")") break
    if (source.startsWith("/*", at)) {
      at = source.indexOf("*/", at) + 1
      if (at <= 0) break
    } else if (source.startsWith("//", at)) {
      at = source.indexOf("\n", at)
      if (at < 0) break
    } else if (letter === ",") {
      found.push(text.trim())
      text = ""
    } else if (letter in CLOSING || letter === '"' || letter === "'" || letter === "`") {
      const end = skip(source, at)
      text += source.slice(at, end)
      at = end - 1
    } else text += letter
  }
  if (text.trim()) found.push(text.trim())
  return found.filter(Boolean)
}

/** Behind the bracket or quote that closes the one at `at`. */
function skip(source: string, at: number): number {
  const letter = source[at]!
  const closing = CLOSING[letter]
  for (let here = at + 1; here < source.length; here++) {
    const next = source[here]!
    if (next === "\\") here++
    else if (next === (closing ?? letter)) return here + 1
    else if (closing !== undefined && (next in CLOSING || next === '"' || next === "'" || next === "`")) here = skip(source, here) - 1
  }
  return source.length
}
