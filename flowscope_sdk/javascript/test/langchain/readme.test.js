// The programs that LangChain.js's packages show in their READMEs, word for word, under `flowscope run`: their output unchanged.
// No package ships programs as files. What they ask of OpenAI, a server on this machine answers.
import assert from "node:assert/strict"
import { once } from "node:events"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { Collector, flowscope } from "../support/collector.js"
import { plainEnv, run, workspace } from "../support/programs.js"

const scratch = join(workspace, "test", ".scratch")
const SHOWN = [
  ["@langchain/core", "chain.stream", 5],
  ["@langchain/classic", "Tell me a {adjective} joke", 3],
]

let collector
let models
before(async () => {
  collector = await Collector.start()
  models = createServer(answer).listen(0, "127.0.0.1")
  await once(models, "listening")
})
after(async () => {
  models.close()
  await collector.stop()
})

async function answer(request, response) {
  let text = ""
  for await (const piece of request) text += piece
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
  const about = { id: "c1", created: 1, model: "gpt-x-1" }
  if (!JSON.parse(text).stream) {
    response.writeHead(200, { "content-type": "application/json" })
    const choices = [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "Because it is." } }]
    return response.end(JSON.stringify({ ...about, object: "chat.completion", choices, usage }))
  }
  response.writeHead(200, { "content-type": "text/event-stream" })
  const piece = (delta, finish_reason = null) => ({ ...about, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }] })
  for (const each of [piece({ role: "assistant", content: "Because" }), piece({ content: " it is." }), piece({}, "stop"), { ...piece({}), choices: [], usage }]) {
    response.write(`data: ${JSON.stringify(each)}\n\n`)
  }
  response.end("data: [DONE]\n\n")
}

/** The program in a package's README that has a text in it. */
function shown(name, text) {
  const readme = readFileSync(join(workspace, "node_modules", name, "README.md"), "utf8")
  return [...readme.matchAll(/```typescript\n([\s\S]*?)```/g)].map((found) => found[1]).find((code) => code.includes(text))
}

for (const [name, text, spans] of SHOWN) {
  test(`flowscope run node: the README of ${name}`, async () => {
    const file = join(scratch, `readme-${process.pid}-${spans}.mjs`)
    const session = `readme ${name}`
    mkdirSync(scratch, { recursive: true })
    writeFileSync(file, shown(name, text))
    try {
      const openai = { OPENAI_API_KEY: "none", OPENAI_BASE_URL: `http://127.0.0.1:${models.address().port}/v1` }
      const plain = await run(process.execPath, [file], { env: plainEnv(openai) })
      const env = plainEnv({ ...openai, FLOWSCOPE_ADDR: collector.addr, FLOWSCOPE_SESSION: session, FLOWSCOPE_HOME: collector.home, FLOWSCOPE_FLUSH_TIMEOUT: "10" })
      const traced = await run(flowscope, ["run", "node", file], { env })
      assert.equal(plain.status, 0, plain.stderr)
      assert.match(plain.stdout, /Because\s* it is\./)
      assert.deepEqual(traced, plain)
      assert.equal(await collector.stored(session, spans), spans)
    } finally {
      rmSync(file, { force: true })
    }
  })
}
