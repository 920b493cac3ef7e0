// Answers as OpenAI does, on this machine: always the same.
import { once } from "node:events"
import { createServer } from "node:http"

const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
const ABOUT = { id: "c1", created: 1, model: "gpt-x-1" }

/** A server, and the environment in which OpenAI's clients ask it. */
export async function openaiServer() {
  const server = createServer(answer).listen(0, "127.0.0.1")
  await once(server, "listening")
  const env = { OPENAI_API_KEY: "none", OPENAI_BASE_URL: `http://127.0.0.1:${server.address().port}/v1` }
  return { env, close: () => server.close().closeAllConnections() }
}

async function answer(request, response) {
  let text = ""
  for await (const piece of request) text += piece
  const asked = JSON.parse(text || "{}")
  const json = (value, status = 200) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value))
  if (request.url.endsWith("/embeddings")) return json(embeddings(asked))
  if (!request.url.endsWith("/chat/completions")) return json({ error: { message: "not to be had here" } }, 404)
  if (!asked.stream) {
    const choices = [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "Because it is." } }]
    return json({ ...ABOUT, object: "chat.completion", choices, usage: USAGE })
  }
  response.writeHead(200, { "content-type": "text/event-stream" })
  const piece = (delta, finish_reason = null) => ({ ...ABOUT, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }] })
  const pieces = [piece({ role: "assistant", content: "Because" }), piece({ content: " it is." }), piece({}, "stop"), { ...piece({}), choices: [], usage: USAGE }]
  for (const each of pieces) response.write(`data: ${JSON.stringify(each)}\n\n`)
  response.end("data: [DONE]\n\n")
}

function embeddings({ input, encoding_format: form }) {
  const numbers = [0, 1, 2]
  const embedding = form === "base64" ? Buffer.from(new Float32Array(numbers).buffer).toString("base64") : numbers
  return { object: "list", model: "e1", data: [input].flat().map((_, index) => ({ object: "embedding", index, embedding })), usage: USAGE }
}
