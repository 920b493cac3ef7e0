// The JavaScript SDK passes every language-neutral case, as the Python SDK does.
import assert from "node:assert/strict"
import { join } from "node:path"
import { test } from "node:test"
import { flowscope } from "./support/collector.js"
import { plainEnv, run, workspace } from "./support/programs.js"

test("every compliance case passes", async () => {
  const driver = join(workspace, "driver", "driver.cjs")
  const env = plainEnv({ FLOWSCOPE_RAISE: "" })
  const done = await run(flowscope, ["sdk", "verify", "--patience", "10", "--", process.execPath, driver], { env })
  const failed = done.stdout.split("\n").filter((line) => line.includes(" FAIL "))
  assert.deepEqual([failed, done.status], [[], 0], done.stderr)
})
