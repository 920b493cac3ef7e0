// What a span with a 300-byte input costs the program's thread, beside OpenTelemetry's SDK, in turns in one process.
// A FlowScope span is sent to a collector that takes everything; an OpenTelemetry one to an exporter that drops it.
import { createHash } from "node:crypto"
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as flowscope from "@flowscope/sdk"
import { trace } from "@opentelemetry/api"
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node"

const SPANS = 2_000
const ROUNDS = 60
const exporter = { export: (spans, done) => done({ code: 0 }), shutdown: async () => {} }
const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter, { maxQueueSize: 1 << 20 })] })
provider.register()
const tracer = trace.getTracer("bench")
const input = { question: createHash("sha512").update("x").digest("hex").repeat(2), number: 1, tags: ["a", "b"] }

// In a process of its own, as a collector is.
const sink = spawn(
  process.execPath,
  ["-e", `const pull = new (require("zeromq").Pull)(); pull.bind("tcp://127.0.0.1:*").then(async () => { console.log(pull.lastEndpoint); for await (const _ of pull); })`],
  { stdio: ["ignore", "pipe", "inherit"] },
)
const [addr] = await once(sink.stdout.setEncoding("utf8"), "data")
flowscope.init({ addr: addr.trim(), sessionId: "bench" })

const ways = {
  flowscope: () => {
    for (let i = 0; i < SPANS; i++) flowscope.trace("operation", { input }, () => i)
  },
  opentelemetry: () => {
    for (let i = 0; i < SPANS; i++) {
      tracer.startActiveSpan("operation", (span) => {
        span.setAttribute("input", JSON.stringify(input))
        span.setAttribute("output", i)
        span.end()
      })
    }
  },
}
const times = { flowscope: [], opentelemetry: [] }
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, way] of Object.entries(ways)) {
    // All that the program's thread does for them, also later: handing over, exporting.
    const begun = performance.eventLoopUtilization()
    way()
    await new Promise((resolve) => setTimeout(resolve, 40))
    times[name].push((performance.eventLoopUtilization(begun).active * 1000) / SPANS)
  }
}
// The fastest quarter: what else the machine does only ever adds.
const typical = (name) => times[name].sort((one, other) => one - other)[Math.floor(ROUNDS / 8)]
const [ours, theirs] = [typical("flowscope"), typical("opentelemetry")]
console.log(`span, ${JSON.stringify(input).length}-byte input: flowscope ${ours.toFixed(2)} us, opentelemetry ${theirs.toFixed(2)} us, share ${(ours / theirs).toFixed(2)}`)
await flowscope.shutdown(0.2)
sink.kill()
