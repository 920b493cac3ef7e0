/** Traces the copy of LangChain that this package finds, as CommonJS; imported before anything of it. */

import "@flowscope/auto-langchain"
