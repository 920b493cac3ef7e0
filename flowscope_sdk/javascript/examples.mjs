// Runs the programs that LangChain.js's packages show, in their READMEs and above what they export, word for word: as they
// are and under `flowscope run`. Prints which of them FlowScope changes what they print or how they end.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import ts from "typescript"
import { flowscope } from "./test/support/collector.js"
import { openaiServer } from "./test/support/openai.js"
import { plainEnv, run, workspace } from "./test/support/programs.js"

const PINS = { "@langchain/core": "1.4.0", langchain: "1.5.14", "@langchain/classic": "1.0.50", "@langchain/langgraph": "1.7.3", "@langchain/openai": "^1", zod: "^4" }
const SHOWING = ["@langchain/core", "langchain", "@langchain/classic", "@langchain/langgraph"]
const MOST_SECONDS = 120

const folder = mkdtempSync(join(tmpdir(), "flowscope-examples-"))
const models = await openaiServer()
const changed = []
let ran = 0
let varying = 0
try {
  await install()
  const programs = shown()
  await Promise.all([work(programs.entries()), work(programs.entries(), 1)])
  console.log(`${programs.length} programs are shown with their imports, ${ran} run as they stand, ${varying} of them say something else each time`)
  for (const each of changed) console.log(`changed under flowscope run: ${each}`)
  console.log(`${ran - varying - changed.length} of ${ran - varying} the same under flowscope run`)
} finally {
  models.close()
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = Number(changed.length > 0)

async function install() {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "examples", private: true, dependencies: PINS }))
  const words = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock", "--legacy-peer-deps", "--loglevel=error"]
  const done = await run("npm", words, { cwd: folder })
  if (done.status !== 0) throw new Error(done.stderr)
}

/** The code of every program that is shown with what it imports, types taken off. */
function shown() {
  const found = new Map()
  for (const name of SHOWING) {
    const root = join(folder, "node_modules", name)
    for (const file of readdirSync(root, { recursive: true }).filter((each) => /\.d\.ts$|README\.md$/.test(each) && !each.includes("node_modules"))) {
      const comment = file.endsWith(".ts")
      for (const [, block] of readFileSync(join(root, file), "utf8").matchAll(/```(?:ts|typescript|js|javascript)\s*\n([\s\S]*?)```/g)) {
        const code = comment ? block.replace(/^\s*\* ?/gm, "").replaceAll("*\\/", "*/") : block
        if (/^\s*import /m.test(code)) found.set(code, `${name}/${file}`)
      }
    }
  }
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
  return [...found].map(([code, where]) => ({ where, code: ts.transpileModule(code, { compilerOptions: options }).outputText }))
}

/** Every second program: two are run at a time. */
async function work(programs, odd = 0) {
  for (const [number, { where, code }] of programs) {
    if (number % 2 !== odd) continue
    const file = join(folder, `program-${number}.mjs`)
    writeFileSync(file, code)
    const plain = await ends(process.execPath, [file])
    if (plain.status !== 0) continue
    ran++
    const traced = await ends(flowscope, ["run", "node", file], { FLOWSCOPE_ADDR: `file://${file}.flowscope`, FLOWSCOPE_NODE: workspace })
    if (isDeepStrictEqual(traced, plain)) continue
    const again = await ends(process.execPath, [file])
    if (isDeepStrictEqual(again, plain)) changed.push(`${where}, its program ${number}:\n${JSON.stringify(plain)}\n${JSON.stringify(traced)}`)
    else varying++
  }
}

async function ends(command, words, more) {
  const home = join(folder, "home")
  mkdirSync(home, { recursive: true })
  const env = { ...plainEnv({ ...models.env, FLOWSCOPE_HOME: home, ...more }), FLOWSCOPE_RAISE: "" }
  return await run("timeout", ["-s", "KILL", String(MOST_SECONDS), command, ...words], { cwd: folder, env })
}
