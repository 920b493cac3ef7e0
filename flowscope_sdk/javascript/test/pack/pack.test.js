// What `npm pack` makes of each package installs into an empty project and works there: JavaScript and strict TypeScript.
import assert from "node:assert/strict"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { after, before, test } from "node:test"
import { plainEnv, readRecords, run, tree, workspace } from "../support/programs.js"

const PACKAGES = ["sdk", "auto-langchain", "langchain"]
// What a project would have installed itself: the frameworks and the compiler.
const PEERS = ["langchain", "@langchain/core", "@langchain/classic", "@langchain/langgraph", "typescript", "@types/node"]

let project
const npmEnv = plainEnv({ npm_config_loglevel: "error", npm_config_update_notifier: "false" })
const write = (name, text) => writeFileSync(join(project, name), text)

before(async () => {
  project = mkdtempSync(join(tmpdir(), "flowscope-pack-"))
  const tarballs = []
  for (const name of PACKAGES) {
    const packed = await run("npm", ["pack", "--json", "--pack-destination", project], { cwd: join(workspace, "packages", name), env: npmEnv })
    assert.equal(packed.status, 0, packed.stderr)
    const [about] = Object.values(JSON.parse(packed.stdout))
    const files = about.files.map((each) => each.path)
    assert.ok(files.includes("README.md") && files.includes("LICENSE") && files.includes("dist/index.mjs"), files.join())
    assert.ok(files.every((each) => /^(dist\/|README|LICENSE|package\.json)/.test(each)), files.join())
    tarballs.push(`./${about.filename}`)
  }
  write("package.json", JSON.stringify({ name: "empty", private: true }))
  // The one dependency is there already, so that nothing is asked of a registry.
  link("zeromq")
  const words = ["--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps"]
  const installed = await run("npm", ["install", ...words, ...tarballs], { cwd: project, env: npmEnv })
  assert.equal(installed.status, 0, installed.stderr)
  PEERS.forEach(link)
})
after(() => rmSync(project, { recursive: true, force: true }))

/** Put a package of the workspace into the project. */
function link(name) {
  const place = join(project, "node_modules", name)
  mkdirSync(dirname(place), { recursive: true })
  symlinkSync(join(workspace, "node_modules", name), place, "junction")
}

async function recorded(file, ...nodeArgs) {
  const path = join(project, `${file}.flowscope`)
  const env = plainEnv({ FLOWSCOPE_ADDR: `file://${path}`, FLOWSCOPE_SESSION: "pack" })
  const done = await run(process.execPath, [...nodeArgs, file], { cwd: project, env })
  assert.equal(done.status, 0, done.stderr)
  assert.equal(done.stderr, "")
  return { ...done, records: readRecords(path) }
}

test("zeromq is the only dependency of the SDK, and no framework of any", () => {
  const dependencies = Object.fromEntries(PACKAGES.map((name) => [name, Object.keys(JSON.parse(readFileSync(join(workspace, "packages", name, "package.json"), "utf8")).dependencies)]))
  assert.deepEqual(dependencies, { sdk: ["zeromq"], "auto-langchain": ["@flowscope/sdk"], langchain: ["@flowscope/auto-langchain"] })
})

const CHAIN = `const chain = new LLMChain({ llm: new FakeListChatModel({ responses: ["yes"] }), prompt: PromptTemplate.fromTemplate("{q}") })`

test("JavaScript: require and import, by hand, automatic and pre-wrapped", async () => {
  write("hand.cjs", 'const { trace } = require("@flowscope/sdk"); trace("one", () => trace("two", () => 1))')
  write("hand.mjs", 'import { trace } from "@flowscope/sdk"; trace("one", () => trace("two", () => 1))')
  for (const file of ["hand.cjs", "hand.mjs"]) assert.deepEqual(tree((await recorded(file)).records), [["one", ["two"]]])
  write("wrapped.cjs", `const { LLMChain, tool } = require("@flowscope/langchain")
    const { PromptTemplate } = require("@langchain/core/prompts"), { FakeListChatModel } = require("@langchain/core/utils/testing")
    ${CHAIN}; chain.invoke({ q: 1 }).then((answer) => console.log(answer.text, typeof tool, LLMChain === require("@langchain/classic/chains").LLMChain))`)
  write("wrapped.mjs", `import { PromptTemplate } from "@langchain/core/prompts"
    import { FakeListChatModel } from "@langchain/core/utils/testing"
    import * as classic from "@langchain/classic/chains"
    import { LLMChain, tool } from "@flowscope/langchain"
    ${CHAIN}; console.log((await chain.invoke({ q: 1 })).text, typeof tool, LLMChain === classic.LLMChain)`)
  for (const file of ["wrapped.cjs", "wrapped.mjs"]) {
    const { stdout, records } = await recorded(file)
    assert.equal(stdout, "yes function true\n")
    assert.deepEqual(tree(records), [["LLMChain", ["FakeListChatModel"]]])
  }
  write("auto.mjs", `import { PromptTemplate } from "@langchain/core/prompts"
    import { FakeListChatModel } from "@langchain/core/utils/testing"
    import { LLMChain } from "@langchain/classic/chains"
    ${CHAIN}; console.log((await chain.invoke({ q: 1 })).text)`)
  assert.deepEqual(tree((await recorded("auto.mjs", "--import", "@flowscope/auto-langchain")).records), [["LLMChain", ["FakeListChatModel"]]])
})

const TYPED = `
import { currentSpan, extract, flush, init, inject, shutdown, trace, type InitOptions, type Span } from "@flowscope/sdk"
const options: InitOptions = { capture: "metadata", buffer: "1MiB", sample: 0.5 }
init(options)
// @ts-expect-error: no such level
init({ capture: "all" })
const number: number = trace("sync", (span: Span) => span.id.length)
const promise: Promise<string> = trace("async", { kind: "tool", input: { a: 1 } }, async (span) => span.traceId)
const twice: (x: number) => number = trace((x: number) => 2 * x)
const named: (x: number) => Promise<number> = trace("named", { kind: "llm" })(async (x: number) => x)
// @ts-expect-error: the parameters stay
twice("no")
class Agent {
  @trace plan(question: string): string { return question }
  @trace("search", { kind: "tool" }) async search(query: string): Promise<string[]> { return [query] }
  @trace static make(): Agent { return new Agent() }
  @trace *steps(): Generator<number> { yield 1 }
  @trace arrow = (x: number): number => x
}
const headers: Record<string, string> = inject({ accept: "x" } as Record<string, string>)
const sent: Promise<boolean> = flush(1)
const span: Span | undefined = currentSpan()
trace("in", { parent: extract(headers) }, () => undefined)
const gone: Promise<void> = shutdown()
export { Agent, gone, named, number, promise, sent, span }
`
const WRAPPED = `
import { LLMChain, createAgent } from "@flowscope/langchain"
import { ConversationChain } from "@flowscope/langchain/chains"
import { StateGraph, Annotation } from "@flowscope/langchain/langgraph"
import type { LLMChain as Original } from "@langchain/classic/chains"
import type { createAgent as original } from "langchain"
import { ready } from "@flowscope/auto-langchain"
export const same: typeof Original = LLMChain
export const agent: typeof original = createAgent
export const graph = new StateGraph(Annotation.Root({ n: Annotation<number>() }))
export const done: Promise<void> = ready
export type Conversation = ConversationChain
`
// The SDK's own declarations are checked as well, once; those of the frameworks are theirs to check.
const CHECKS = [
  ["node16, as an ES module and as CommonJS", ["typed.mts", "typed.cts"], { module: "node16", moduleResolution: "node16" }],
  ["bundler", ["typed.mts"], { module: "esnext", moduleResolution: "bundler", skipLibCheck: true }],
  ["legacy decorators", ["typed.cts"], { module: "node16", moduleResolution: "node16", experimentalDecorators: true, skipLibCheck: true }],
  ["node16, with LangChain", ["wrapped.mts", "wrapped.cts"], { module: "node16", moduleResolution: "node16", skipLibCheck: true }],
  ["bundler, with LangChain", ["wrapped.mts"], { module: "esnext", moduleResolution: "bundler", skipLibCheck: true }],
]

for (const [name, files, compilerOptions] of CHECKS) {
  test(`strict TypeScript: ${name}`, async () => {
    for (const extension of [".mts", ".cts"]) {
      write(`typed${extension}`, TYPED)
      write(`wrapped${extension}`, WRAPPED)
    }
    const config = `tsconfig.${name.replace(/\W+/g, "-")}.json`
    write(config, JSON.stringify({ compilerOptions: { strict: true, noEmit: true, target: "es2022", lib: ["es2022"], types: ["node"], ...compilerOptions }, files }))
    const checked = await run(process.execPath, [join(workspace, "node_modules", "typescript", "bin", "tsc"), "-p", config], { cwd: project })
    assert.equal(checked.stdout, "")
    assert.equal(checked.status, 0)
  })
}
