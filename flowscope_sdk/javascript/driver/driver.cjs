// The JavaScript SDK's driver for `flowscope sdk verify`: see docs/sdk-compliance.md.
const { createInterface } = require("node:readline")
const { setTimeout: pause, setImmediate: turn } = require("node:timers/promises")
const flowscope = require("@flowscope/sdk")

/** What a case has the traced work fail with. */
class Failed extends Error {
  name = "Failed"
}

const made = {
  nan: () => NaN,
  infinity: () => Infinity,
  surrogate: () => "a\ud800b",
  repeat: ({ text, times }) => text.repeat(times),
  integer: ({ digits }) => BigInt(digits),
  bytes: ({ hex }) => Buffer.from(hex, "hex"),
  deep: ({ levels }) => {
    let value = "bottom"
    for (let level = 0; level < levels; level++) value = [value]
    return value
  },
  list: ({ item, times }) => Array(times).fill(item),
  cycle: () => {
    const value = ["round"]
    value.push(value)
    return value
  },
  hostile: () => ({
    get trap() {
      throw new Error("hostile")
    },
    toJSON() {
      throw new Error("hostile")
    },
    toString() {
      throw new Error("hostile")
    },
  }),
}

/** A value as a command tells it: JSON, or what JSON can't hold, by name. */
function make(told) {
  if (Array.isArray(told)) return told.map(make)
  if (typeof told !== "object" || told === null) return told
  if ("$" in told) return made[told.$](told)
  return Object.fromEntries(Object.entries(told).map(([name, value]) => [name, make(value)]))
}

function options(told) {
  const found = {}
  for (const name of ["input", "metadata"]) if (name in told) found[name] = make(told[name])
  for (const name of ["kind", "framework"]) if (name in told) found[name] = told[name]
  if ("session_id" in told) found.sessionId = told.session_id
  return found
}

/** One node of a tree: a span, inside of it what stands below. */
async function run(told, answer) {
  const work = async (span) => {
    for (const piece of told.stream ?? []) span.stream(piece)
    for (const [name, value] of Object.entries(told.set ?? {})) span.set(name, make(value))
    await (told.pause_ms ? pause(told.pause_ms) : turn())
    if ("inject" in told) answer.headers = flowscope.inject({ ...told.inject })
    for (const child of told.children ?? []) await run(child, answer)
    if ("output" in told) span.output = make(told.output)
    if ("error" in told) throw new Failed(make(told.error))
  }
  try {
    await flowscope.trace(make(told.operation), options(told), work)
  } catch (error) {
    if (!(error instanceof Failed)) throw error
  }
}

const opened = new Map()

const commands = {
  async trace(told) {
    const answer = {}
    if ("from" in told) await flowscope.withSpan(flowscope.extract(told.from), () => run(told.tree, answer))
    else await run(told.tree, answer)
    return answer
  },
  repeat({ operation, times }) {
    for (let number = 0; number < times; number++) flowscope.trace(operation, { input: number }, () => {})
  },
  open(told) {
    opened.set(told.name, flowscope.startSpan(told.operation, options(told)))
  },
  stream({ name, text }) {
    opened.get(name).stream(text)
  },
  close({ name, ...told }) {
    opened.get(name).end("output" in told ? { output: make(told.output) } : undefined)
  },
  inject: ({ headers }) => ({ headers: flowscope.inject({ ...headers }) }),
  flush: async ({ seconds }) => ({ flushed: await flowscope.flush(seconds) }),
}

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    const told = JSON.parse(line)
    if (told.do === "exit") {
      if (told.how === "status") process.exit(told.status)
      if (told.how === "throw") setImmediate(() => { throw new Failed("thrown to end the program") }) // prettier-ignore
      process.stdin.destroy()
      return
    }
    let answer
    try {
      answer = told.do in commands ? { ok: true, ...(await commands[told.do](told)) } : { ok: false, error: "not known here" }
    } catch (error) {
      answer = { ok: false, error: String(error?.stack ?? error) }
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`)
  }
}

void main()
