// One program with Vercel's AI SDK in both module systems, for each version of its models' interface.

/** What a program says that uses all of it; the last is what a program sees of its own tools and models. */
export const SAID = [
  true, "Hello", "stop", "It is 3", 2, "Hello", "It is 3", { n: 1 }, { n: 2 }, 3, [3, 3], "no such model", "bad tool", "one", true,
]

const turn = (name, model) => [name, [model]]
const loop = (name, model) => [name, [model, "add", model]]

/** The tree of what it does; a reader's own span is no part of what is read. In version 4 a tool that fails ends all. */
export const aiTree = (version) => [
  turn("generateText", "chat plain"),
  loop("generateText", "chat looped"),
  turn("streamText", "chat streamed"),
  loop("streamText", "chat streamed loop"),
  "reader",
  turn("generateObject", "chat object"),
  turn("streamObject", "chat streamed object"),
  "embeddings vectors",
  "embeddings vectors",
  turn("generateText", "chat broken"),
  version === 4 ? ["generateText", ["chat failing tool", "add"]] : loop("generateText", "chat failing tool"),
  turn("generateText", "chat wrapped"),
]

const HEAD = `
const version = VERSION
const old = version === 4
const { z } = zod
const said = []
const usage = old ? { promptTokens: 3, completionTokens: 2 } : version === 5 ? { inputTokens: 3, outputTokens: 2, totalTokens: 5 }
  : { inputTokens: { total: 3, noCache: 1, cacheRead: 2, cacheWrite: 0 }, outputTokens: { total: 2, text: 2, reasoning: 0 } }
const reason = (name) => (version < 6 ? name : { unified: name, raw: name })
const response = { id: "r1", modelId: "m-1", timestamp: new Date() }
const answer = (text, call) => ({
  ...(old ? { text, toolCalls: call && [{ toolCallType: "function", toolCallId: "t1", toolName: call[0], args: call[1] }], rawCall: { rawPrompt: null, rawSettings: {} } }
    : { content: [...(text ? [{ type: "text", text }] : []), ...(call ? [{ type: "tool-call", toolCallId: "t1", toolName: call[0], input: call[1] }] : [])], warnings: [] }),
  finishReason: reason(call ? "tool-calls" : "stop"), usage, response,
})
const pieces = (texts, call) => [
  ...(old ? [] : [{ type: "stream-start", warnings: [] }]),
  { type: "response-metadata", ...response },
  ...(old ? texts.map((textDelta) => ({ type: "text-delta", textDelta }))
    : texts.length ? [{ type: "text-start", id: "x" }, ...texts.map((delta) => ({ type: "text-delta", id: "x", delta })), { type: "text-end", id: "x" }] : []),
  ...(call ? [old ? { type: "tool-call", toolCallType: "function", toolCallId: "t1", toolName: call[0], args: call[1] } : { type: "tool-call", toolCallId: "t1", toolName: call[0], input: call[1] }] : []),
  { type: "finish", finishReason: reason(call ? "tool-calls" : "stop"), usage },
]
const streamed = (...given) => ({ stream: new ReadableStream({ start(c) { for (const each of pieces(...given)) c.enqueue(each); c.close() } }), rawCall: { rawPrompt: null, rawSettings: {} } })
const MockModel = { 4: "MockLanguageModelV1", 5: "MockLanguageModelV2", 6: "MockLanguageModelV3", 7: "MockLanguageModelV4" }[version]
const MockEmbedding = { 4: "MockEmbeddingModelV1", 5: "MockEmbeddingModelV2", 6: "MockEmbeddingModelV3", 7: "MockEmbeddingModelV4" }[version]
const steps = (...each) => { let at = 0; return async () => { const next = each[at++]; return typeof next === "function" ? next() : next } }
const model = (modelId, more) => new mocks[MockModel]({ provider: "openai.chat", modelId, defaultObjectGenerationMode: "json", ...more })
const loop = old ? { maxSteps: 4 } : { stopWhen: ai.stepCountIs(4) }
const add = ai.tool({ description: "adds", [old ? "parameters" : "inputSchema"]: z.object({ a: z.number(), b: z.number() }), execute: async ({ a, b }) => a + b })
const add12 = ["add", '{"a":1,"b":2}']
const schema = z.object({ n: z.number() })
const read = async (stream) => { let text = ""; for await (const piece of stream) text += piece; return text }
`

const BODY = `
const prompt = "hi"
const promise = ai.generateText({ model: model("plain", { doGenerate: async () => answer("Hello") }), system: "be kind", prompt, temperature: 0.5 })
said.push(promise instanceof Promise)
const plain = await promise
said.push(plain.text, plain.finishReason)
const looped = await ai.generateText({ model: model("looped", { doGenerate: steps(answer("", add12), answer("It is 3")) }), prompt, tools: { add }, ...loop })
said.push(looped.text, looped.steps.length)
said.push(await read(ai.streamText({ model: model("streamed", { doStream: async () => streamed(["Hel", "lo"]) }), prompt }).textStream))
const stream = ai.streamText({ model: model("streamed loop", { doStream: steps(() => streamed([], add12), () => streamed(["It is ", "3"])) }), prompt, tools: { add }, ...loop })
said.push(await flowscope.trace("reader", () => read(stream.textStream)))
said.push((await ai.generateObject({ model: model("object", { doGenerate: async () => answer('{"n":1}') }), prompt, schema })).object)
const partial = ai.streamObject({ model: model("streamed object", { doStream: async () => streamed(['{"n"', ":2}"]) }), prompt, schema })
for await (const each of partial.partialObjectStream) each
said.push(await partial.object)
const vectors = (values) => ({ embeddings: values.map(() => [1, 2, 3]), usage: { tokens: 4 }, warnings: [] })
const embedding = new mocks[MockEmbedding]({ provider: "openai.embedding", modelId: "vectors", maxEmbeddingsPerCall: 8, doEmbed: async ({ values }) => vectors(values) })
said.push((await ai.embed({ model: embedding, value: "x" })).embedding.length)
said.push((await ai.embedMany({ model: embedding, values: ["x", "y"] })).embeddings.map((each) => each.length))
const broken = model("broken", { doGenerate: async () => { throw new Error("no such model") } })
try { await ai.generateText({ model: broken, prompt, maxRetries: 0 }) } catch (error) { said.push(error.message) }
const failing = { ...add, execute: async () => { throw new Error("bad tool") } }
const after = await ai.generateText({ model: model("failing tool", { doGenerate: steps(answer("", add12), answer("bad tool")) }), prompt, tools: { add: failing }, ...loop }).catch((error) => ({ text: "bad tool" }))
said.push(after.text)
const wrapped = ai.wrapLanguageModel({ model: model("wrapped", { doGenerate: async () => answer("one") }), middleware: { wrapGenerate: ({ doGenerate }) => doGenerate() } })
said.push((await ai.generateText({ model: wrapped, prompt })).text)
said.push(add.execute.constructor.name === "AsyncFunction" && Object.getOwnPropertyNames(embedding).includes("doEmbed"))
console.log(JSON.stringify(said))
`

/** The program, with a line before everything else. */
export function aiProgram(form, version, first = "") {
  const body = `${HEAD.replace("VERSION", String(version))}${BODY}`
  const modules = { ai: "ai", mocks: "ai/test", zod: "zod", flowscope: "@flowscope/sdk" }
  const lines = Object.entries(modules).map(([name, from]) => (form === "esm" ? `import * as ${name} from "${from}"` : `const ${name} = require("${from}")`))
  return form === "esm" ? `${first}\n${lines.join("\n")}\n${body}` : `${first}\n${lines.join("\n")}\n;(async () => {${body}})()`
}
