// A real collector, and what comes out of it.
import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { setTimeout as pause } from "node:timers/promises"
import { promisify } from "node:util"
import { start } from "./programs.js"

export const flowscope = process.env.FLOWSCOPE ?? "flowscope"
const run = promisify(execFile)

/** Milliseconds after which what is waited for will not come, however slow and busy the machine. */
const LONG = 120_000

let given = 0

/**
 * A port that is free, and the one after it as well: below those that the system gives to connections, apart from those
 * of test files that run beside this one, and never the same again, as a collector that is killed leaves its own free.
 */
export async function freePort() {
  for (;;) {
    const port = 10_000 + (process.pid % 100) * 200 + 2 * (given++ % 100)
    if ((await binds(port)) && (await binds(port + 1))) return port
  }
}

function binds(port) {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false))
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)))
  })
}

export class Collector {
  static async start(options = {}) {
    const made = new Collector()
    made.home = mkdtempSync(join(tmpdir(), "flowscope-js-"))
    made.env = { ...process.env, FLOWSCOPE_HOME: made.home, FLOWSCOPE_DB: join(made.home, "test.db") }
    for (const name of ["FLOWSCOPE_ADDR", "FLOWSCOPE_SESSION", "NODE_OPTIONS"]) delete made.env[name]
    made.addr = options.addr ?? `tcp://127.0.0.1:${await freePort()}`
    await made.begin()
    return made
  }

  async begin() {
    this.process = start(flowscope, ["collect", "--addr", this.addr], { env: this.env, stdio: ["ignore", "pipe", "inherit"] })
    let said = ""
    for await (const line of createInterface({ input: this.process.stdout })) {
      said = line
      break
    }
    assert.match(said, /^listening on /)
    this.listening = said.split(" ")[2]
  }

  /** End it the hard way. */
  async kill() {
    const gone = new Promise((resolve) => this.process.once("exit", resolve))
    this.process.kill("SIGKILL")
    await gone
  }

  async stop() {
    const gone = new Promise((resolve) => this.process.once("exit", resolve))
    this.process.kill("SIGINT")
    await gone
    rmSync(this.home, { recursive: true, force: true })
  }

  async sessions() {
    return JSON.parse((await run(flowscope, ["sessions", "--json"], { env: this.env, maxBuffer: 1 << 28 })).stdout)
  }

  /** How many spans of a session are stored, once there are as many as that. */
  async stored(session, count) {
    let spans = 0
    for (const deadline = Date.now() + LONG; Date.now() < deadline; await pause(50)) {
      spans = (await this.sessions()).find((row) => row.id === session)?.spans ?? 0
      if (spans >= count) break
    }
    return spans
  }

  /** The records of a session, once there are as many as that. */
  async records(session, count) {
    assert.equal(await this.stored(session, count), count, `spans of ${session}`)
    const words = ["export", "--session", session, "--format", "json", "-o", "-"]
    return JSON.parse((await run(flowscope, words, { env: this.env, maxBuffer: 1 << 28 })).stdout)
  }
}
