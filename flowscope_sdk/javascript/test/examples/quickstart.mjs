import { ChatPromptTemplate } from "@langchain/core/prompts"
import { StringOutputParser } from "@langchain/core/output_parsers"
import { FakeListChatModel } from "@langchain/core/utils/testing"

const prompt = ChatPromptTemplate.fromMessages([
  ["system", "You translate English to {language}."],
  ["human", "{text}"],
])
const model = new FakeListChatModel({ responses: ["J'adore la programmation."] })
const chain = prompt.pipe(model).pipe(new StringOutputParser())

for await (const chunk of await chain.stream({ language: "French", text: "I love programming." })) process.stdout.write(chunk)
console.log()
