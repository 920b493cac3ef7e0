/** LangGraph as it is, traced. */

import "./traced.mjs"
export * from "@langchain/langgraph"
