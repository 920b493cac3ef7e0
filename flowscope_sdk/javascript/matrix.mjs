// Runs LangChain.js and the clients of models in older versions: the tree is LangChain's own in each, the answers too.
// Each row is installed into a folder of its own; prints one line a row and module system.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { SAID, clientsProgram } from "./test/langchain/clients.js"
import { langchainProgram, shapes, sorted } from "./test/langchain/program.js"
import { plainEnv, readRecords, run, workspace } from "./test/support/programs.js"

const ROWS = [
  { name: "current", chains: "@langchain/classic/chains", pins: { "@langchain/core": "1.4.0", langchain: "1.5.14", "@langchain/classic": "1.0.50", "@langchain/langgraph": "1.7.3", zod: "^4" } },
  { name: "0.3", chains: "langchain/chains", pins: { "@langchain/core": "0.3.80", langchain: "0.3.37", "@langchain/langgraph": "0.4.10", zod: "^3" } },
  { name: "openai 4, anthropic 0.30", promise: "openai/core", pins: { openai: "4.104.0", "@anthropic-ai/sdk": "0.30.0" } },
  { name: "openai 5, anthropic 0.60", promise: "openai", pins: { openai: "5.23.2", "@anthropic-ai/sdk": "0.60.0" } },
  { name: "openai 6, anthropic 1", promise: "openai", pins: { openai: "^6.49.0", "@anthropic-ai/sdk": "^1.12.0" } },
]

let failed = 0
for (const row of ROWS) {
  const folder = mkdtempSync(join(tmpdir(), "flowscope-matrix-"))
  try {
    await install(folder, row.pins)
    const programs = row.chains ? ["esm", "cjs"].map((form) => [form, langchainProgram(form, "", row.chains)]) : [["esm", clientsProgram(row.promise)]]
    for (const [form, source] of programs) {
      const why = await differs(folder, form, source)
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

/** What is not as it should be; empty if all is. */
async function differs(folder, form, source) {
  const file = join(folder, form === "esm" ? "program.mjs" : "program.cjs")
  const session = join(folder, `${form}.flowscope`)
  writeFileSync(file, source)
  const env = plainEnv({ FLOWSCOPE_ADDR: `file://${session}`, FLOWSCOPE_SESSION: "matrix" })
  const done = await run(process.execPath, ["--import", "@flowscope/auto-langchain", file], { cwd: folder, env })
  if (done.status !== 0) return done.stderr.trim().split("\n").slice(-5).join(" / ")
  const said = JSON.parse(done.stdout.split("\n")[0])
  const records = readRecords(session)
  if (!Array.isArray(said)) return isDeepStrictEqual(sorted(shapes(records)), sorted(said.tree)) ? "" : "another tree than LangChain's own"
  if (!isDeepStrictEqual(said, SAID)) return `it said ${JSON.stringify(said)}`
  return records.length === 11 && records.every((each) => each.status !== "pending") ? "" : `${records.length} spans`
}
