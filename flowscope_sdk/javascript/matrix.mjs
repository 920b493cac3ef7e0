// Runs LangChain.js and the clients of models in older versions: the tree is LangChain's own in each, the answers too.
// Each row is installed into a folder of its own; prints one line a row and module system.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { SAID as AI_SAID, aiProgram, aiTree } from "./test/ai/program.js"
import { SAID, clientsProgram } from "./test/langchain/clients.js"
import { langchainProgram, shapes, sorted } from "./test/langchain/program.js"
import { plainEnv, readRecords, run, tree, workspace } from "./test/support/programs.js"

const ROWS = [
  { name: "current", chains: "@langchain/classic/chains", pins: { "@langchain/core": "1.4.0", langchain: "1.5.14", "@langchain/classic": "1.0.50", "@langchain/langgraph": "1.7.3", zod: "^4" } },
  { name: "0.3", chains: "langchain/chains", pins: { "@langchain/core": "0.3.80", langchain: "0.3.37", "@langchain/langgraph": "0.4.10", zod: "^3" } },
  { name: "openai 4, anthropic 0.30", promise: "openai/core", pins: { openai: "4.104.0", "@anthropic-ai/sdk": "0.30.0" } },
  { name: "openai 5, anthropic 0.60", promise: "openai", pins: { openai: "5.23.2", "@anthropic-ai/sdk": "0.60.0" } },
  { name: "openai 6, anthropic 1", promise: "openai", pins: { openai: "^6.49.0", "@anthropic-ai/sdk": "^1.12.0" } },
  { name: "ai 4", ai: 4, pins: { ai: "4.3.19", zod: "^3.25.76" } },
  { name: "ai 5", ai: 5, pins: { ai: "5.0.277", zod: "^3.25.76" } },
  { name: "ai 6", ai: 6, pins: { ai: "6.0.326", zod: "^4" } },
  // It says that it needs Node 22; it is an ES module only.
  { name: "ai 7", ai: 7, forms: ["esm"], pins: { ai: "7.0.173", zod: "^4" } },
]
// `npm run matrix -- "ai 5"` runs one row.
const chosen = process.argv.slice(2)

let failed = 0
for (const row of ROWS.filter(({ name }) => !chosen.length || chosen.includes(name))) {
  const folder = mkdtempSync(join(tmpdir(), "flowscope-matrix-"))
  try {
    await install(folder, row.pins)
    for (const [form, source, right] of programs(row)) {
      const why = await differs(folder, form, source, right)
      failed += Number(why !== "")
      console.log(`${row.name} (${Object.entries(row.pins).map((each) => each.join(" ")).join(", ")}), ${form}: ${why || "ok"}`)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
process.exitCode = Number(failed > 0)

async function install(folder, pins) {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "row", private: true, dependencies: pins }))
  const words = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock", "--legacy-peer-deps", "--loglevel=error"]
  const done = await run("npm", words, { cwd: folder })
  if (done.status !== 0) throw new Error(done.stderr)
  mkdirSync(join(folder, "node_modules", "@flowscope"))
  for (const name of ["sdk", "auto-langchain"]) {
    symlinkSync(join(workspace, "packages", name), join(folder, "node_modules", "@flowscope", name), "junction")
  }
}

/** What a row runs: the module system, the program, and what is wrong with what it said and recorded, if anything. */
function programs(row) {
  const forms = row.forms ?? ["esm", "cjs"]
  if (row.chains) return forms.map((form) => [form, langchainProgram(form, "", row.chains), langchainWrong])
  if (row.ai) return forms.map((form) => [form, aiProgram(form, row.ai), (said, records) => wrong(said, AI_SAID, tree(records), aiTree(row.ai))])
  return [["esm", clientsProgram(row.promise), (said, records) => wrong(said, SAID, records.length, 11)]]
}

function langchainWrong(said, records) {
  return isDeepStrictEqual(sorted(shapes(records)), sorted(said.tree)) ? "" : "another tree than LangChain's own"
}

function wrong(said, sayable, recorded, recordable) {
  if (!isDeepStrictEqual(said, sayable)) return `it said ${JSON.stringify(said)}`
  return isDeepStrictEqual(recorded, recordable) ? "" : `recorded ${JSON.stringify(recorded)}`
}

/** What is not as it should be; empty if all is. */
async function differs(folder, form, source, right) {
  const file = join(folder, form === "esm" ? "program.mjs" : "program.cjs")
  const session = join(folder, `${form}.flowscope`)
  writeFileSync(file, source)
  const env = plainEnv({ FLOWSCOPE_ADDR: `file://${session}`, FLOWSCOPE_SESSION: "matrix" })
  const done = await run(process.execPath, ["--import", "@flowscope/auto-langchain", file], { cwd: folder, env })
  if (done.status !== 0) return done.stderr.trim().split("\n").slice(-5).join(" / ")
  const records = readRecords(session)
  const open = records.filter((each) => each.status === "pending")
  return open.length ? `${open.length} spans pending` : right(JSON.parse(done.stdout.split("\n")[0]), records)
}
