/** LangChain's chains as they are, traced. */

import "./traced.js"
export * from "@langchain/classic/chains"
