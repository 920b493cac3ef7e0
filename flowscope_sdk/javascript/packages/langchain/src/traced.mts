/** Traces the copy of LangChain that this package finds, as ES modules: by the time this runs, they are loaded. */

import { instrument } from "@flowscope/auto-langchain"
import * as manager from "@langchain/core/callbacks/manager"
import * as chatModels from "@langchain/core/language_models/chat_models"
import * as llms from "@langchain/core/language_models/llms"
import * as retrievers from "@langchain/core/retrievers"
import * as singletons from "@langchain/core/singletons"

instrument("@langchain/core/dist/callbacks/manager", manager)
instrument("@langchain/core/dist/language_models/chat_models", chatModels)
instrument("@langchain/core/dist/language_models/llms", llms)
instrument("@langchain/core/dist/retrievers/index", retrievers)
instrument("@langchain/core/dist/singletons/async_local_storage/index", singletons)
