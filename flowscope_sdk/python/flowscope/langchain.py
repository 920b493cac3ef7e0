"""LangChain's classes, traced: `from flowscope.langchain import LLMChain` in the place of LangChain's own import."""

from flowscope._replacement import replace

_WHERE = {
    ("langchain_classic.chains", "langchain.chains"): """
        AnalyzeDocumentChain APIChain ConstitutionalChain ConversationalRetrievalChain
        ConversationChain create_history_aware_retriever create_retrieval_chain
        create_sql_query_chain FlareChain HypotheticalDocumentEmbedder LLMChain LLMCheckerChain
        LLMMathChain LLMRouterChain LLMSummarizationCheckerChain MapReduceChain
        MapReduceDocumentsChain MapRerankDocumentsChain MultiPromptChain MultiRetrievalQAChain
        OpenAIModerationChain QAGenerationChain QAWithSourcesChain ReduceDocumentsChain
        RefineDocumentsChain RetrievalQA RetrievalQAWithSourcesChain RouterChain SequentialChain
        SimpleSequentialChain StuffDocumentsChain TransformChain
    """,
    ("langchain_classic.chains.combine_documents", "langchain.chains.combine_documents"): """
        create_stuff_documents_chain
    """,
    ("langchain_classic.chains.base", "langchain.chains.base"): """
        Chain
    """,
    ("langchain_classic.agents", "langchain.agents"): """
        Agent AgentExecutor AgentType ConversationalAgent ConversationalChatAgent
        create_json_chat_agent create_openai_functions_agent create_openai_tools_agent
        create_react_agent create_self_ask_with_search_agent create_structured_chat_agent
        create_tool_calling_agent create_xml_agent initialize_agent LLMSingleActionAgent
        ZeroShotAgent
    """,
    ("langchain_classic.memory", "langchain.memory"): """
        CombinedMemory ConversationBufferMemory ConversationBufferWindowMemory
        ConversationEntityMemory ConversationSummaryBufferMemory ConversationSummaryMemory
        ConversationTokenBufferMemory ReadOnlySharedMemory SimpleMemory VectorStoreRetrieverMemory
    """,
    ("langchain_classic.retrievers", "langchain.retrievers"): """
        ContextualCompressionRetriever EnsembleRetriever MergerRetriever MultiQueryRetriever
        MultiVectorRetriever ParentDocumentRetriever SelfQueryRetriever
        TimeWeightedVectorStoreRetriever
    """,
    ("langchain.agents",): """
        create_agent
    """,
    ("langchain.chat_models",): """
        init_chat_model
    """,
    ("langchain_classic.chains.question_answering", "langchain.chains.question_answering"): """
        load_qa_chain
    """,
    ("langchain_classic.chains.summarize", "langchain.chains.summarize"): """
        load_summarize_chain
    """,
    ("langchain_core.chat_history",): """
        BaseChatMessageHistory InMemoryChatMessageHistory
    """,
    ("langchain_core.documents",): """
        Document
    """,
    ("langchain_core.embeddings",): """
        Embeddings
    """,
    ("langchain_core.language_models",): """
        BaseChatModel BaseLanguageModel BaseLLM FakeListChatModel FakeListLLM GenericFakeChatModel
        LLM
    """,
    ("langchain_core.messages",): """
        AIMessage AIMessageChunk AnyMessage BaseMessage HumanMessage SystemMessage ToolCall
        ToolMessage trim_messages
    """,
    ("langchain_core.output_parsers",): """
        BaseOutputParser CommaSeparatedListOutputParser JsonOutputParser PydanticOutputParser
        StrOutputParser XMLOutputParser
    """,
    ("langchain_core.prompts",): """
        ChatPromptTemplate FewShotChatMessagePromptTemplate FewShotPromptTemplate
        HumanMessagePromptTemplate MessagesPlaceholder PromptTemplate SystemMessagePromptTemplate
    """,
    ("langchain_core.retrievers",): """
        BaseRetriever
    """,
    ("langchain_core.runnables",): """
        ConfigurableField Runnable RunnableBranch RunnableConfig RunnableGenerator RunnableLambda
        RunnableParallel RunnablePassthrough RunnableSequence RunnableSerializable
        RunnableWithFallbacks
    """,
    ("langchain_core.runnables.history",): """
        RunnableWithMessageHistory
    """,
    ("langchain_core.tools",): """
        BaseTool StructuredTool Tool tool
    """,
    ("langchain_core.vectorstores",): """
        InMemoryVectorStore VectorStore VectorStoreRetriever
    """,
    ("langchain_text_splitters", "langchain.text_splitter"): """
        CharacterTextSplitter MarkdownHeaderTextSplitter RecursiveCharacterTextSplitter TextSplitter
        TokenTextSplitter
    """,
    ("langgraph.checkpoint.memory",): """
        InMemorySaver MemorySaver
    """,
    ("langgraph.graph",): """
        add_messages END MessagesState START StateGraph
    """,
    ("langgraph.prebuilt",): """
        InjectedState ToolNode tools_condition
    """,
    ("langgraph.types",): """
        Command interrupt Send
    """,
}

__getattr__, __dir__ = replace(__name__, "langchain", "LangChain", "langchain_core", "langchain", _WHERE)
