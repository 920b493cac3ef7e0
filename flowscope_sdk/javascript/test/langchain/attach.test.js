// LangChain.js and LangGraph.js: the same tree in every way of attaching and both module systems, which is LangChain's own.
import assert from "node:assert/strict"
import { test } from "node:test"
import { record } from "../support/programs.js"
import { langchainProgram, shapes, sorted } from "./program.js"

const AUTO = "@flowscope/auto-langchain"
const WAYS = [
  ["esm", "import, the first line", { first: `import "${AUTO}"` }],
  ["esm", "node --import", { nodeArgs: ["--import", AUTO] }],
  ["esm", "NODE_OPTIONS", { env: { NODE_OPTIONS: `--import ${AUTO}` } }],
  ["esm", "node -r", { nodeArgs: ["-r", AUTO] }],
  ["cjs", "require, the first line", { first: `require("${AUTO}")` }],
  ["cjs", "require after everything else", { first: `late require("${AUTO}")` }],
  ["cjs", "node --import", { nodeArgs: ["--import", AUTO] }],
  ["cjs", "NODE_OPTIONS with require", { env: { NODE_OPTIONS: `--require ${AUTO}` } }],
]

let expected
for (const [form, name, { first, nodeArgs, env }] of WAYS) {
  test(`${form}, ${name}: the tree is the one that LangChain's own collector makes`, async () => {
    const done = await record(langchainProgram(form, first), { extension: form === "esm" ? ".mjs" : ".cjs", nodeArgs, env })
    assert.equal(done.status, 0, done.stderr)
    assert.equal(done.stderr, "")
    const { said, tree } = JSON.parse(done.stdout)
    const ours = sorted(shapes(done.records))
    assert.deepEqual(ours, sorted(tree))
    expected ??= { said, ours }
    assert.deepEqual({ said, ours }, expected)
    assert.equal(done.records.length, 46)
    const graph = done.records.find((each) => each.operation === "LangGraph")
    assert.deepEqual([graph.metadata["flowscope.kind"], graph.metadata["gen_ai.operation.name"]], ["agent", "invoke_agent"])
  })
}
