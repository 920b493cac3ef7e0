// How long the event loop is held up while 10,000 spans a second are made, with the SDK on and off, in turns.
import { spawnSync } from "node:child_process"
import { monitorEventLoopDelay, performance } from "node:perf_hooks"
import { fileURLToPath } from "node:url"

const SECONDS = 5
const PER_TICK = 50

if (process.argv[2] === "child") {
  const flowscope = await import("@flowscope/sdk")
  const input = { question: "q".repeat(280) }
  for (let i = 0; i < 5000; i++) flowscope.trace("warm", { input }, () => i)
  await new Promise((resolve) => setTimeout(resolve, 500))
  const delay = monitorEventLoopDelay({ resolution: 1 })
  let most = 0
  let made = 0
  delay.enable()
  const begun = performance.now()
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min((performance.now() - begun) * 10, SECONDS * 10_000)
      const from = performance.now()
      for (let n = 0; n < PER_TICK * 4 && made < due; n++, made++) flowscope.trace("operation", { input }, () => made)
      most = Math.max(most, performance.now() - from)
      if (made >= SECONDS * 10_000) resolve(clearInterval(timer))
    }, 5)
  })
  delay.disable()
  const ms = (ns) => (ns / 1e6).toFixed(2)
  console.log(JSON.stringify({ made, p50: ms(delay.percentile(50)), p99: ms(delay.percentile(99)), p999: ms(delay.percentile(99.9)), max: ms(delay.max), turn: most.toFixed(2) }))
} else {
  for (const round of [1, 2]) {
    for (const [name, addr] of [["off", "off"], ["recording", "tcp://127.0.0.1:9"]]) {
      const { stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), "child"], {
        env: { ...process.env, FLOWSCOPE_ADDR: process.env.FLOWSCOPE_ADDR && name !== "off" ? process.env.FLOWSCOPE_ADDR : addr },
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
      })
      const found = JSON.parse(stdout)
      console.log(
        `event loop delay at 10,000 spans/s, round ${round}, ${name}: p50 ${found.p50} ms, p99 ${found.p99} ms, p99.9 ${found.p999} ms, max ${found.max} ms; longest turn of 200 spans ${found.turn} ms`,
      )
    }
  }
}
