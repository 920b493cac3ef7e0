// Whatever a program hands over is captured as JSON, and the program never notices.
import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { test } from "node:test"
import { createRequire } from "node:module"
import { record } from "../support/programs.js"

const require = createRequire(import.meta.url)
const { snapshot, Cut, jsonOf, valueOf } = require("../../packages/sdk/dist/capture.js")
const taken = (value, most) => valueOf(snapshot(value, most))

const cycle = { name: "a" }
cycle.self = cycle
class Point {
  constructor() {
    this.x = 1
    this.#hidden = 2
    this.method = () => 1
  }
  #hidden
  get computed() {
    throw new Error("never asked")
  }
}
const hostile = new Proxy({}, { ownKeys: () => { throw new Error("trap") }, getPrototypeOf: () => { throw new Error("trap") }, get: () => { throw new Error("trap") } })

const CASES = [
  ["plain", { a: [1, "x", null, true], b: {} }, { a: [1, "x", null, true], b: {} }],
  ["a throwing getter costs only itself", { ok: 1, get bad() { throw new RangeError("x") } }, { ok: 1, bad: "<RangeError while it was read>" }],
  ["a throwing toJSON", { toJSON() { throw new Error("x") } }, "<Object: Error while it was captured>"],
  ["toJSON of a class", new (class Money { toJSON() { return { amount: 3 } } })(), { amount: 3 }],
  ["a cycle", cycle, { name: "a", self: "… refers back to itself" }],
  ["a class instance: its fields, not its getters and methods", new Point(), { class: "Point", x: 1 }],
  ["Map and Set", { map: new Map([["a", 1], [{ k: 1 }, 2]]), set: new Set([1, 2]) }, { map: { a: 1, '{"k":1}': 2 }, set: [1, 2] }],
  ["Date, RegExp, URL", [new Date(0), /x/g, new URL("http://a.b/c"), new Date(NaN)], ["1970-01-01T00:00:00.000Z", "/x/g", "http://a.b/c", "Invalid Date"]],
  ["errors", [new TypeError("no")], ["TypeError: no"]],
  ["functions, classes, symbols", [function named() {}, class K {}, Symbol("s"), () => 1], ["<function named>", "<class K>", "Symbol(s)", "<function anonymous>"]],
  ["undefined members", { a: undefined, b: 1 }, { b: 1 }],
  ["buffers", { text: Buffer.from("hi"), bin: Buffer.from([255, 0]), floats: new Float32Array([1, 2]) }, { text: "hi", bin: { bytes: 2, base64: "/wA=" }, floats: [1, 2] }],
  ["boxed and odd numbers", [Object(1), NaN, -0, Infinity], [1, null, 0, null]],
  ["a promise is not waited for", Promise.resolve(1), "<Promise>"],
  ["objects without a prototype", Object.assign(Object.create(null), { a: 1n }), { a: 1 }],
  ["a proxy that throws at everything", { hostile }, { hostile: "<object: Error while it was captured>" }],
  ["an array with holes", [1, , 3], [1, null, 3]], // eslint-disable-line no-sparse-arrays
]

for (const [name, value, expected] of CASES) {
  test(`capture: ${name}`, () => assert.deepEqual(taken(value), expected))
}

test("capture: control characters and halves of letters arrive as JSON can hold them", async () => {
  const odd = { a: "tab\tnul\0bell\x07", b: "line\nbreak \"quoted\"\t", c: "half \ud83d", d: "whole \u{1f44b}" }
  const { records } = await record(`const { trace } = require("@flowscope/sdk")
    trace("odd", { input: ${JSON.stringify(odd)} }, (span) => { span.set("m", "\\u0001"); console.log(JSON.stringify([span.input, span.metadata])); return "\\u001b[0m" })`)
  assert.deepEqual(records[0].input, { ...odd, c: "half \\ud83d" })
  assert.deepEqual([records[0].output, records[0].metadata.m], ["\u001b[0m", "\u0001"])
})

test("capture: BigInts keep their digits", () => {
  assert.equal(jsonOf(snapshot({ n: 12345678901234567890123n })), '{"n":12345678901234567890123}')
})

test("capture: what is set is kept as it was, whatever becomes of it", () => {
  const value = { list: [1] }
  const kept = snapshot(value)
  value.list.push(2)
  assert.deepEqual(JSON.parse(kept), { list: [1] })
})

test("capture: a long value is cut, with the length and hash of the whole", () => {
  const value = { first: "x".repeat(5000), second: "ü".repeat(5000), third: 3 }
  const kept = snapshot(value, 2000)
  assert.ok(kept instanceof Cut && Buffer.byteLength(kept.json) <= 2000)
  const whole = JSON.stringify(value)
  assert.equal(kept.length, Buffer.byteLength(whole))
  assert.equal(kept.sha256, createHash("sha256").update(whole).digest("hex"))
  assert.match(JSON.parse(kept.json).first, /… \(5,000 characters\)$/)
})

test("capture: depth, width and size have bounds", () => {
  let deep = {}
  for (let level = 0; level < 10000; level++) deep = { deep }
  assert.match(JSON.stringify(taken(deep)), /nested deeper than 48 levels/)
  assert.match(taken({ list: Array(1e6).fill(0) }).list.at(-1), /more$/)
  assert.equal(taken(Buffer.alloc(200 << 20)).bytes, 200 << 20)
})

test("no value makes the SDK throw, change or hold up the program", async () => {
  const { records, stdout, status, stderr } = await record(`
    const flowscope = require("@flowscope/sdk")
    const bad = new Proxy(function () {}, { get() { throw new Error("get") }, has() { throw new Error("has") }, ownKeys() { throw new Error("keys") }, getPrototypeOf() { throw new Error("proto") } })
    class Evil extends Error { get message() { throw new Error("m") } get stack() { throw new Error("s") } get name() { throw new Error("n") } get cause() { throw new Error("c") } }
    flowscope.trace("values", { input: bad, metadata: { bad, sym: Symbol("x"), big: 1n } }, (span) => { span.set("more", bad); span.output = bad; span.stream(Symbol.iterator.description); return bad })
    try { flowscope.trace("evil", () => { throw new Evil() }) } catch (error) { console.log(error instanceof Evil) }
    try { flowscope.trace("bad", () => { throw bad }) } catch (error) { console.log(error === bad) }
    flowscope.trace(Symbol("odd").description, () => 1)
    flowscope.inject(Object.freeze({})); flowscope.extract({ traceparent: Symbol("x") })
    const frozen = flowscope.trace("frozen", () => Object.freeze({ then: (ok) => ok(1) }))
    const big = "x".repeat(20 << 20); flowscope.trace("big", { input: big }, () => 1)
    flowscope.trace("half \\ud83d", { input: { "\\udc00": "a\\\\\\ud83d" } }, () => 1)
    console.log("done")`, { env: { FLOWSCOPE_RAISE: "" } })
  assert.equal(stdout, "true\ntrue\ndone\n", stderr)
  assert.equal(status, 0)
  assert.equal(stderr, "")
  assert.ok(["values", "evil", "bad", "odd", "frozen", "big"].every((name) => records.some((each) => each.operation === name)))
  const big = records.find((each) => each.operation === "big")
  assert.equal(big.metadata["flowscope.truncated"].input.length, (20 << 20) + 2)
  assert.deepEqual(records.find((each) => each.operation.startsWith("half")).input, { "\\udc00": "a\\\\ud83d" })
})
