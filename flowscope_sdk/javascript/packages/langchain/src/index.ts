/** LangChain, its chains included, as it is and traced. */

import "./traced.js"
export * from "langchain"
export * from "@langchain/classic/chains"
