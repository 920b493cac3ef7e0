"""Kind and status of a span; the numbers are what the store keeps, so they never change meaning."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """A span's status: those of the Universal Trace Format, and what became of a pending span whose program died."""

    PENDING = 0
    SUCCESS = 1
    ERROR = 2
    ABANDONED = 3


class Kind(IntEnum):
    """What sort of work a span is (`flowscope.kind`)."""

    OTHER = 0
    LLM = 1
    CHAIN = 2
    TOOL = 3
    RETRIEVER = 4
    EMBEDDING = 5
    AGENT = 6
    TASK = 7
    HTTP = 8
    RERANKER = 9
    PROMPT = 10
    PARSER = 11
    WORKFLOW = 12

    @property
    def label(self) -> str:
        """The name as it is written and searched for."""
        return self.name.lower()

    @staticmethod
    def of(text: object) -> Kind:
        """The kind named by `text`, in any case and by the names other tools use; unknown is `OTHER`."""
        return _BY_NAME.get(text.lower(), Kind.OTHER) if isinstance(text, str) else Kind.OTHER


_BY_NAME: dict[str, Kind] = {kind.label: kind for kind in Kind} | {
    "chat": Kind.LLM,
    "chat_model": Kind.LLM,
    "completion": Kind.LLM,
    "text_completion": Kind.LLM,
    "generate_content": Kind.LLM,
    "generation": Kind.LLM,
    "embeddings": Kind.EMBEDDING,
    "retrieval": Kind.RETRIEVER,
    "execute_tool": Kind.TOOL,
    "function": Kind.TOOL,
    "invoke_agent": Kind.AGENT,
    "create_agent": Kind.AGENT,
    "invoke_workflow": Kind.WORKFLOW,
    "custom": Kind.OTHER,
    "span": Kind.OTHER,
    "rerank": Kind.RERANKER,
    "server": Kind.HTTP,
    "client": Kind.HTTP,
}
