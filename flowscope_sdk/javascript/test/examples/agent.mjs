import { AIMessage, HumanMessage } from "@langchain/core/messages"
import { BaseChatModel } from "@langchain/core/language_models/chat_models"
import { tool } from "@langchain/core/tools"
import { MemorySaver } from "@langchain/langgraph"
import { createReactAgent } from "@langchain/langgraph/prebuilt"
import { z } from "zod"

class ScriptedModel extends BaseChatModel {
  _llmType() {
    return "scripted"
  }
  bindTools() {
    return this
  }
  async _generate(messages) {
    const last = messages.at(-1)
    const message = last.getType() === "tool"
      ? new AIMessage(`It is ${last.content}`)
      : new AIMessage({ content: "", tool_calls: [{ id: "call-1", name: "get_weather", args: { city: "sf" } }] })
    return { generations: [{ text: message.text, message }] }
  }
}

const getWeather = tool(({ city }) => (city === "sf" ? "60 degrees and foggy" : "90 degrees and sunny"), {
  name: "get_weather",
  description: "Call to get the current weather.",
  schema: z.object({ city: z.string() }),
})

const agent = createReactAgent({ llm: new ScriptedModel({}), tools: [getWeather], checkpointer: new MemorySaver() })
const config = { configurable: { thread_id: "42" } }
for await (const step of await agent.stream({ messages: [new HumanMessage("what is the weather in sf")] }, { ...config, streamMode: "values" })) {
  const last = step.messages.at(-1)
  console.log(`${last.getType()}: ${last.text || last.tool_calls.map((call) => call.name)}`)
}
console.log((await agent.getState(config)).values.messages.length)
