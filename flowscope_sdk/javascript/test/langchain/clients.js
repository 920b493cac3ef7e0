// Calls of models by their own clients, against a server that answers as the two APIs do.

// Answers as the two APIs do, and says back which context came with a request.
export const SERVER = `
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

/** What a program says that calls them in every way. */
export const SAID = [true, "Hello", "c1", 200, 200, "Hello", "Stream", "function", 404, 3, "Salut", 7, "Salut"]

/** That program; `promise` is where openai keeps the class of its promises. */
export const clientsProgram = (promise = "openai") => `${SERVER}
    import OpenAI from "openai"
    import { APIPromise } from "${promise}"
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
    server.close(); server.closeAllConnections()`
