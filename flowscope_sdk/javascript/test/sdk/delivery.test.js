// Every way for a program to end, collectors that die, threads and children: what is recorded arrives.
import assert from "node:assert/strict"
import { gunzipSync } from "node:zlib"
import { once } from "node:events"
import { rmSync } from "node:fs"
import { createInterface } from "node:readline"
import { after, before, test } from "node:test"
import { Pull, Router } from "zeromq"
import { Collector, freePort } from "../support/collector.js"
import { plainEnv, programFile, run, start } from "../support/programs.js"

const COUNT = 10_000
const MAKE = `const flowscope = require("@flowscope/sdk")
  const make = (n) => { for (let i = 0; i < n / 2; i++) flowscope.trace("op", { input: { i } }, () => flowscope.trace("inner", () => i)) }\n`

let collector
before(async () => (collector = await Collector.start()))
after(() => collector.stop())

function program(source, { session, addr = collector.addr, env, signal, extension } = {}) {
  const path = programFile(source, extension)
  const more = { FLOWSCOPE_ADDR: addr, ...(session && { FLOWSCOPE_SESSION: session }), ...env }
  return run(process.execPath, [path], { env: plainEnv(more), signal }).finally(() => rmSync(path, { force: true }))
}

const ENDS = {
  "natural end": ["", 0, null],
  "process.exit": ["process.exit(3)", 3, null],
  "an exit code set before": ["process.exitCode = 4", 4, null],
  "an uncaught throw": ['throw new Error("thrown here")', 1, null],
  "an unhandled rejection": ['Promise.reject(new Error("rejected here"))', 1, null],
  SIGTERM: ['setInterval(() => {}, 1000); console.log("ready")', null, "SIGTERM"],
}

for (const [name, [source, status, by]] of Object.entries(ENDS)) {
  test(`${name}: all of ${COUNT.toLocaleString("en")} spans arrive, the status stays`, async () => {
    const session = `end ${name}`
    const done = await program(`${MAKE} make(${COUNT}); ${source}`, { session, signal: by ?? undefined })
    assert.deepEqual([done.status, done.by], [status, by], done.stderr)
    assert.match(done.stderr, source.includes("new Error") ? /Error: \w+ here/ : /^$/)
    assert.equal(await collector.stored(session, COUNT), COUNT)
  })
}

test("with nobody listening a program ends as it would, whatever way", async () => {
  const addr = `tcp://127.0.0.1:${await freePort()}`
  for (const [name, [source, status, by]] of Object.entries(ENDS)) {
    const done = await program(`${MAKE} make(2000); ${source}`, { addr, signal: by ?? undefined, env: { FLOWSCOPE_FLUSH_TIMEOUT: "2" } })
    assert.deepEqual([done.status, done.by], [status, by], `${name}: ${done.stderr}`)
  }
})

test("a peer that accepts and never takes anything holds the end up no longer than the timeout", async () => {
  const { createServer } = await import("node:net")
  const server = createServer(() => {}).listen(0, "127.0.0.1")
  await once(server, "listening")
  const begun = Date.now()
  const done = await program(`${MAKE} make(100)`, { addr: `tcp://127.0.0.1:${server.address().port}`, env: { FLOWSCOPE_FLUSH_TIMEOUT: "1" } })
  server.close()
  assert.equal(done.status, 0)
  assert.ok(Date.now() - begun < 15_000)
})

test("a program's own SIGTERM listener stays in charge", async () => {
  const source = `${MAKE} process.once("SIGTERM", () => { make(10); setTimeout(() => { console.log("tidied"); process.exit(0) }, 20) }); make(10)
    setInterval(() => {}, 1000); console.log("ready")`
  const done = await program(source, { session: "own listener", signal: "SIGTERM" })
  assert.deepEqual([done.status, done.stdout], [0, "ready\ntidied\n"])
  assert.equal(await collector.stored("own listener", 20), 20)
})

test("worker threads and child processes: each sends its own, the nesting of threads left to them", async () => {
  const source = `${MAKE}
    const { Worker, isMainThread } = require("node:worker_threads"), { execFileSync } = require("node:child_process")
    if (!isMainThread) { make(1000); if (process.argv[2] === "exit") process.exit(0) }
    else if (process.argv[2] === "child") make(1000)
    else {
      make(1000)
      execFileSync(process.execPath, [__filename, "child"])
      new Worker(__filename)
      new Worker(__filename, { argv: ["exit"] })
    }`
  const done = await program(source, { session: "threads" })
  assert.equal(done.status, 0, done.stderr)
  assert.equal(await collector.stored("threads", 4000), 4000)
})

test("flush keeps the program until all is stored, and says whether it is; shutdown ends recording", async () => {
  const source = `import * as flowscope from "@flowscope/sdk"
    for (let i = 0; i < 100; i++) flowscope.trace("op", () => i)
    const open = Array.from({ length: 2000 }, () => flowscope.startSpan("open"))
    console.log(await flowscope.flush())
    open.forEach((span) => span.end({ output: 1 }))
    await flowscope.shutdown()
    flowscope.trace("after", () => 1)
    console.log(await flowscope.flush())`
  const done = await program(source, { session: "flushed", extension: ".mjs" })
  assert.equal(done.stdout, "true\ntrue\n", done.stderr)
  const records = await collector.records("flushed", 2100)
  assert.ok(records.every((each) => each.status === "success"))
  const none = await program(source, { addr: `tcp://127.0.0.1:${await freePort()}`, extension: ".mjs", env: { FLOWSCOPE_FLUSH_TIMEOUT: "0.3" } })
  assert.equal(none.stdout, "false\ntrue\n")
})

test("an open span is shown while it runs, and its end replaces it", async () => {
  const path = programFile(`const flowscope = require("@flowscope/sdk")
    flowscope.trace("long", { input: "q" }, (span) => new Promise((resolve) => { span.stream("so far"); process.stdin.once("data", () => { process.stdin.destroy(); resolve("over") }) }))`)
  const child = start(process.execPath, [path], { env: plainEnv({ FLOWSCOPE_ADDR: collector.addr, FLOWSCOPE_SESSION: "shown" }), stdio: ["pipe", "ignore", "inherit"] })
  const [pending] = await collector.records("shown", 1)
  assert.deepEqual([pending.status, pending.end_time, pending.output], ["pending", null, "so far"])
  child.stdin.write("x")
  await once(child, "exit")
  rmSync(path)
  const [over] = await collector.records("shown", 1)
  assert.deepEqual([over.status, over.output, over.id], ["success", "over", pending.id])
})

/**
 * A program that does what it is told, a line each: "make" 1,000 spans, or "flush". It ends by itself when it is told
 * nothing more.
 */
function steered(addr, session, { env, rest = "" } = {}) {
  const path = programFile(`${MAKE}
    require("node:readline").createInterface({ input: process.stdin }).on("line", async (line) => {
      if (line === "make") make(1000), console.log("made")
      else console.log("stored", await flowscope.flush())
    }); ${rest}`)
  const child = start(process.execPath, [path], { env: plainEnv({ FLOWSCOPE_ADDR: addr, FLOWSCOPE_SESSION: session, ...env }), stdio: ["pipe", "pipe", "inherit"] })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = once(child, "exit").finally(() => rmSync(path))
  return {
    say: (line) => child.stdin.write(`${line}\n`),
    answer: async () => (await answers.next()).value,
    end: () => child.stdin.end(),
    ended,
  }
}

async function told(program, line) {
  program.say(line)
  return program.answer()
}

test("a collector that is killed, again and again, the last time as the program ends: nothing is lost and nothing is twice", async () => {
  const own = await Collector.start()
  const program = steered(own.addr, "killed")
  for (let kills = 1; kills <= 3; kills++) {
    assert.equal(await told(program, "make"), "made")
    assert.equal(await told(program, "flush"), "stored true")
    assert.equal(await told(program, "make"), "made") // on its way, or stored
    await own.kill()
    assert.equal(await told(program, "make"), "made")
    if (kills === 3) program.end()
    await own.begin()
  }
  assert.deepEqual(await program.ended, [0, null])
  assert.equal(await own.stored("killed", 9000), 9000)
  await own.stop()
})

test("a program that has all stored, records more while its collector restarts, and ends: it waits for it", async () => {
  const own = await Collector.start()
  const program = steered(own.addr, "away", { rest: 'process.on("exit", () => console.log("ends"))' })
  await told(program, "make")
  assert.equal(await told(program, "flush"), "stored true")
  await own.kill()
  await told(program, "make")
  program.end()
  assert.equal(await program.answer(), "ends") // only now does somebody come again
  await own.begin()
  assert.deepEqual(await program.ended, [0, null])
  assert.equal(await own.stored("away", 2000), 2000)
  await own.stop()
})

test("flush while the collector restarts is answered once all is stored", async () => {
  const own = await Collector.start()
  const program = steered(own.addr, "flushed again")
  await told(program, "make")
  assert.equal(await told(program, "flush"), "stored true")
  await own.kill()
  await told(program, "make")
  program.say("flush")
  program.end()
  await own.begin()
  assert.equal(await program.answer(), "stored true")
  assert.deepEqual(await program.ended, [0, null])
  assert.equal(await own.stored("flushed again", 2000), 2000)
  await own.stop()
})

test("a collector that went for good holds up neither flush nor the end for longer than the timeout, the status stays", async () => {
  const own = await Collector.start()
  const program = steered(own.addr, "gone", { env: { FLOWSCOPE_FLUSH_TIMEOUT: "1" }, rest: "process.exitCode = 5" })
  await told(program, "make")
  while ((await told(program, "flush")) !== "stored true");
  await own.kill()
  await told(program, "make")
  assert.equal(await told(program, "flush"), "stored false")
  program.end()
  assert.deepEqual(await program.ended, [5, null])
  rmSync(own.home, { recursive: true, force: true })
})

test("memory is bounded: the oldest are dropped and counted while nobody listens, and somebody who comes is told", async (t) => {
  const addr = `tcp://127.0.0.1:${await freePort()}`
  const path = programFile(`const flowscope = require("@flowscope/sdk")
    const heavy = "x".repeat(10_000)
    let made = 0
    const make = () => { for (let i = 0; i < 50; i++) flowscope.trace("n" + made++, { input: heavy }, () => 1) }
    ;(async () => {
      while (made < 1500) { make(); await new Promise((resolve) => setTimeout(resolve, 2)) }
      while (made < 2000) { make(); await flowscope.flush(0) } // what the sender's thread has not taken yet, nobody can drop
      console.log("made")
    })()
    process.stdin.once("data", () => process.stdin.destroy())`)
  const env = plainEnv({ FLOWSCOPE_ADDR: addr, FLOWSCOPE_SESSION: "bounded", FLOWSCOPE_BUFFER: "2MiB" })
  const child = start(process.execPath, [path], { env, stdio: ["pipe", "pipe", "inherit"] })
  await once(child.stdout, "data")
  const heard = { records: 0, dropped: 0, operations: [] }
  const pull = new Pull()
  const router = new Router()
  t.after(() => [pull, router].forEach((socket) => socket.close()))
  await router.bind(addr.replace(/\d+$/, (port) => String(Number(port) + 1)))
  await pull.bind(addr)
  let greeted
  const greeting = new Promise((resolve) => { greeted = resolve }) // data may come before the greeting does
  void (async () => {
    for await (const [who, frame] of router) {
      const said = JSON.parse(frame.toString())
      if (said.cmd === "hello") heard.hello = said
      const answer = { ok: true, producer: said.producer, watermark: heard.records, dropped: heard.dropped, epoch: "e", protocol: [1, 2] }
      greeted(who)
      if (said.cmd === "hello") await router.send([who, JSON.stringify(answer)])
    }
  })().catch(() => {})
  child.stdin.write("x")
  for await (const [header, body] of pull) {
    const head = JSON.parse(header.toString())
    const records = JSON.parse((head.compression === "gzip" ? gunzipSync(body) : body).toString())
    assert.equal(records.length, head.count)
    heard.dropped = head.dropped
    heard.version = head.version
    // What waited long for its acknowledgement comes twice.
    if (head.seq === heard.records + 1) {
      heard.records += head.count
      heard.operations.push(...records.map((each) => each.operation))
    }
    await router.send([await greeting, JSON.stringify({ ack: head.producer.id, watermark: heard.records, dropped: heard.dropped, epoch: "e" })])
    if (heard.records + heard.dropped >= 2000) break
  }
  assert.deepEqual(await once(child, "exit"), [0, null])
  rmSync(path)
  assert.equal(heard.records + heard.dropped, 2000)
  assert.ok(heard.records > 50 && heard.records < 250, `${heard.records} kept`)
  const numbers = heard.operations.map((each) => Number(each.slice(1)))
  assert.ok(Math.max(...numbers) > 1800 && Math.min(...numbers) > 1000, `${Math.min(...numbers)} to ${Math.max(...numbers)}`)
  assert.equal(heard.version, 2)
  assert.match(heard.hello.producer, /^p2-[0-9a-f]{32}$/)
})

test("what goes ahead of the control channel is not sent again when that comes", async (t) => {
  const addr = `tcp://127.0.0.1:${await freePort()}`
  const [pull, router] = [new Pull(), new Router()]
  t.after(() => [pull, router].forEach((socket) => socket.close()))
  await pull.bind(addr)
  const program = steered(addr, "ahead")
  await told(program, "make")
  program.say("flush")
  const heard = { stored: 0, greetings: 0, batches: [], who: undefined }
  const take = ([header]) => {
    const { seq, count } = JSON.parse(header.toString())
    heard.batches.push(seq)
    if (seq === heard.stored + 1) heard.stored += count
  }
  const answer = (producer) => JSON.stringify({ ok: true, producer, ack: producer, watermark: heard.stored, dropped: 0, epoch: "e", protocol: [1] })
  let sent = Promise.resolve() // a socket sends one message at a time
  const tell = (producer) => (sent = sent.then(() => router.send([heard.who, answer(producer)])))
  take(await pull.receive())
  await router.bind(addr.replace(/\d+$/, (port) => String(Number(port) + 1)))
  let id
  void (async () => {
    for await (const [who, frame] of router) {
      heard.who = who
      heard.greetings++
      id = JSON.parse(frame.toString()).producer
      await tell(id)
    }
  })().catch(() => {})
  void (async () => {
    for await (const message of pull) {
      take(message)
      if (id !== undefined) await tell(id)
    }
  })().catch(() => {})
  assert.equal(await program.answer(), "stored true")
  program.end()
  assert.deepEqual(await program.ended, [0, null])
  // Who waits long for an answer asks once more, and may then send again.
  if (heard.greetings < 2) assert.equal(new Set(heard.batches).size, heard.batches.length, String(heard.batches))
})

test("several addresses share the load, one of them ipc", async () => {
  const ipc = await Collector.start({ addr: `ipc://${collector.home}/second` })
  const path = programFile(`${MAKE} let made = 0
    const timer = setInterval(() => { make(100); made += 100 }, 25)
    process.stdin.once("data", () => { clearInterval(timer); process.stdin.destroy(); console.log(made) })`)
  const env = plainEnv({ FLOWSCOPE_ADDR: `${collector.addr},${ipc.addr}`, FLOWSCOPE_SESSION: "shared" })
  const child = start(process.execPath, [path], { env, stdio: ["pipe", "pipe", "inherit"] })
  const ended = once(child, "exit")
  const counts = () => Promise.all([collector, ipc].map((each) => each.stored("shared", 1)))
  assert.ok((await counts()).every((count) => count > 0))
  child.stdin.write("x")
  const [made] = await once(child.stdout.setEncoding("utf8"), "data")
  assert.deepEqual(await ended, [0, null])
  rmSync(path)
  const [one, other] = await counts()
  assert.equal(one + other, Number(made))
  await ipc.stop()
})

test("a collector that asks for its key takes what comes from who knows it, and nothing else", async () => {
  const home = await Collector.start({ addr: `tcp://0.0.0.0:${await freePort()}` })
  const addr = home.listening.replace("0.0.0.0", "127.0.0.1")
  assert.match(addr, /\?key=/)
  const known = await program(`${MAKE} make(100)`, { session: "keyed", addr })
  assert.deepEqual([known.status, known.stderr], [0, ""])
  assert.equal(await home.stored("keyed", 100), 100)
  const stranger = await program(`${MAKE} make(100)`, { session: "stranger", addr: addr.split("?")[0], env: { FLOWSCOPE_FLUSH_TIMEOUT: "0.5" } })
  assert.deepEqual([stranger.status, stranger.stderr], [0, ""])
  assert.ok(!(await home.sessions()).some((row) => row.id === "stranger"))
  await home.stop()
})
