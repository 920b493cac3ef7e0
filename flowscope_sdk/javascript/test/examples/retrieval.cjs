const { MemoryVectorStore } = require("@langchain/classic/vectorstores/memory")
const { FakeEmbeddings, FakeListChatModel } = require("@langchain/core/utils/testing")
const { ChatPromptTemplate } = require("@langchain/core/prompts")
const { RunnablePassthrough, RunnableSequence } = require("@langchain/core/runnables")
const { StringOutputParser } = require("@langchain/core/output_parsers")

async function main() {
  const store = await MemoryVectorStore.fromTexts(["mitochondria is the powerhouse of the cell", "buildings are made of brick"], [{}, {}], new FakeEmbeddings())
  const chain = RunnableSequence.from([
    { context: store.asRetriever().pipe((documents) => documents.map((each) => each.pageContent).join("\n")), question: new RunnablePassthrough() },
    ChatPromptTemplate.fromTemplate("Answer from this context:\n{context}\n\nQuestion: {question}"),
    new FakeListChatModel({ responses: ["The powerhouse of the cell."] }),
    new StringOutputParser(),
  ])
  console.log(await chain.invoke("What is the mitochondria?"))
}
main()
