// Programs of their own process, and what they record into a session file.
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { after } from "node:test"
import { fileURLToPath } from "node:url"
import { gunzipSync } from "node:zlib"

export const workspace = join(dirname(fileURLToPath(import.meta.url)), "..", "..")
const scratch = join(workspace, "test", ".scratch")

/** Minutes that a test file may take, however slow and busy the machine is: what takes longer hangs. */
const LONGEST = 15

const running = new Set()

/** spawn(), but what still runs when the tests of this file are over, passed or failed, is ended and keeps nobody waiting. */
export function start(command, args, options) {
  const child = spawn(command, args, options)
  running.add(child)
  child.once("exit", () => running.delete(child))
  return child
}

const endAll = () => running.forEach((child) => child.kill("SIGKILL"))
process.once("exit", endAll)
// What is no test file (the matrix, the examples) takes as long as it takes.
if (process.env.NODE_TEST_CONTEXT) {
  after(endAll)
  setTimeout(hangs, LONGEST * 60_000).unref()
}

function hangs() {
  console.error(`not over after ${LONGEST} minutes; still running: ${[...running].map((child) => child.spawnargs.join(" ")).join("; ") || "nothing"}`)
  process.exit(1)
}

/**
 * The environment without anything of FlowScope's or npm's that would change a program; its end may take as long as a
 * busy machine needs to store everything.
 */
export function plainEnv(more = {}) {
  const env = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^(FLOWSCOPE|NODE_|npm_)/.test(name)) env[name] = value
  }
  return { ...env, FLOWSCOPE_RAISE: "1", FLOWSCOPE_FLUSH_TIMEOUT: "120", ...more }
}

/** Run a program to its end. */
export function run(command, args, { env = plainEnv(), cwd = workspace, signal } = {}) {
  return new Promise((resolve, reject) => {
    const child = start(command, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] })
    const found = { stdout: "", stderr: "" }
    for (const name of ["stdout", "stderr"]) child[name].setEncoding("utf8").on("data", (text) => (found[name] += text))
    if (signal) child.stdout.once("data", () => child.kill(signal))
    child.on("error", reject)
    child.on("close", (status, by) => resolve({ ...found, status, by }))
  })
}

let count = 0

/** A file with a program in it that finds the workspace's packages. */
export function programFile(source, extension = ".cjs") {
  mkdirSync(scratch, { recursive: true })
  const path = join(scratch, `program-${process.pid}-${count++}${extension}`)
  writeFileSync(path, source)
  return path
}

/** Run a program and return the records that it wrote, the last of each id, in the order of their starts. */
export async function record(source, { extension, env, args = [], nodeArgs = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "flowscope-record-"))
  const session = join(folder, "x.flowscope")
  const path = programFile(source, extension)
  try {
    const done = await run(process.execPath, [...nodeArgs, path, ...args], {
      env: plainEnv({ FLOWSCOPE_ADDR: `file://${session}`, FLOWSCOPE_SESSION: "test", ...env }),
    })
    return { ...done, records: readRecords(session), lines: readLines(session) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
    rmSync(path, { force: true })
  }
}

function readLines(path) {
  try {
    return gunzipSync(readFileSync(path)).toString().split("\n").filter(Boolean).map((line) => JSON.parse(line))
  } catch (error) {
    if (error.code === "ENOENT") return []
    throw error
  }
}

/** The records of a session file, the last of each id, in the order of their starts. */
export function readRecords(path) {
  const found = new Map()
  for (const line of readLines(path)) if (!line.flowscope) found.set(line.id, line)
  return [...found.values()].sort((one, other) => (one.start_time < other.start_time ? -1 : 1))
}

/** The tree of records as nested pairs of operation and children. */
export function tree(records, parent = null) {
  return records
    .filter((each) => each.parent_id === parent)
    .map((each) => {
      const below = tree(records, each.id)
      return below.length ? [each.operation, below] : each.operation
    })
}
