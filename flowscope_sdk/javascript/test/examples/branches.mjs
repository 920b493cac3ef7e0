import { RunnableBranch, RunnableLambda, RunnableMap, RunnableSequence } from "@langchain/core/runnables"
import { PromptTemplate } from "@langchain/core/prompts"
import { CommaSeparatedListOutputParser } from "@langchain/core/output_parsers"
import { FakeLLM } from "@langchain/core/utils/testing"

const topics = new FakeLLM({ response: "red, green, blue" })
const list = PromptTemplate.fromTemplate("List three {subject}").pipe(topics).pipe(new CommaSeparatedListOutputParser())
const branch = RunnableBranch.from([
  [(items) => items.length > 2, RunnableLambda.from((items) => `many: ${items.join(" ")}`)],
  RunnableLambda.from((items) => `few: ${items.join(" ")}`),
])
const flaky = RunnableLambda.from((text) => { throw new Error(`can't say "${text}"`) }).withFallbacks([RunnableLambda.from((text) => text.toUpperCase())])
const chain = RunnableSequence.from([list, branch, RunnableMap.from({ loud: flaky, length: (text) => text.length })])
console.log(await chain.invoke({ subject: "colours" }))
console.log(await list.batch([{ subject: "primes" }, { subject: "cities" }]))
for await (const event of chain.streamEvents({ subject: "colours" }, { version: "v2" })) if (event.event === "on_chain_end" && !event.parent_ids?.length) console.log(event.name, event.data.output)
