"""LlamaIndex's classes, traced: `from flowscope.llamaindex import VectorStoreIndex` in the place of its own import."""

from flowscope._replacement import replace

_WHERE = {
    ("llama_index.core",): """
        ChatPromptTemplate ComposableGraph Document DocumentSummaryIndex get_response_synthesizer
        KeywordTableIndex KnowledgeGraphIndex load_graph_from_storage load_index_from_storage
        load_indices_from_storage PromptHelper PromptTemplate PropertyGraphIndex QueryBundle
        Response Settings SimpleDirectoryReader SimpleKeywordTableIndex SQLDatabase StorageContext
        SummaryIndex TreeIndex VectorStoreIndex
    """,
    ("llama_index.core.agent",): """
        ReActAgent
    """,
    ("llama_index.core.agent.workflow",): """
        AgentWorkflow CodeActAgent FunctionAgent
    """,
    ("llama_index.core.base.base_query_engine",): """
        BaseQueryEngine
    """,
    ("llama_index.core.chat_engine",): """
        CondensePlusContextChatEngine CondenseQuestionChatEngine ContextChatEngine SimpleChatEngine
    """,
    ("llama_index.core.chat_engine.types",): """
        BaseChatEngine ChatMode
    """,
    ("llama_index.core.embeddings",): """
        BaseEmbedding MockEmbedding
    """,
    ("llama_index.core.extractors",): """
        KeywordExtractor QuestionsAnsweredExtractor SummaryExtractor TitleExtractor
    """,
    ("llama_index.core.ingestion",): """
        IngestionPipeline
    """,
    ("llama_index.core.llms",): """
        ChatMessage ChatResponse CompletionResponse CustomLLM ImageBlock LLM LLMMetadata MessageRole
        MockLLM TextBlock
    """,
    ("llama_index.core.memory",): """
        ChatMemoryBuffer ChatSummaryMemoryBuffer Memory
    """,
    ("llama_index.core.node_parser",): """
        HierarchicalNodeParser MarkdownNodeParser SemanticSplitterNodeParser SentenceSplitter
        SentenceWindowNodeParser TokenTextSplitter
    """,
    ("llama_index.core.objects",): """
        ObjectIndex
    """,
    ("llama_index.core.output_parsers",): """
        PydanticOutputParser
    """,
    ("llama_index.core.postprocessor",): """
        LLMRerank LongContextReorder MetadataReplacementPostProcessor SimilarityPostprocessor
    """,
    ("llama_index.core.program",): """
        FunctionCallingProgram LLMTextCompletionProgram
    """,
    ("llama_index.core.query_engine",): """
        CitationQueryEngine CustomQueryEngine MultiStepQueryEngine NLSQLTableQueryEngine
        RetrieverQueryEngine RouterQueryEngine SubQuestionQueryEngine TransformQueryEngine
    """,
    ("llama_index.core.response_synthesizers",): """
        ResponseMode
    """,
    ("llama_index.core.retrievers",): """
        AutoMergingRetriever BaseRetriever QueryFusionRetriever RecursiveRetriever RouterRetriever
        SummaryIndexRetriever VectorIndexRetriever
    """,
    ("llama_index.core.schema",): """
        BaseNode ImageNode IndexNode MetadataMode NodeWithScore TextNode
    """,
    ("llama_index.core.tools",): """
        BaseTool FunctionTool QueryEngineTool RetrieverTool ToolMetadata ToolOutput
    """,
    ("llama_index.core.vector_stores",): """
        ExactMatchFilter MetadataFilter MetadataFilters SimpleVectorStore
    """,
    ("llama_index.core.workflow",): """
        Context Event HumanResponseEvent InputRequiredEvent StartEvent step StopEvent Workflow
    """,
}

__getattr__, __dir__ = replace(__name__, "llamaindex", "LlamaIndex", "llama_index.core", "llama-index-core", _WHERE)
