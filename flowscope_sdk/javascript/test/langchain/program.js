// One LangChain.js program in both module systems, and the tree that LangChain's own collector makes of it.
const MODULES = {
  testing: "@langchain/core/utils/testing",
  prompts: "@langchain/core/prompts",
  parsers: "@langchain/core/output_parsers",
  runnables: "@langchain/core/runnables",
  tools: "@langchain/core/tools",
  collector: "@langchain/core/tracers/run_collector",
  messages: "@langchain/core/messages",
  chains: "@langchain/classic/chains",
  langgraph: "@langchain/langgraph",
  zod: "zod",
}

const BODY = `
const { FakeListChatModel, FakeStreamingLLM, FakeRetriever } = testing
const seen = new collector.RunCollectorCallbackHandler()
const said = []
const config = { callbacks: [seen] }
const model = new FakeListChatModel({ responses: ["one", "two", "three"] })
const chain = prompts.PromptTemplate.fromTemplate("say {x}").pipe(model).pipe(new parsers.StringOutputParser())
said.push(await chain.invoke({ x: "hi" }, config))
for await (const piece of await chain.stream({ x: "s" }, config)) said.push(piece)
said.push(await chain.batch([{ x: 1 }, { x: 2 }], config))
said.push(await runnables.RunnableMap.from({ a: () => 1, b: chain }).invoke({ x: 3 }, config))
said.push(await new chains.LLMChain({ llm: model, prompt: prompts.PromptTemplate.fromTemplate("q {a}") }).invoke({ a: 1 }, config))
said.push(await new chains.ConversationChain({ llm: model }).invoke({ input: "hello" }, config))
said.push(await chains.RetrievalQAChain.fromLLM(model, new FakeRetriever()).invoke({ query: "what" }, config))
said.push(await new FakeStreamingLLM({ responses: ["text"] }).invoke("plain", config))
const add = tools.tool(({ a, b }) => a + b, { name: "add", description: "adds", schema: zod.z.object({ a: zod.z.number(), b: zod.z.number() }) })
said.push(await add.invoke({ a: 1, b: 2 }, config))
const State = langgraph.Annotation.Root({ n: langgraph.Annotation() })
const inner = new langgraph.StateGraph(State).addNode("deep", async (state) => ({ n: state.n + 1 })).addEdge(langgraph.START, "deep").addEdge("deep", langgraph.END).compile()
const graph = new langgraph.StateGraph(State)
  .addNode("plus", async (state) => ({ n: state.n + (await add.invoke({ a: 1, b: 1 })) }))
  .addNode("sub", inner)
  .addEdge(langgraph.START, "plus").addEdge("plus", "sub").addEdge("sub", langgraph.END).compile()
said.push(await graph.invoke({ n: 1 }, config))
const broken = runnables.RunnableLambda.from(() => { throw new Error("bad") }).withConfig({ runName: "broken" })
try { await chain.pipe(broken).invoke({ x: 1 }, config) } catch (error) { said.push(error.message) }
const shape = (run) => [run.name, run.run_type, run.error ? "error" : "success", run.child_runs.map(shape)]
console.log(JSON.stringify({ said, tree: seen.tracedRuns.map(shape) }))
`

/** The program, with a line before everything else; `chains` is where the legacy chains stand. */
export function langchainProgram(form, first = "", chains = MODULES.chains) {
  const modules = Object.entries({ ...MODULES, chains })
  if (form === "esm") {
    const imports = modules.map(([name, from]) => `import * as ${name} from "${from}"`)
    return `${first}\n${imports.join("\n")}\n${BODY}`
  }
  const requires = modules.map(([name, from]) => `const ${name} = require("${from}")`)
  return `${first.startsWith("late") ? "" : first}\n${requires.join("\n")}\n${first.startsWith("late") ? first.slice(5) : ""}\n;(async () => {${BODY}})()`
}

/** The tree of records in the same form, in the order of their starts. */
export function shapes(records, parent = null) {
  const types = { agent: "chain" }
  return records
    .filter((each) => each.parent_id === parent)
    .map((each) => [each.operation, types[each.metadata["flowscope.kind"]] ?? each.metadata["flowscope.kind"], each.status, shapes(records, each.id)])
}

/** A tree in an order that does not depend on which of parallel branches began first. */
export function sorted(tree) {
  const below = tree.map(([name, type, status, inner]) => [name, type, status, sorted(inner)])
  return below.sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1))
}
