/** LangGraph as it is, traced. */

import "./traced.js"
export * from "@langchain/langgraph"
