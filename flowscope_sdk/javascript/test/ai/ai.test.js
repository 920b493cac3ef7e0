// Vercel's AI SDK: functions, calls of models, tools and streams, as CommonJS and as ES modules; nothing of it is touched.
import assert from "node:assert/strict"
import { test } from "node:test"
import { record, tree } from "../support/programs.js"
import { SAID, aiProgram, aiTree } from "./program.js"

const AUTO = "@flowscope/auto-langchain"
const IMPORT = ["--import", AUTO]
const VERSION = 6
const WAYS = [
  ["esm", "node --import", { nodeArgs: IMPORT }],
  ["cjs", "node --import", { nodeArgs: IMPORT }],
  ["cjs", "require, the first line", { first: `require("${AUTO}")` }],
]

for (const [form, name, { nodeArgs, first }] of WAYS) {
  test(`${form}, ${name}: functions, steps, tools, streams, objects, embeddings and errors`, async () => {
    const done = await record(aiProgram(form, VERSION, first), { extension: form === "esm" ? ".mjs" : ".cjs", nodeArgs })
    assert.deepEqual([done.status, done.stderr], [0, ""])
    assert.deepEqual(JSON.parse(done.stdout), SAID)
    assert.deepEqual(tree(done.records), aiTree(VERSION))
    assert.deepEqual(done.records.filter((each) => each.status === "error").map((each) => each.error), ["Error: no such model", "Error: no such model", "Error: bad tool"])
    assertTold(done.records)
  })
}

function assertTold(records) {
  const of = (name) => records.filter((each) => each.operation === name)
  const about = (span, ...keys) => keys.map((key) => span.metadata[key])
  const [plain] = of("chat plain")
  assert.equal(plain.framework, "vercel-ai")
  assert.deepEqual(plain.input.messages, [{ role: "system", content: "be kind" }, { role: "user", parts: [{ type: "text", content: "hi" }] }])
  assert.equal(plain.output, "Hello")
  const keys = ["request.model", "provider.name", "response.model", "response.finish_reasons", "usage.input_tokens", "usage.output_tokens", "usage.cache_read.input_tokens", "request.temperature"]
  assert.deepEqual(about(plain, ...keys.map((key) => `gen_ai.${key}`)), ["plain", "openai", "m-1", ["stop"], 3, 2, 2, 0.5])
  const [asks, answers] = of("chat looped")
  assert.deepEqual(asks.output.parts, [{ type: "tool_call", id: "t1", name: "add", arguments: '{"a":1,"b":2}' }])
  assert.deepEqual(answers.input.messages.at(-1).parts, [{ type: "tool_call_response", id: "t1", name: "add", response: 3 }])
  assert.deepEqual(about(asks, "gen_ai.tool.definitions")[0].map((each) => each.name), ["add"])
  const [add] = of("add")
  assert.deepEqual([add.input, add.output, ...about(add, "flowscope.kind", "gen_ai.tool.call.id")], [{ a: 1, b: 2 }, 3, "tool", "t1"])
  const [streamed] = of("chat streamed")
  assert.deepEqual([streamed.output, ...about(streamed, "gen_ai.usage.output_tokens", "gen_ai.request.stream")], ["Hello", 2, true])
  assert.ok(about(streamed, "gen_ai.response.time_to_first_chunk")[0] > 0)
  const functions = records.filter((each) => /^(generate|stream)/.test(each.operation))
  assert.deepEqual(
    functions.map((each) => [each.metadata["flowscope.kind"], each.output]),
    [["chain", "Hello"], ["agent", "It is 3"], ["chain", "Hello"], ["agent", "It is 3"], ["chain", { n: 1 }], ["chain", { n: 2 }], ["chain", null], ["agent", "bad tool"], ["chain", "one"]],
  )
  assert.deepEqual(of("embeddings vectors").map((each) => [each.output.embeddings, each.metadata["flowscope.kind"]]), [[1, "embedding"], [2, "embedding"]])
}

const MODELS = `
  import * as ai from "ai"
  import { MockLanguageModelV3 } from "ai/test"
  import { z } from "zod"
  import * as flowscope from "@flowscope/sdk"
  const usage = { inputTokens: { total: 1 }, outputTokens: { total: 2 } }
  const ended = (unified) => ({ finishReason: { unified, raw: unified }, usage })
  const texts = (...all) => [{ type: "text-start", id: "1" }, ...all.map((delta) => ({ type: "text-delta", id: "1", delta })), { type: "text-end", id: "1" }]
  const streams = (modelId, chunks) => new MockLanguageModelV3({ modelId, doStream: async () => ({ stream: ai.simulateReadableStream({ chunks, initialDelayInMs: null, chunkDelayInMs: null }) }) })
  const answers = (modelId, ...contents) => { let at = 0; return new MockLanguageModelV3({ modelId, doGenerate: async () => { const content = contents[at++]; return { content, ...ended(content[0].type === "tool-call" ? "tool-calls" : "stop"), warnings: [] } } }) }
  const said = (text) => [{ type: "text", text }]
  const calls = (toolName) => [{ type: "tool-call", toolCallId: "1", toolName, input: "{}" }]
  const loop = { stopWhen: ai.stepCountIs(3), prompt: "go" }
`

test("a stream that breaks has failed, one that is aborted or forgotten has not and does not stay pending", async () => {
  const { records, stdout, stderr } = await record(
    `${MODELS}
    const heard = []
    const onError = ({ error }) => heard.push(error.message)
    await ai.streamText({ model: streams("breaks", [...texts("a"), { type: "error", error: new Error("overloaded") }, { type: "finish", ...ended("error") }]), prompt: "x", onError }).consumeStream()
    await ai.streamText({ model: new MockLanguageModelV3({ doStream: async () => { throw new Error("down") } }), prompt: "x", maxRetries: 0, onError }).consumeStream()
    const abort = new AbortController()
    const open = new MockLanguageModelV3({ modelId: "open", doStream: async ({ abortSignal }) => ({ stream: new ReadableStream({ start(c) { c.enqueue(texts()[0]) }, async pull(c) { await new Promise(setImmediate); abortSignal.throwIfAborted(); c.enqueue(texts("b")[1]) } }) }) })
    for await (const piece of ai.streamText({ model: open, prompt: "x", abortSignal: abort.signal }).textStream) abort.abort()
    const gone = new FinalizationRegistry((tell) => tell())
    await (async () => { for await (const piece of ai.streamText({ model: streams("left", [...texts("c", "d"), { type: "finish", ...ended("stop") }]), prompt: "x" }).textStream) break })()
    const collected = (make) => new Promise((resolve) => { gone.register(make(), resolve); const turn = () => { gc(); setTimeout(turn, 5).unref() }; turn(); })
    const alive = setInterval(() => {}, 1000)
    for (let round = 0; round < 5; round++) await collected(() => ({}))
    clearInterval(alive)
    console.log(heard.join())`,
    { extension: ".mjs", nodeArgs: [...IMPORT, "--expose-gc"] },
  )
  assert.equal(stdout, "overloaded,down\n", stderr)
  const functions = records.filter((each) => each.operation === "streamText")
  assert.deepEqual(
    functions.map((each) => [each.status, each.error, each.metadata["flowscope.stream.abandoned"] ?? false]),
    [["error", "Error: overloaded", false], ["error", "Error: down", false], ["success", null, true], ["success", null, true]],
  )
  assert.equal(records.find((each) => each.operation === "chat breaks").status, "error")
})

test("an agent whose tool asks another model, and a tool that answers piece by piece, are one tree", async () => {
  const { records, stdout, stderr } = await record(
    `${MODELS}
    const inner = ai.tool({ inputSchema: z.object({}), execute: async () => (await ai.generateText({ model: answers("inner", said("in")), prompt: "y", experimental_telemetry: { functionId: "helper" } })).text })
    const pieces = ai.tool({ inputSchema: z.object({}), async *execute() { yield "a"; await flowscope.trace("within", async () => 1); yield "ab" } })
    const agent = new ai.ToolLoopAgent({ model: answers("outer", calls("inner"), said("out")), tools: { inner } })
    console.log((await agent.generate({ prompt: "go" })).text)
    const result = await ai.generateText({ model: answers("outer", calls("pieces"), said("out")), tools: { pieces }, ...loop })
    console.log(result.steps[0].toolResults[0].output)`,
    { extension: ".mjs", nodeArgs: IMPORT },
  )
  assert.equal(stdout, "out\nab\n", stderr)
  assert.deepEqual(tree(records), [
    ["generateText", ["chat outer", ["inner", [["generateText", ["chat inner"]]]], "chat outer"]],
    ["generateText", ["chat outer", ["pieces", ["within"]], "chat outer"]],
  ])
  assert.deepEqual([records.find((each) => each.operation === "pieces").output, records.find((each) => each.metadata["ai.function_id"]).metadata["ai.function_id"]], ["ab", "helper"])
})

test("a failed call that nobody waits for is an unhandled rejection, as without FlowScope; FLOWSCOPE_AUTO leaves all out", async () => {
  const program = `${MODELS}
    process.on("unhandledRejection", (error) => console.log("unhandled", error.message))
    ai.generateText({ model: new MockLanguageModelV3({ doGenerate: async () => { throw new Error("down") } }), prompt: "x", maxRetries: 0 })`
  const traced = await record(program, { extension: ".mjs", nodeArgs: IMPORT })
  const left = await record(program, { extension: ".mjs", nodeArgs: IMPORT, env: { FLOWSCOPE_AUTO: "openai" } })
  assert.deepEqual([traced.stdout, traced.records.length], ["unhandled down\n", 2])
  assert.deepEqual([left.stdout, left.records.length], ["unhandled down\n", 0])
})
