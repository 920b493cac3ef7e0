// Settings, levels, sampling, filters and redaction: what is recorded, and what is not.
import assert from "node:assert/strict"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { record, workspace } from "../support/programs.js"

const require = createRequire(import.meta.url)
const { redact } = require("../../packages/sdk/dist/worker/redact.js")
const { load } = require("../../packages/sdk/dist/settings.js")
const { search } = require("../../packages/sdk/dist/settings-file.js")
const { parseAddr, controlAddr } = require("../../packages/sdk/dist/protocol/address.js")
const { z85 } = require("../../packages/sdk/dist/worker/z85.js")
const { Window } = require("../../packages/sdk/dist/worker/window.js")
const corpus = JSON.parse(readFileSync(join(workspace, "..", "protocol", "vectors", "redaction.json"), "utf8"))

const PROGRAM = `const flowscope = require("@flowscope/sdk")
  flowscope.init(JSON.parse(process.argv[2] ?? "{}"))
  flowscope.trace("a.root", { input: 1 }, () => flowscope.trace("b.mid", () => { flowscope.trace("c.leaf", (s) => { s.set("k", 1); return 2 }); try { flowscope.trace("d.bad", { input: { password: "hunter2" } }, () => { throw new Error("sk-abcdefghijklmnop1234") }) } catch {} }))
  flowscope.suppressed(() => flowscope.trace("hidden", () => 1))`

const ran = async (options, env) => (await record(PROGRAM, { args: [JSON.stringify(options)], env })).records

test("secrets are masked: every case that all SDKs share, and nothing else", () => {
  for (const { name, value, secret } of corpus.secrets) {
    const masked = redact(JSON.stringify(value))
    JSON.parse(masked)
    assert.ok(!masked.includes(secret) && masked.includes("[redacted]"), `${name}: ${masked}`)
  }
  for (const value of corpus.plain) assert.equal(redact(JSON.stringify(value)), JSON.stringify(value))
  const names = corpus.secrets
  for (let round = 0; round < 300; round++) {
    const chosen = [0, 1, 2].map((step) => names[(round * 7 + step * (round % 11)) % names.length])
    const data = JSON.stringify({ text: chosen.map((each) => JSON.stringify(each.value)).join(" | "), list: chosen.map((each) => each.value) })
    const masked = redact(data)
    JSON.parse(masked)
    for (const each of chosen) assert.ok(!masked.includes(each.secret), `${each.name}: ${masked}`)
  }
})

test("levels: full, without payloads, only failures; secrets masked in all of it", async () => {
  const full = await ran({})
  assert.deepEqual(full.map((each) => each.operation), ["a.root", "b.mid", "c.leaf", "d.bad"])
  const bad = full.at(-1)
  assert.deepEqual([bad.input, bad.error], [{ password: "[redacted]" }, "Error: [redacted]"])
  assert.ok(!JSON.stringify(full).includes("abcdefghijklmnop"))
  const metadata = await ran({ capture: "metadata" })
  assert.equal(metadata.length, 4)
  assert.ok(metadata.every((each) => each.input === null && each.output === null))
  const errors = await ran({}, { FLOWSCOPE_CAPTURE: "errors" })
  assert.deepEqual(errors.map((each) => [each.operation, each.status]), [["d.bad", "error"]])
  assert.deepEqual((await ran({ redact: false })).at(-1).input, { password: "hunter2" })
})

test("include, exclude and sampling: children of what is left out belong to its caller", async () => {
  const left = await ran({ exclude: "b.*,d.*" })
  assert.deepEqual(left.map((each) => each.operation), ["a.root", "c.leaf"])
  assert.equal(left[1].parent_id, left[0].id)
  assert.deepEqual((await ran({}, { FLOWSCOPE_INCLUDE: "[ab].*" })).map((each) => each.operation), ["a.root", "b.mid"])
  assert.deepEqual(await ran({ sample: 0 }), [])
  assert.deepEqual(await ran({ addr: "off" }), [])
})

test("a bad setting warns once and is left out; a bad address switches off", async () => {
  const { stderr, records } = await record(PROGRAM, { env: { FLOWSCOPE_SAMPLE: "2", FLOWSCOPE_MAX_VALUE: "many", FLOWSCOPE_CAPTURE: "all" } })
  assert.deepEqual(stderr.trim().split("\n").sort(), [
    'flowscope: FLOWSCOPE_CAPTURE: "all" is not one of full, metadata, errors; using full',
    'flowscope: FLOWSCOPE_MAX_VALUE: "many" is not a size such as 1MiB; using 1MiB',
    'flowscope: FLOWSCOPE_SAMPLE: "2" is not a number from 0 to 1; using 1.0',
  ])
  assert.equal(records.length, 4)
  const off = await record(PROGRAM, { env: { FLOWSCOPE_ADDR: "tcp://127.0.0.1:99999" } })
  assert.match(off.stderr, /^flowscope: FLOWSCOPE_ADDR: address "tcp:\/\/127.0.0.1:99999" must have a port .*; tracing is off\n$/)
})

test("settings: environment before defaults, init before both; sizes and lists in their forms", () => {
  const config = load({ sample: 0.5, include: ["a", "b"], buffer: "1.5 MB", autoTrace: false }, { FLOWSCOPE_SAMPLE: "0.1", FLOWSCOPE_FLUSH_TIMEOUT: "0.5", FLOWSCOPE_REDACT: "off", FLOWSCOPE_SESSION: " s " })
  assert.deepEqual(
    [config.sample, config.include, config.buffer, config.autoTrace, config.flushTimeout, config.redact, config.sessionId, config.addr],
    [0.5, ["a", "b"], 1572864, [], 0.5, false, "s", "tcp://127.0.0.1:3569"],
  )
})

test("a settings file: flowscope.json before package.json, the nearest that speaks of FlowScope, below init and the environment", () => {
  const top = mkdtempSync(join(tmpdir(), "flowscope-settings-"))
  try {
    const folder = join(top, "a", "b")
    mkdirSync(folder, { recursive: true })
    const write = (at, name, value) => writeFileSync(join(at, name), typeof value === "string" ? value : JSON.stringify(value))
    write(top, "package.json", { name: "x", flowscope: { sample: 0.25, max_value: "256KiB", exclude: ["parse_*"], auto: ["langchain"] } })
    write(folder, "package.json", { name: "nothing of it" })
    const found = search(folder)
    assert.equal(found.path, join(top, "package.json"))
    const config = load({ sample: 1 }, { FLOWSCOPE_MAX_VALUE: "1KiB" }, found)
    assert.deepEqual([config.sample, config.maxValue, config.exclude, config.autoTrace], [1, 1024, ["parse_*"], ["langchain"]])
    write(join(top, "a"), "package.json", { flowscope: { sample: 0.5 } })
    write(join(top, "a"), "flowscope.json", { flushTimeout: 7, buffer: "2MiB" })
    const own = load({}, {}, search(folder))
    assert.deepEqual([own.sample, own.flushTimeout, own.buffer], [1, 7, 2 << 20])
  } finally {
    rmSync(top, { recursive: true, force: true })
  }
})

test("a settings file counts in a running program; what is wrong in it is said once and left out", async () => {
  const folder = mkdtempSync(join(tmpdir(), "flowscope-settings-"))
  try {
    const run = async (text) => {
      writeFileSync(join(folder, "flowscope.json"), text)
      return await record(`process.chdir(${JSON.stringify(folder)})\n${PROGRAM}`)
    }
    assert.deepEqual((await run('{"exclude": "b.*,c.*", "sample": 3, "colour": "red"}')).records.map((each) => each.operation), ["a.root", "d.bad"])
    const said = (await run('{"sample": 3, "colour": "red"}')).stderr.trim().split("\n").sort()
    assert.equal(said.length, 2, said.join())
    assert.match(said[0], /flowscope\.json: "colour" is not a setting; known are addr, .*autoTrace$/)
    assert.match(said[1], /flowscope\.json: sample: "3" is not a number from 0 to 1; using 1\.0$/)
    const broken = await run("{")
    assert.match(broken.stderr, /^flowscope: .*flowscope\.json: SyntaxError: .*; it is left out\n$/)
    assert.equal(broken.records.length, 4)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test("a program's own function redacts all that leaves, behind FlowScope's masking; where it fails nothing of a value is left", async () => {
  const { records, stdout, stderr } = await record(`const flowscope = require("@flowscope/sdk")
    const seen = []
    const clean = (value) => {
      if (typeof value === "string") { if (value === "throws") throw new Error("no"); return value.replaceAll("Ann", "[name]") }
      if (Array.isArray(value)) return value.map(clean)
      if (typeof value === "object" && value !== null) { if (value.later) return Promise.resolve(value); return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, clean(each)])) }
      return value
    }
    flowscope.init({ redact: (value) => { flowscope.trace("not the program's work", () => 1); seen.push(JSON.stringify(value)); return clean(value) } })
    flowscope.trace("ask Ann", { input: { who: ["Ann", { password: "hunter2" }] }, metadata: { by: "Ann" } }, () => "I am Ann\u0001")
    flowscope.trace("bad", { input: "throws" }, () => ({ later: true }))
    flowscope.trace("data", { metadata: { text: "throws" } }, () => 1)
    try { flowscope.trace("fails", () => { throw new Error("Ann is away") }) } catch {}
    process.on("exit", () => console.log(seen.some((each) => each.includes("hunter2"))))`)
  assert.equal(stderr, "")
  assert.equal(stdout, "false\n")
  assert.deepEqual(records.map((each) => each.operation), ["ask [name]", "bad", "data", "fails"])
  const [ask, bad, data, fails] = records
  assert.deepEqual([ask.input, ask.output, ask.metadata.by], [{ who: ["[name]", { password: "[redacted]" }] }, "I am [name]\u0001", "[name]"])
  assert.deepEqual([bad.input, bad.output], ["[redacted]", "[redacted]"])
  assert.deepEqual([data.metadata["flowscope.metadata"], data.metadata["flowscope.kind"], data.output], ["[redacted]", "custom", 1])
  assert.deepEqual([fails.error, fails.metadata["flowscope.exception.stacktrace"].split("\n")[0]], ["Error: [name] is away", "Error: [name] is away"])
})

test("addresses: several, with keys, ipc, file and off; keys are not shown", () => {
  const key = Buffer.alloc(32, 7)
  const found = parseAddr(`tcp://a.b:1?key=${key.toString("base64url")}, ipc:///tmp/x`)
  assert.deepEqual([found.transport, found.loopback, found.endpoints.map((each) => each.endpoint)], ["push", false, ["tcp://a.b:1", "ipc:///tmp/x"]])
  assert.deepEqual(Buffer.from(found.endpoints[0].key), key)
  assert.deepEqual([controlAddr("tcp://[::1]:5"), controlAddr("ipc:///tmp/x")], ["tcp://[::1]:6", "ipc:///tmp/x.control"])
  assert.equal(parseAddr("file:///tmp/a%20b.flowscope").path, "/tmp/a b.flowscope")
  for (const bad of ["", "tcp://x", "http://a:1", "tcp://a:0", "file://x/y", "off,tcp://a:1", `tcp://a:1?key=${"A".repeat(42)}`]) {
    assert.throws(() => parseAddr(bad), (error) => !error.message.includes("AAAA") && !error.message.includes("\n"))
  }
  assert.equal(z85(Buffer.from("864fd26fb559f75b", "hex")), "HelloWorld")
})

test("the send window: acknowledged batches go, a new collector or no progress has the rest sent again", () => {
  const window = new Window()
  for (const count of [2, 3]) window.add(count, Buffer.from("xx"), 0)
  assert.deepEqual([window.due().seq, window.due().last], [1, 2])
  window.sent(0)
  window.sent(0)
  assert.equal(window.due(), undefined)
  window.acknowledged(2, "e1", 0.1)
  assert.deepEqual([window.first, window.size, window.inFlight], [3, 2, true])
  assert.equal(window.stalled(0.5), false)
  assert.equal(window.stalled(1.2), true)
  window.answered()
  assert.equal(window.due().seq, 3)
  window.sent(1.3)
  window.acknowledged(2, "e2", 1.4)
  assert.equal(window.due().seq, 3)
  window.sent(1.5)
  window.acknowledged(5, "e2", 1.6)
  assert.ok(window.empty)
})
