// The smallest client in Node: what it pushes is in the store, and comes out of an export unchanged.
import assert from "node:assert/strict"
import { execFileSync, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { after, before, test } from "node:test"
import { setTimeout as pause } from "node:timers/promises"
import { Push } from "zeromq"

const flowscope = process.env.FLOWSCOPE ?? "flowscope"
let home, env, collector, addr

before(async () => {
  home = mkdtempSync(join(tmpdir(), "flowscope-js-"))
  env = { ...process.env, FLOWSCOPE_HOME: home, FLOWSCOPE_DB: join(home, "test.db") }
  delete env.FLOWSCOPE_ADDR
  const port = 20000 + Math.floor(Math.random() * 20000)
  collector = spawn(flowscope, ["collect", "--addr", `tcp://127.0.0.1:${port}`], { env, stdio: ["ignore", "pipe", "inherit"] })
  for await (const line of createInterface({ input: collector.stdout })) {
    assert.match(line, /^listening on /)
    addr = line.split(" ")[2]
    break
  }
})

after(() => {
  collector?.kill("SIGINT")
  rmSync(home, { recursive: true, force: true })
})

async function exported(session, count) {
  for (const deadline = Date.now() + 15000; Date.now() < deadline; await pause(100)) {
    const listed = JSON.parse(execFileSync(flowscope, ["sessions", "--json"], { env, encoding: "utf8" }))
    if ((listed.find((row) => row.id === session)?.spans ?? 0) < count) continue
    return JSON.parse(
      execFileSync(flowscope, ["export", "--session", session, "--format", "json", "-o", "-"], { env, encoding: "utf8" }),
    )
  }
  throw new Error(`${session} did not arrive`)
}

test("one pushed object a span is recorded as it was sent", async () => {
  const span = {
    id: "js-1",
    session_id: "from-node",
    parent_id: null,
    operation: "greet",
    framework: "custom",
    language: "javascript",
    start_time: "2026-01-02T03:04:05.006Z",
    end_time: "2026-01-02T03:04:06.007Z",
    input: { name: "Zoë 👋" },
    output: ["hello", null, 1.5],
    metadata: {},
    status: "success",
    error: null,
  }
  const push = new Push({ linger: 2000 })
  push.connect(addr)
  await push.send(JSON.stringify(span))
  push.close()
  const [record] = await exported("from-node", 1)
  for (const [name, value] of Object.entries(span)) {
    if (name !== "metadata") assert.deepEqual(record[name], value, name)
  }
})
