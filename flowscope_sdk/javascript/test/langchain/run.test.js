// `flowscope run`: LangChain.js programs of the kind that its documentation shows, unmodified: their output unchanged, traced.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { Collector, flowscope } from "../support/collector.js"
import { plainEnv, run, workspace } from "../support/programs.js"

const examples = join(workspace, "test", "examples")
let collector
before(async () => (collector = await Collector.start()))
after(() => collector.stop())

for (const name of readdirSync(examples)) {
  test(`flowscope run node ${name}`, async () => {
    const plain = await run(process.execPath, [name], { cwd: examples })
    const env = plainEnv({ FLOWSCOPE_ADDR: collector.addr, FLOWSCOPE_SESSION: name, FLOWSCOPE_HOME: collector.home })
    const traced = await run(flowscope, ["run", "node", name], { cwd: examples, env })
    assert.equal(plain.status, 0, plain.stderr)
    assert.deepEqual(traced, plain)
    const row = (await collector.sessions()).find((each) => each.id === name)
    assert.ok(row?.spans >= 3, `${row?.spans} spans`)
    assert.deepEqual([row.languages, row.frameworks.some((each) => /^lang(chain|graph)$/.test(each))], [["javascript"], true])
  })
}
