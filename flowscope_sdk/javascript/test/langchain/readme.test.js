// The programs that LangChain.js's packages show in their READMEs, word for word, under `flowscope run`: their output unchanged.
// No package ships programs as files; `npm run examples` runs those above what they export too.
import assert from "node:assert/strict"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { Collector, flowscope } from "../support/collector.js"
import { openaiServer } from "../support/openai.js"
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
  models = await openaiServer()
})
after(async () => {
  models.close()
  await collector.stop()
})

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
      const plain = await run(process.execPath, [file], { env: plainEnv(models.env) })
      const env = plainEnv({ ...models.env, FLOWSCOPE_ADDR: collector.addr, FLOWSCOPE_SESSION: session, FLOWSCOPE_HOME: collector.home, FLOWSCOPE_FLUSH_TIMEOUT: "10" })
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
