// Asks the Python program behind it with fetch, for each request that comes in.
import { createServer } from "node:http"
import { trace } from "@flowscope/sdk"

const server = createServer(async (request, response) => {
  try {
    const text = await trace("summarise", { kind: "chain", input: request.url }, async () => {
      const answer = await fetch(`${process.argv[2]}/answer${request.url}`)
      if (!answer.ok) throw new Error(`the answer was ${answer.status}`)
      return await answer.text()
    })
    response.end(text)
  } catch {
    response.writeHead(502).end()
  }
})
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`))
process.once("SIGTERM", () => process.exit(0))
