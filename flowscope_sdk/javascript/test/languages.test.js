// Python asks Node over HTTP, Node asks Python: one trace in the caller's session, one tree whose processes are tracks.
import assert from "node:assert/strict"
import { once } from "node:events"
import { dirname, join } from "node:path"
import { createInterface } from "node:readline"
import { after, before, test } from "node:test"
import { Collector, flowscope } from "./support/collector.js"
import { plainEnv, run, start, tree, workspace } from "./support/programs.js"

const python = join(dirname(flowscope), "python")
const here = join(workspace, "test", "languages")

let collector
before(async () => (collector = await Collector.start()))
after(() => collector.stop())

const env = (session) => plainEnv({ FLOWSCOPE_ADDR: collector.addr, FLOWSCOPE_SESSION: session })

/** Start a server; the address that it prints, and a way to end it. */
async function serve(command, args, session) {
  const child = start(command, args, { env: env(session), cwd: workspace, stdio: ["ignore", "pipe", "inherit"] })
  const lines = createInterface({ input: child.stdout })
  const address = await Promise.race([once(lines, "line"), once(lines, "close")]).then(([line]) => line)
  assert.ok(address, "it ended before it listened")
  const stop = async () => {
    child.kill("SIGTERM")
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
  }
  return { address, stop }
}

test("Python, Node, Python: one trace in the caller's session, an error in the middle of it too", async () => {
  const answerer = await serve(python, [join(here, "answerer.py")], "answerer's own")
  const service = await serve(process.execPath, ["--import", "@flowscope/auto-langchain", join(here, "service.mjs"), answerer.address], "service's own")
  const caller = await run(python, [join(here, "caller.py"), service.address], { env: env("caller's") })
  await service.stop()
  await answerer.stop()
  assert.equal(caller.stdout, "200\n502\n", caller.stderr)

  const records = await collector.records("caller's", 7)
  records.sort((one, other) => (one.start_time < other.start_time ? -1 : 1))
  const below = ["summarise", [["GET /answer/{what}", ["look up"]]]]
  assert.deepEqual(tree(records), [["ask", [below, below]]])
  assert.equal(new Set(records.map((each) => each.metadata["flowscope.trace_id"])).size, 1)
  const told = (name) => records.filter((each) => each.operation === name).map((each) => `${each.language} ${each.status} ${each.error}`)
  assert.deepEqual(told("ask"), ["python success null"])
  assert.deepEqual(told("summarise"), ["javascript success null", "javascript error Error: the answer was 500"])
  assert.deepEqual(told("look up"), ["python success null", "python error LookupError: nothing is broken"])

  const shown = await run(python, [join(here, "tracks.py"), collector.env.FLOWSCOPE_DB, "caller's"])
  const { roots, languages, spans } = JSON.parse(shown.stdout)
  assert.deepEqual([roots, languages], [1, ["javascript", "python"]])
  const tracks = new Map(spans.map((each) => [each.name, each.track]))
  assert.equal(new Set([tracks.get("ask"), tracks.get("summarise"), tracks.get("GET /answer/{what}")]).size, 3)
  assert.equal(tracks.get("look up"), tracks.get("GET /answer/{what}"))
  assert.deepEqual([...new Set(spans.map((each) => `${each.name} < ${each.parent}`))].sort(), [
    "GET /answer/{what} < summarise",
    "ask < null",
    "look up < GET /answer/{what}",
    "summarise < ask",
  ])
})
