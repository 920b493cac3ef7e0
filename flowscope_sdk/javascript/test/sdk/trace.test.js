// trace(), decorators and context: what is recorded of a program, and that it stays as it is.
import assert from "node:assert/strict"
import { test } from "node:test"
import ts from "typescript"
import { record, tree } from "../support/programs.js"

const REQUIRE = 'const flowscope = require("@flowscope/sdk");\n'
const by = (records, operation) => records.find((each) => each.operation === operation)

test("a block, its input and its result, nested through promises, timers and events", async () => {
  const { records, stdout, status } = await record(`${REQUIRE}
    const { setTimeout: pause } = require("node:timers/promises")
    async function main() {
      const result = await flowscope.trace("outer", { kind: "agent", input: { q: 1 }, metadata: { tier: "gold" } }, async (span) => {
        await pause(5)
        span.set("more", [1, 2])
        await Promise.all([1, 2].map((n) => flowscope.trace("inner " + n, async () => { await pause(3); flowscope.trace("leaf " + n, () => n) })))
        return { answer: 42 }
      })
      console.log(JSON.stringify(result), flowscope.currentSpan() === undefined)
    }
    main()`)
  assert.equal(status, 0)
  assert.equal(stdout, '{"answer":42} true\n')
  assert.deepEqual(tree(records), [["outer", [["inner 1", ["leaf 1"]], ["inner 2", ["leaf 2"]]]]])
  const outer = by(records, "outer")
  assert.deepEqual([outer.input, outer.output, outer.status, outer.language], [{ q: 1 }, { answer: 42 }, "success", "javascript"])
  assert.equal(outer.metadata["flowscope.kind"], "agent")
  assert.deepEqual([outer.metadata.tier, outer.metadata.more], ["gold", [1, 2]])
  assert.match(outer.id, /^[0-9a-f]{16}$/)
  assert.equal(new Set(records.map((each) => each.metadata["flowscope.trace_id"])).size, 1)
  assert.ok(outer.start_time < outer.end_time)
})

test("what is thrown or rejected fails the span and goes on", async () => {
  const { records, stdout } = await record(`${REQUIRE}
    class Broken extends Error {}
    const cause = new TypeError("at the bottom")
    const error = new Broken("no way", { cause })
    try { flowscope.trace("sync", () => { throw error }) } catch (caught) { console.log(caught === error) }
    flowscope.trace("async", async () => { throw error }).catch((caught) => console.log(caught === error))
    try { flowscope.trace("text", () => { throw "just text" }) } catch (caught) { console.log(caught) }
    try { flowscope.trace("nothing", () => { throw undefined }) } catch (caught) { console.log(caught) }`)
  assert.equal(stdout, "true\njust text\nundefined\ntrue\n")
  for (const name of ["sync", "async"]) {
    const failed = by(records, name)
    assert.deepEqual([failed.status, failed.error], ["error", "Broken: no way"])
    assert.equal(failed.metadata["flowscope.exception.type"], "Broken")
    assert.match(failed.metadata["flowscope.exception.stacktrace"], /no way[^]*program[^]*Caused by: TypeError: at the bottom/)
  }
  assert.deepEqual([by(records, "text").error, by(records, "nothing").status], ["just text", "error"])
})

test("a traced function keeps its looks, its this, its promise and its unhandled rejections", async () => {
  const { records, stdout, stderr, status } = await record(`${REQUIRE}
    function add(a, { b }, ...rest) { return this.base + a + b + rest.length }
    add.extra = 1
    const traced = flowscope.trace(add)
    console.log(traced.call({ base: 10 }, 1, { b: 2 }, 3, 4), traced.name, traced.length, traced.extra)
    class Lazy { constructor() { this.started = 0 } then(ok) { this.started++; return Promise.resolve(7).then(ok) } }
    const lazy = new Lazy()
    const same = flowscope.trace("lazy", () => lazy)
    console.log(same === lazy, lazy.started)
    same.then((value) => {
      console.log(value, lazy.started)
      flowscope.trace("forgotten", async () => { throw new Error("nobody waits") })
    })`)
  assert.equal(stdout, "15 add 2 1\ntrue 0\n7 1\n")
  assert.deepEqual(by(records, "add").input, { a: 1, arg1: { b: 2 }, rest: [3, 4] })
  assert.equal(by(records, "lazy").output, 7)
  assert.match(stderr, /nobody waits/)
  assert.equal(status, 1)
})

test("generators: what they yield is the output, their body is the context, and leaving early ends them", async () => {
  const { records, stdout } = await record(`${REQUIRE}
    const count = flowscope.trace(function* count(n) { for (let i = 0; i < n; i++) { flowscope.trace("in " + i, () => i); const got = yield i; if (got) return got } return "done" })
    const late = flowscope.trace("late", {})(async function* (n) { for (let i = 0; i < n; i++) yield { i } })
    const seen = []
    for (const i of count(2)) { seen.push(i); flowscope.trace("outside", () => i) }
    const it = count(9); it.next(); console.log(JSON.stringify(it.next("stop")))
    for (const i of count(9)) break
    const thrown = count(3); thrown.next(); try { thrown.throw(new Error("in")) } catch (e) { seen.push(e.message) }
    ;(async () => { for await (const each of late(3)) seen.push(each.i); console.log(JSON.stringify(seen)) })()`)
  assert.equal(stdout, '{"value":"stop","done":true}\n[0,1,"in",0,1,2]\n')
  const counts = records.filter((each) => each.operation === "count")
  assert.deepEqual(counts.map((each) => [each.output, each.status]), [
    [{ yielded: [0, 1], returned: "done" }, "success"],
    [{ yielded: [0], returned: "stop" }, "success"],
    [[0], "success"],
    [[0], "error"],
  ])
  assert.equal(by(records, "in 0").parent_id, counts[0].id)
  assert.equal(by(records, "outside").parent_id, null)
  assert.deepEqual(by(records, "late").output, [{ i: 0 }, { i: 1 }, { i: 2 }])
})

const DECORATED = `
import { trace } from "@flowscope/sdk"
class Agent {
  base = 1
  @trace plan(question: string) { return this.base + question }
  @trace("renamed", { kind: "tool" }) async search(query: string) { return [query] }
  @trace static make(kind: string) { return new Agent() }
  @trace *steps(n: number) { for (let i = 0; i < n; i++) yield i }
  @trace async *stream(n: number) { for (let i = 0; i < n; i++) yield i }
  @trace arrow = (x: number) => x + this.base
  @trace #hidden(x: number) { return x }
  ask(x: number) { return this.#hidden(x) }
}
class Child extends Agent {}
async function main() {
  const agent = Agent.make("a")
  console.log(agent.plan("q"), await agent.search("s"), [...agent.steps(2)].length, agent.arrow(2), agent.ask?.(5), agent.plan.name)
  for await (const _ of agent.stream(2));
  new Child().plan("c")
}
main()
`

for (const [form, experimentalDecorators] of [["the TC39 standard", false], ["TypeScript's legacy form", true]]) {
  test(`decorators by ${form}: methods, statics, fields, async and generators`, async () => {
    let source = DECORATED
    if (experimentalDecorators) source = source.replace("@trace #hidden", "#hidden")
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { target: "ES2022", module: "CommonJS", experimentalDecorators, useDefineForClassFields: !experimentalDecorators },
    })
    const { records, stdout, stderr } = await record(outputText)
    assert.equal(stdout, "1q [ 's' ] 2 3 5 plan\n", stderr)
    const found = Object.fromEntries([...records].reverse().map((each) => [each.operation, each]))
    const expected = ["Agent.make", "Agent.plan", "renamed", "Agent.steps", "Agent.arrow", "Agent.stream"]
    assert.deepEqual(expected.filter((name) => !found[name]), [])
    assert.deepEqual(found["Agent.plan"].input, { question: "q" })
    assert.deepEqual([found.renamed.input, found.renamed.output, found.renamed.metadata["flowscope.kind"]], [{ query: "s" }, ["s"], "tool"])
    assert.deepEqual([found["Agent.stream"].output, found["Agent.arrow"].output], [[0, 1], 3])
    assert.deepEqual(records.at(-1).operation, experimentalDecorators ? "Agent.plan" : "Child.plan")
  })
}

test("CommonJS and ES module hand out the same SDK, and a second copy of it joins the first", async () => {
  const { records, stdout } = await record(
    `import { createRequire } from "node:module"
     import { cpSync } from "node:fs"
     import * as esm from "@flowscope/sdk"
     const require = createRequire(import.meta.url)
     const cjs = require("@flowscope/sdk")
     const path = require.resolve("@flowscope/sdk")
     const first = require.cache[path]
     for (const each of Object.keys(require.cache)) if (each.includes("/sdk/dist/")) delete require.cache[each]
     const again = require("@flowscope/sdk")
     console.log(esm.trace === cjs.trace, again !== cjs, again.trace === cjs.trace)
     cjs.trace("one", () => esm.trace("two", () => again.trace("three", () => esm.currentSpan().operation)))`,
    { extension: ".mjs" },
  )
  assert.equal(stdout, "true true true\n")
  assert.deepEqual(tree(records), [["one", [["two", ["three"]]]]])
})

test("W3C context and the session in baggage: in and out of headers of every form", async () => {
  const { records, stdout } = await record(`${REQUIRE}
    const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736", SPAN = "00f067aa0ba902b7"
    const incoming = [{ TraceParent: \`00-\${TRACE}-\${SPAN}-01\`, Baggage: "a=b, flowscope.session=shop%20bot", tracestate: "v=1" },
      new Headers({ traceparent: \`00-\${TRACE}-\${SPAN}-01\` }), [["traceparent", \`01-\${TRACE}-\${SPAN}-01-more\`]]]
    for (const headers of incoming) flowscope.trace("in", { parent: flowscope.extract(headers) }, () => {
      const out = flowscope.inject({ Baggage: "c=d" })
      console.log(out.traceparent.startsWith(\`00-\${TRACE}-\`), out.traceparent.includes(flowscope.currentSpan().id), out.baggage, out.Baggage, out.tracestate)
      console.log(flowscope.inject({}).baggage, flowscope.inject({ Traceparent: "own" }).baggage, flowscope.inject({ baggage: "flowscope.session=old" }).baggage)
    })
    flowscope.withSpan(flowscope.extract(incoming[0]), () => flowscope.trace("under", () => 1))
    for (const bad of ["", "00-" + "0".repeat(32) + "-" + SPAN + "-01", "ff-" + TRACE + "-" + SPAN + "-01", "00-" + TRACE + "-" + SPAN + "-01-x"])
      flowscope.trace("root", { parent: flowscope.extract({ traceparent: bad }) }, () => 1)
    console.log(Object.keys(flowscope.inject({})).length, flowscope.inject(new Headers()).has("traceparent"))`)
  assert.equal(
    stdout,
    "true true c=d,flowscope.session=shop%20bot undefined v=1\na=b,flowscope.session=shop%20bot undefined flowscope.session=old\n".concat(
      "true true c=d,flowscope.session=test undefined undefined\nflowscope.session=test undefined flowscope.session=old\n".repeat(2),
      "0 false\n",
    ),
  )
  const inside = records.filter((each) => each.operation === "in" || each.operation === "under")
  assert.deepEqual(inside.map((each) => each.parent_id), Array(4).fill("00f067aa0ba902b7"))
  assert.deepEqual(inside.map((each) => each.session_id), ["shop bot", "test", "test", "shop bot"])
  assert.deepEqual(records.filter((each) => each.operation === "root").map((each) => each.parent_id), [null, null, null, null])
})

test("streamed pieces are the output, a model's answer with its parts", async () => {
  const { records } = await record(`${REQUIRE}
    const span = flowscope.startSpan("model", { kind: "llm" })
    span.stream("Hel"); span.stream("lo")
    span.end()
    const other = flowscope.startSpan("thinking", { kind: "llm" })
    other.streamReasoning("hm"); other.stream("so"); other.streamToolCall(0, '{"a"', { id: "c1", name: "add" }); other.streamToolCall(0, ":1}")
    other.end()`)
  const model = by(records, "model")
  assert.equal(model.output, "Hello")
  assert.equal(model.metadata["flowscope.stream"], true)
  assert.ok(model.metadata["flowscope.first_token_ns"] >= 0 && model.metadata["gen_ai.response.time_to_first_chunk"] >= 0)
  assert.deepEqual(by(records, "thinking").output.parts, [
    { type: "reasoning", content: "hm" },
    { type: "text", content: "so" },
    { type: "tool_call", id: "c1", name: "add", arguments: '{"a":1}' },
  ])
})

test("one decision of the sample for all processes: it goes out with the context, and holds where it comes in", async () => {
  const { records, stdout } = await record(`${REQUIRE}
    const flags = (headers) => headers.traceparent?.slice(-2)
    flowscope.trace("kept", () => console.log(flags(flowscope.inject({}))))
    flowscope.trace("caller left out", { parent: flowscope.extract({ traceparent: "00-" + "a".repeat(32) + "-" + "b".repeat(16) + "-00" }) }, () =>
      flowscope.trace("below", () => console.log(flags(flowscope.inject({})))))
    flowscope.suppressed(() => console.log(flags(flowscope.inject({}))))
    flowscope.init({ sample: 0 })
    flowscope.trace("left out", () => flowscope.trace("below", () => console.log(flags(flowscope.inject({})))))`)
  assert.equal(stdout, "01\n00\nundefined\n00\n")
  assert.deepEqual(records.map((each) => each.operation), ["kept"])
})
