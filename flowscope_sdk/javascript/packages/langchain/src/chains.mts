/** LangChain's chains as they are, traced. */

import "./traced.mjs"
export * from "@langchain/classic/chains"
