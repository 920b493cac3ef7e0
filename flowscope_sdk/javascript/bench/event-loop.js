// How long the event loop is held up while 10,000 spans a second are made, with the SDK on and off, in turns. What the
// machine does to the loop is told apart from what the SDK does: each of the SDK's own slices, which are calls of trace()
// and the timers that it sets, is measured by itself, less the time that the thread waited for a processor meanwhile.
import { spawnSync } from "node:child_process"
import { existsSync, openSync, readSync } from "node:fs"
import { PerformanceObserver, createHistogram, monitorEventLoopDelay, performance } from "node:perf_hooks"
import { fileURLToPath } from "node:url"

const SECONDS = 5
const PER_TICK = 50
/** Milliseconds from which a slice is long enough to look whether it had the processor. */
const WORTH = 0.2

const page = Buffer.alloc(128)
const schedule = existsSync("/proc/self/schedstat") ? openSync("/proc/self/schedstat") : -1
let waits = 0

if (process.argv[2] === "child") await child()
else {
  for (const round of [1, 2]) {
    for (const [name, addr] of [["off", "off"], ["recording", process.env.FLOWSCOPE_ADDR ?? "tcp://127.0.0.1:9"]]) {
      const { stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), "child"], {
        env: { ...process.env, FLOWSCOPE_ADDR: addr },
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
      })
      const { delay, slices, gc } = JSON.parse(stdout)
      console.log(`event loop at 10,000 spans/s, round ${round}, ${name}: delay ${delay}; the SDK's own slices ${slices}; collections of garbage ${gc}`)
    }
  }
}

async function child() {
  const slices = createHistogram()
  const collections = createHistogram()
  new PerformanceObserver((list) => list.getEntries().forEach((each) => collections.record(nanoseconds(each.duration)))).observe({ entryTypes: ["gc"] })
  const later = globalThis.setTimeout
  globalThis.setTimeout = (call, ms) => later(() => (look(), measured(call, slices)), ms)
  const flowscope = await import("@flowscope/sdk")
  const input = { question: "q".repeat(280) }
  for (let i = 0; i < 5000; i++) flowscope.trace("warm", { input }, () => i)
  await new Promise((resolve) => later(resolve, 500))
  const delay = monitorEventLoopDelay({ resolution: 1 })
  slices.reset()
  collections.reset()
  let made = 0
  const one = () => flowscope.trace("operation", { input }, () => made)
  delay.enable()
  const begun = performance.now()
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      look()
      const due = Math.min((performance.now() - begun) * 10, SECONDS * 10_000)
      for (let n = 0; n < PER_TICK * 4 && made < due; n++, made++) measured(one, slices)
      if (made >= SECONDS * 10_000) resolve(clearInterval(timer))
    }, 5)
  })
  delay.disable()
  console.log(JSON.stringify({ delay: told(delay), slices: told(slices), gc: told(collections) }))
}

/** Call, and record how long that took on the processor. */
function measured(call, slices) {
  const from = performance.now()
  call()
  let took = performance.now() - from
  if (took > WORTH) {
    const before = waits
    look()
    took -= waits - before
  }
  slices.record(nanoseconds(took))
}

/** Learn for how many milliseconds this thread has been ready and had no processor; 0 where the system does not tell. */
function look() {
  if (schedule < 0) return
  const length = readSync(schedule, page, 0, page.length, 0)
  waits = Number(page.toString("latin1", 0, length).split(" ")[1]) / 1e6
}

function nanoseconds(ms) {
  return Math.max(1, Math.round(ms * 1e6))
}

function told(histogram) {
  const ms = (ns) => (ns / 1e6).toFixed(2)
  return histogram.count ? `p50 ${ms(histogram.percentile(50))} ms, p99.9 ${ms(histogram.percentile(99.9))} ms, max ${ms(histogram.max)} ms` : "none"
}
