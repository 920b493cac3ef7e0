// What a program does inside LangChain's runs, and calls of models by their own clients: right parents, nothing touched.
import assert from "node:assert/strict"
import { test } from "node:test"
import { record, tree } from "../support/programs.js"

const AUTO = ["--import", "@flowscope/auto-langchain"]
const by = (records, operation) => records.find((each) => each.operation === operation)

// Answers as the two APIs do, and says back which context came with a request.
const SERVER = `
import http from "node:http"
const heard = []
const sse = (res, events) => { res.writeHead(200, { "content-type": "text/event-stream" }); for (const each of events) res.write((each.type ? "event: " + each.type + "\\n" : "") + "data: " + (typeof each === "string" ? each : JSON.stringify(each)) + "\\n\\n"); res.end() }
const server = http.createServer(async (req, res) => {
  let text = ""; for await (const piece of req) text += piece
  heard.push({ url: req.url, traceparent: req.headers.traceparent })
  const body = text ? JSON.parse(text) : {}
  const json = (value, status = 200) => { res.writeHead(status, { "content-type": "application/json" }); res.end(JSON.stringify(value)) }
  if (body.model === "bad") return json({ error: { message: "no such model" } }, 404)
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
  if (req.url.endsWith("/chat/completions")) {
    if (!body.stream) return json({ id: "c1", object: "chat.completion", model: "gpt-x-1", choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "Hello" } }], usage })
    const piece = (delta, finish_reason = null) => ({ id: "c2", object: "chat.completion.chunk", model: "gpt-x-1", choices: [{ index: 0, delta, finish_reason }] })
    return sse(res, [piece({ role: "assistant", content: "Hel" }), piece({ content: "lo" }), piece({ tool_calls: [{ index: 0, id: "t1", function: { name: "add", arguments: '{"a"' } }] }), piece({ tool_calls: [{ index: 0, function: { arguments: ":1}" } }] }), piece({}, "stop"), { ...piece({}), choices: [], usage }, "[DONE]"])
  }
  if (req.url.endsWith("/embeddings")) return json({ object: "list", model: "e1", data: [{ object: "embedding", index: 0, embedding: [0, 1, 2] }], usage: { prompt_tokens: 1, total_tokens: 1 } })
  if (req.url.includes("/messages")) {
    if (!body.stream) return json({ id: "m1", type: "message", role: "assistant", model: "claude-x", content: [{ type: "text", text: "Salut" }], stop_reason: "end_turn", usage: { input_tokens: 4, output_tokens: 1 } })
    return sse(res, [{ type: "message_start", message: { id: "m2", type: "message", role: "assistant", model: "claude-x", content: [], usage: { input_tokens: 4, output_tokens: 1 } } }, { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }, { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Sal" } }, { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "ut" } }, { type: "content_block_stop", index: 0 }, { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 2 } }, { type: "message_stop" }])
  }
  json({ traceparent: req.headers.traceparent ?? null, baggage: req.headers.baggage ?? null })
})
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
const base = "http://127.0.0.1:" + server.address().port
`

test("openai and anthropic: answers, streams, raw responses and errors; the promise stays what it is", async () => {
  const { records, stdout, stderr, status } = await record(
    `${SERVER}
    import OpenAI, { APIPromise } from "openai"
    import Anthropic from "@anthropic-ai/sdk"
    import * as flowscope from "@flowscope/sdk"
    const openai = new OpenAI({ apiKey: "x", baseURL: base + "/v1", maxRetries: 0 })
    const anthropic = new Anthropic({ apiKey: "x", baseURL: base, maxRetries: 0 })
    const messages = [{ role: "user", content: "hi" }]
    const said = []
    await flowscope.trace("outer", async () => {
      const promise = openai.chat.completions.create({ model: "gpt-x", messages, temperature: 0.5 })
      said.push(promise instanceof APIPromise, (await promise).choices[0].message.content)
      const both = await openai.chat.completions.create({ model: "gpt-x", messages }).withResponse()
      said.push(both.data.id, both.response.status)
      said.push((await openai.chat.completions.create({ model: "gpt-raw", messages }).asResponse()).status)
      const stream = await openai.chat.completions.create({ model: "gpt-stream", messages, stream: true, stream_options: { include_usage: true } })
      let text = ""; for await (const piece of stream) text += piece.choices[0]?.delta?.content ?? ""
      said.push(text, stream.constructor.name, typeof stream.tee)
      for await (const piece of await openai.chat.completions.create({ model: "gpt-left", messages, stream: true })) break
      try { await openai.chat.completions.create({ model: "bad", messages }) } catch (error) { said.push(error.status) }
      said.push((await openai.embeddings.create({ model: "e", input: "x", encoding_format: "float" })).data[0].embedding.length)
      said.push((await anthropic.messages.create({ model: "claude", max_tokens: 9, messages })).content[0].text)
      const events = []; for await (const event of await anthropic.messages.create({ model: "claude-stream", max_tokens: 9, messages, stream: true })) events.push(event.type)
      said.push(events.length)
      said.push(await anthropic.messages.stream({ model: "claude-helper", max_tokens: 9, messages }).finalText())
    })
    console.log(JSON.stringify(said))
    console.log(JSON.stringify(heard.map((each) => each.traceparent?.split("-")[2])))
    server.close(); server.closeAllConnections()`,
    { extension: ".mjs", nodeArgs: AUTO },
  )
  assert.equal(status, 0, stderr)
  const [said, parents] = stdout.trim().split("\n").map((line) => JSON.parse(line))
  assert.deepEqual(said, [true, "Hello", "c1", 200, 200, "Hello", "Stream", "function", 404, 3, "Salut", 7, "Salut"])
  const [outer, ...calls] = records
  assert.ok(calls.every((each) => each.parent_id === outer.id && each.status !== "pending"), JSON.stringify(records.filter((each) => each.status === "pending")))
  assert.deepEqual(parents, calls.map((each) => each.id))
  const [first] = calls
  assert.deepEqual([first.operation, first.framework, first.input.messages, first.output.choices[0].message.content], ["chat gpt-x", "openai", [{ role: "user", content: "hi" }], "Hello"])
  const about = (name) => by(records, name).metadata
  const { "gen_ai.request.temperature": warm, "gen_ai.usage.input_tokens": input, "gen_ai.response.finish_reasons": reasons } = first.metadata
  assert.deepEqual([warm, input, reasons], [0.5, 3, ["stop"]])
  assert.deepEqual(by(records, "chat gpt-stream").output.parts, [
    { type: "text", content: "Hello" },
    { type: "tool_call", id: "t1", name: "add", arguments: '{"a":1}' },
  ])
  assert.equal(about("chat gpt-stream")["gen_ai.usage.output_tokens"], 2)
  assert.equal(about("chat gpt-left")["flowscope.stream.abandoned"], true)
  assert.equal(about("chat gpt-raw")["http.response.status_code"], 200)
  assert.deepEqual([by(records, "chat bad").status, by(records, "embeddings e").output], ["error", { embeddings: 1, dimensions: 3 }])
  assert.deepEqual([by(records, "chat claude").framework, about("chat claude")["gen_ai.usage.output_tokens"]], ["anthropic", 1])
  for (const name of ["chat claude-stream", "chat claude-helper"]) {
    assert.deepEqual([by(records, name).output, about(name)["gen_ai.usage.output_tokens"]], ["Salut", 2])
  }
})

test("a failed call that nobody waits for is an unhandled rejection, as without FlowScope", async () => {
  const program = `${SERVER}
    import OpenAI from "openai"
    process.on("unhandledRejection", (error) => { console.log("unhandled", error.status); server.close(); server.closeAllConnections() })
    new OpenAI({ apiKey: "x", baseURL: base, maxRetries: 0 }).chat.completions.create({ model: "bad", messages: [] }).then(() => 1)`
  const traced = await record(program, { extension: ".mjs", nodeArgs: AUTO })
  const plain = await record(program, { extension: ".mjs" })
  assert.equal(traced.stdout, "unhandled 404\n")
  assert.deepEqual([traced.stdout, traced.status], [plain.stdout, plain.status])
})

test("context over fetch and http, out and in, and to nobody outside of a span", async () => {
  const { records, stdout } = await record(
    `${SERVER}
    import * as flowscope from "@flowscope/sdk"
    const get = (headers = {}) => new Promise((resolve) => http.get(base, { headers }, async (res) => { let text = ""; for await (const piece of res) text += piece; resolve(JSON.parse(text)) }))
    const said = [await (await fetch(base)).json(), await get()]
    await flowscope.trace("caller", async (span) => {
      for (const answer of [await (await fetch(base)).json(), await get()]) said.push([answer.traceparent.includes(span.id), answer.baggage])
      said.push((await get({ traceparent: "own" })).traceparent)
    })
    const served = http.createServer((req, res) => flowscope.trace("served", async () => { await 1; res.end("{}") }))
    await new Promise((resolve) => served.listen(0, resolve))
    const other = "http://127.0.0.1:" + served.address().port
    await flowscope.trace("client", () => fetch(other))
    await fetch(other)
    console.log(JSON.stringify(said))
    for (const each of [server, served]) { each.close(); each.closeAllConnections() }`,
    { extension: ".mjs", nodeArgs: AUTO },
  )
  const nothing = { traceparent: null, baggage: null }
  assert.deepEqual(JSON.parse(stdout), [nothing, nothing, [true, "flowscope.session=test"], [true, "flowscope.session=test"], "own"])
  assert.deepEqual(tree(records), ["caller", ["client", ["served"]], "served"])
})

test("a program's own spans stand under the run that they are made in, and runs under its spans", async () => {
  const { records, stdout, stderr } = await record(
    `import { RunnableLambda } from "@langchain/core/runnables"
    import { SimpleChatModel } from "@langchain/core/language_models/chat_models"
    import { BaseRetriever } from "@langchain/core/retrievers"
    import { createRequire } from "node:module"
    import * as flowscope from "@flowscope/sdk"
    const require = createRequire(import.meta.url)
    class Model extends SimpleChatModel {
      _llmType() { return "mine" }
      async _call() { return flowscope.trace("in the model", async () => { await 1; return "answer" }) }
      async *_streamResponseChunks(messages, options, run) { yield* [] }
    }
    delete Model.prototype._streamResponseChunks
    class Retriever extends BaseRetriever { lc_namespace = ["x"]; async _getRelevantDocuments() { return flowscope.trace("in the retriever", () => []) } }
    const step = RunnableLambda.from(async (x) => flowscope.trace("in the step", async () => { await 1; await new Model({}).invoke("q"); return (await new Retriever().invoke("r")).length + x })).withConfig({ runName: "step" })
    await flowscope.trace("program", () => step.pipe((x) => x + 1).invoke(1))
    console.log(flowscope.currentSpan() === undefined)
    const cjs = require("@langchain/core/runnables").RunnableLambda
    await cjs.from(() => 1).withConfig({ runName: "the other copy" }).invoke(1)`,
    { extension: ".mjs", nodeArgs: AUTO },
  )
  assert.equal(stdout, "true\n", stderr)
  assert.deepEqual(tree(records), [
    ["program", [["RunnableSequence", [["step", [["in the step", [["Model", ["in the model"]], ["Retriever", ["in the retriever"]]]]]], "RunnableLambda"]]]],
    "the other copy",
  ])
})
