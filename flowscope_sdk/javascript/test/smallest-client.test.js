// The smallest client in Node: what it pushes is in the store, and comes out of an export unchanged.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { Push } from "zeromq"
import { Collector } from "./support/collector.js"

let collector
before(async () => (collector = await Collector.start()))
after(() => collector.stop())

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
  const push = new Push()
  push.connect(collector.addr)
  await push.send(JSON.stringify(span))
  const [record] = await collector.records("from-node", 1)
  push.close()
  for (const [name, value] of Object.entries(span)) {
    if (name !== "metadata") assert.deepEqual(record[name], value, name)
  }
})
