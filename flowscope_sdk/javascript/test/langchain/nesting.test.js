// What a program does inside LangChain's runs, and calls of models by their own clients: right parents, nothing touched.
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { test } from "node:test"
import { record, tree, workspace } from "../support/programs.js"
import { SAID, SERVER, clientsProgram } from "./clients.js"

const AUTO = ["--import", "@flowscope/auto-langchain"]
const by = (records, operation) => records.find((each) => each.operation === operation)

test("openai and anthropic: answers, streams, raw responses and errors; the promise stays what it is", async () => {
  const { records, stdout, stderr, status } = await record(
    clientsProgram(),
    { extension: ".mjs", nodeArgs: AUTO },
  )
  assert.equal(status, 0, stderr)
  const [said, parents] = stdout.trim().split("\n").map((line) => JSON.parse(line))
  assert.deepEqual(said, SAID)
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
  const telling = ["chat gpt-x", "chat gpt-stream", "embeddings e", "chat claude", "chat claude-stream"]
  assert.deepEqual(telling.map((name) => about(name)["flowscope.usage.caller"]), telling.map(() => outer.id), "whose tokens count here")
  for (const name of ["chat gpt-left", "chat gpt-raw", "chat bad"]) assert.equal(about(name)["flowscope.usage.caller"], undefined, name)
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

test("the session and others' baggage go to near hosts only, the ids to all but the providers of models", async () => {
  const { isNear } = createRequire(import.meta.url)("../../packages/auto-langchain/dist/near.js")
  const hosts = JSON.parse(readFileSync(join(workspace, "..", "protocol", "vectors", "hosts.json"), "utf8"))
  assert.deepEqual([hosts.near.filter((each) => !isNear(each)), hosts.far.filter(isNear)], [[], []])
  const { stdout, stderr } = await record(
    `${SERVER}
    import * as flowscope from "@flowscope/sdk"
    const lookup = (host, options, done) => (options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4))
    const get = (host) => new Promise((resolve) => http.get({ host, port: server.address().port, lookup }, async (res) => { let text = ""; for await (const piece of res) text += piece; resolve(JSON.parse(text)) }))
    const came = { traceparent: "00-" + "a".repeat(32) + "-" + "b".repeat(16) + "-01", baggage: "tenant=7,flowscope.session=s" }
    const said = []
    await flowscope.trace("caller", { parent: flowscope.extract(came) }, async () => {
      for (const host of ["orders.internal", "orders.example.com", "api.openai.com"]) { const { traceparent, baggage } = await get(host); said.push([host, traceparent !== null, baggage]) }
    })
    console.log(JSON.stringify(said))
    server.close(); server.closeAllConnections()`,
    { extension: ".mjs", nodeArgs: AUTO },
  )
  assert.equal(stderr, "")
  assert.deepEqual(JSON.parse(stdout), [["orders.internal", true, "tenant=7,flowscope.session=s"], ["orders.example.com", true, null], ["api.openai.com", false, null]])
})

test("embeddings are seen, of every class and in both module systems; one that asks itself is one call", async () => {
  const { records, stdout, stderr, status } = await record(
    `import { Embeddings } from "@langchain/core/embeddings"
    import { FakeEmbeddings } from "@langchain/core/utils/testing"
    import { createRequire } from "node:module"
    import * as flowscope from "@flowscope/sdk"
    const cjs = createRequire(import.meta.url)("@langchain/core/embeddings").Embeddings
    class OpenAIEmbeddings extends Embeddings {
      model = "text-embedding-9"
      async embedDocuments(texts) { return texts.map(() => [1, 2, 3]) }
      async embedQuery(text) { return (await flowscope.trace("inside", () => this.embedDocuments([text])))[0] }
    }
    class Broken extends cjs { embedDocuments() { throw new Error("no vectors") } async embedQuery() { throw new Error("none at all") } }
    const said = []
    await flowscope.trace("index", async () => {
      const model = new OpenAIEmbeddings({})
      said.push(await model.embedDocuments(["a", "b"]), await model.embedQuery("q"), (await new FakeEmbeddings().embedQuery("f")).length)
      try { new Broken({}).embedDocuments(["x"]) } catch (error) { said.push(error.message) }
      await new Broken({}).embedQuery("x").catch((error) => said.push(error.message))
      said.push(Object.keys(model), Object.getOwnPropertySymbols(model).length, JSON.stringify(new OpenAIEmbeddings({})).includes("flowscope"))
    })
    console.log(JSON.stringify(said))`,
    { extension: ".mjs", nodeArgs: AUTO },
  )
  assert.deepEqual([status, stderr], [0, ""])
  assert.deepEqual(JSON.parse(stdout), [[[1, 2, 3], [1, 2, 3]], [1, 2, 3], 4, "no vectors", "none at all", ["caller", "model"], 0, false])
  assert.deepEqual(tree(records), [["index", ["OpenAIEmbeddings", ["OpenAIEmbeddings", ["inside"]], "FakeEmbeddings", "Broken", "Broken"]]])
  const [, documents, query, , fake, broken] = records
  assert.deepEqual([documents.input, documents.output], [{ texts: ["a", "b"] }, { embeddings: 2, dimensions: 3 }])
  assert.deepEqual([query.input, query.output], [{ text: "q" }, { embeddings: 1, dimensions: 3 }])
  const about = (span, ...keys) => keys.map((key) => span.metadata[key])
  assert.deepEqual(about(documents, "flowscope.kind", "gen_ai.operation.name", "gen_ai.request.model", "gen_ai.provider.name"), ["embedding", "embeddings", "text-embedding-9", "openai"])
  assert.deepEqual([fake.framework, broken.error], ["langchain", "Error: no vectors"])
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
