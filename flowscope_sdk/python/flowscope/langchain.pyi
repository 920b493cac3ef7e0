"""What a type checker sees: LangChain's own classes, as langchain 1.x has them (the chains are langchain-classic's)."""

from langchain.agents import create_agent as create_agent
from langchain.chat_models import init_chat_model as init_chat_model
from langchain_classic.agents.agent import Agent as Agent
from langchain_classic.agents.agent import AgentExecutor as AgentExecutor
from langchain_classic.agents.agent_types import AgentType as AgentType
from langchain_classic.agents.initialize import initialize_agent as initialize_agent
from langchain_classic.agents.json_chat.base import create_json_chat_agent as create_json_chat_agent
from langchain_classic.agents.openai_functions_agent.base import (
    create_openai_functions_agent as create_openai_functions_agent,
)
from langchain_classic.agents.openai_tools.base import create_openai_tools_agent as create_openai_tools_agent
from langchain_classic.agents.react.agent import create_react_agent as create_react_agent
from langchain_classic.agents.self_ask_with_search.base import (
    create_self_ask_with_search_agent as create_self_ask_with_search_agent,
)
from langchain_classic.agents.structured_chat.base import create_structured_chat_agent as create_structured_chat_agent
from langchain_classic.agents.tool_calling_agent.base import create_tool_calling_agent as create_tool_calling_agent
from langchain_classic.agents.xml.base import create_xml_agent as create_xml_agent
from langchain_classic.chains.api.base import APIChain as APIChain
from langchain_classic.chains.base import Chain as Chain
from langchain_classic.chains.combine_documents.base import AnalyzeDocumentChain as AnalyzeDocumentChain
from langchain_classic.chains.combine_documents.map_reduce import MapReduceDocumentsChain as MapReduceDocumentsChain
from langchain_classic.chains.combine_documents.map_rerank import MapRerankDocumentsChain as MapRerankDocumentsChain
from langchain_classic.chains.combine_documents.reduce import ReduceDocumentsChain as ReduceDocumentsChain
from langchain_classic.chains.combine_documents.refine import RefineDocumentsChain as RefineDocumentsChain
from langchain_classic.chains.combine_documents.stuff import StuffDocumentsChain as StuffDocumentsChain
from langchain_classic.chains.combine_documents.stuff import (
    create_stuff_documents_chain as create_stuff_documents_chain,
)
from langchain_classic.chains.constitutional_ai.base import ConstitutionalChain as ConstitutionalChain
from langchain_classic.chains.conversation.base import ConversationChain as ConversationChain
from langchain_classic.chains.conversational_retrieval.base import (
    ConversationalRetrievalChain as ConversationalRetrievalChain,
)
from langchain_classic.chains.flare.base import FlareChain as FlareChain
from langchain_classic.chains.history_aware_retriever import (
    create_history_aware_retriever as create_history_aware_retriever,
)
from langchain_classic.chains.hyde.base import HypotheticalDocumentEmbedder as HypotheticalDocumentEmbedder
from langchain_classic.chains.llm import LLMChain as LLMChain
from langchain_classic.chains.llm_checker.base import LLMCheckerChain as LLMCheckerChain
from langchain_classic.chains.llm_math.base import LLMMathChain as LLMMathChain
from langchain_classic.chains.llm_summarization_checker.base import (
    LLMSummarizationCheckerChain as LLMSummarizationCheckerChain,
)
from langchain_classic.chains.mapreduce import MapReduceChain as MapReduceChain
from langchain_classic.chains.moderation import OpenAIModerationChain as OpenAIModerationChain
from langchain_classic.chains.qa_generation.base import QAGenerationChain as QAGenerationChain
from langchain_classic.chains.qa_with_sources.base import QAWithSourcesChain as QAWithSourcesChain
from langchain_classic.chains.qa_with_sources.retrieval import (
    RetrievalQAWithSourcesChain as RetrievalQAWithSourcesChain,
)
from langchain_classic.chains.retrieval import create_retrieval_chain as create_retrieval_chain
from langchain_classic.chains.retrieval_qa.base import RetrievalQA as RetrievalQA
from langchain_classic.chains.router.base import RouterChain as RouterChain
from langchain_classic.chains.router.llm_router import LLMRouterChain as LLMRouterChain
from langchain_classic.chains.router.multi_prompt import MultiPromptChain as MultiPromptChain
from langchain_classic.chains.router.multi_retrieval_qa import MultiRetrievalQAChain as MultiRetrievalQAChain
from langchain_classic.chains.sequential import SequentialChain as SequentialChain
from langchain_classic.chains.sequential import SimpleSequentialChain as SimpleSequentialChain
from langchain_classic.chains.sql_database.query import create_sql_query_chain as create_sql_query_chain
from langchain_classic.chains.transform import TransformChain as TransformChain
from langchain_classic.memory.buffer import ConversationBufferMemory as ConversationBufferMemory
from langchain_classic.memory.buffer_window import ConversationBufferWindowMemory as ConversationBufferWindowMemory
from langchain_classic.memory.combined import CombinedMemory as CombinedMemory
from langchain_classic.memory.entity import ConversationEntityMemory as ConversationEntityMemory
from langchain_classic.memory.readonly import ReadOnlySharedMemory as ReadOnlySharedMemory
from langchain_classic.memory.simple import SimpleMemory as SimpleMemory
from langchain_classic.memory.summary import ConversationSummaryMemory as ConversationSummaryMemory
from langchain_classic.memory.summary_buffer import ConversationSummaryBufferMemory as ConversationSummaryBufferMemory
from langchain_classic.memory.token_buffer import ConversationTokenBufferMemory as ConversationTokenBufferMemory
from langchain_classic.memory.vectorstore import VectorStoreRetrieverMemory as VectorStoreRetrieverMemory
from langchain_classic.retrievers.contextual_compression import (
    ContextualCompressionRetriever as ContextualCompressionRetriever,
)
from langchain_classic.retrievers.ensemble import EnsembleRetriever as EnsembleRetriever
from langchain_classic.retrievers.merger_retriever import MergerRetriever as MergerRetriever
from langchain_classic.retrievers.multi_query import MultiQueryRetriever as MultiQueryRetriever
from langchain_classic.retrievers.multi_vector import MultiVectorRetriever as MultiVectorRetriever
from langchain_classic.retrievers.parent_document_retriever import ParentDocumentRetriever as ParentDocumentRetriever
from langchain_classic.retrievers.self_query.base import SelfQueryRetriever as SelfQueryRetriever
from langchain_classic.retrievers.time_weighted_retriever import (
    TimeWeightedVectorStoreRetriever as TimeWeightedVectorStoreRetriever,
)
from langchain_core.documents import Document as Document
from langchain_core.embeddings import Embeddings as Embeddings
from langchain_core.language_models import LLM as LLM
from langchain_core.language_models import BaseChatModel as BaseChatModel
from langchain_core.language_models import BaseLLM as BaseLLM
from langchain_core.messages import AIMessage as AIMessage
from langchain_core.messages import AIMessageChunk as AIMessageChunk
from langchain_core.messages import BaseMessage as BaseMessage
from langchain_core.messages import HumanMessage as HumanMessage
from langchain_core.messages import SystemMessage as SystemMessage
from langchain_core.messages import ToolMessage as ToolMessage
from langchain_core.output_parsers import BaseOutputParser as BaseOutputParser
from langchain_core.output_parsers import CommaSeparatedListOutputParser as CommaSeparatedListOutputParser
from langchain_core.output_parsers import JsonOutputParser as JsonOutputParser
from langchain_core.output_parsers import PydanticOutputParser as PydanticOutputParser
from langchain_core.output_parsers import StrOutputParser as StrOutputParser
from langchain_core.prompts import ChatPromptTemplate as ChatPromptTemplate
from langchain_core.prompts import FewShotChatMessagePromptTemplate as FewShotChatMessagePromptTemplate
from langchain_core.prompts import FewShotPromptTemplate as FewShotPromptTemplate
from langchain_core.prompts import HumanMessagePromptTemplate as HumanMessagePromptTemplate
from langchain_core.prompts import MessagesPlaceholder as MessagesPlaceholder
from langchain_core.prompts import PromptTemplate as PromptTemplate
from langchain_core.prompts import SystemMessagePromptTemplate as SystemMessagePromptTemplate
from langchain_core.retrievers import BaseRetriever as BaseRetriever
from langchain_core.runnables import Runnable as Runnable
from langchain_core.runnables import RunnableBranch as RunnableBranch
from langchain_core.runnables import RunnableConfig as RunnableConfig
from langchain_core.runnables import RunnableGenerator as RunnableGenerator
from langchain_core.runnables import RunnableLambda as RunnableLambda
from langchain_core.runnables import RunnableParallel as RunnableParallel
from langchain_core.runnables import RunnablePassthrough as RunnablePassthrough
from langchain_core.runnables import RunnableSequence as RunnableSequence
from langchain_core.runnables.history import RunnableWithMessageHistory as RunnableWithMessageHistory
from langchain_core.tools import BaseTool as BaseTool
from langchain_core.tools import StructuredTool as StructuredTool
from langchain_core.tools import Tool as Tool
from langchain_core.tools import tool as tool
from langchain_core.vectorstores import InMemoryVectorStore as InMemoryVectorStore
from langchain_core.vectorstores import VectorStore as VectorStore
from langgraph.graph import END as END
from langgraph.graph import START as START
from langgraph.graph import MessagesState as MessagesState
from langgraph.graph import StateGraph as StateGraph
from langgraph.graph import add_messages as add_messages
from langgraph.prebuilt import ToolNode as ToolNode
from langgraph.prebuilt import tools_condition as tools_condition
