"""Parts of LangChain programs that are the same from its oldest supported version to the newest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.language_models.llms import LLM
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, GenerationChunk
from langchain_core.retrievers import BaseRetriever
from versions import release

import flowscope


def inside(name: str) -> None:
    """A span made by hand."""
    with flowscope.trace(name):
        pass


# Up to 0.1.31 a model told LangChain of its tokens, since then LangChain sees them.
OLD_STREAMS = release("langchain-core") < (0, 1, 32)


class Chat(BaseChatModel):
    """Answers with its replies in turn, word by word when it streams; a span of its own stands for its request."""

    replies: list[Any] = []  # noqa: RUF012 - a pydantic field
    turns: list[int] = []  # noqa: RUF012
    breaks: bool = False

    @property
    def _llm_type(self) -> str:
        return "chat"

    def _next(self) -> BaseMessage:
        if self.breaks:
            raise ConnectionError("reset")
        self.turns.append(1)
        reply = self.replies[(len(self.turns) - 1) % len(self.replies)]
        return reply if isinstance(reply, BaseMessage) else AIMessage(content=reply)

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=[{"type": "function", "function": {"name": each.name}} for each in tools])

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._next())])


class StreamingChat(Chat):
    """Streams its text."""

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Iterator[Any]:
        for word in str(self._next().content).split(" "):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))
            if run_manager and OLD_STREAMS:
                run_manager.on_llm_new_token(chunk.message.content, chunk=chunk)
            yield chunk

    async def _astream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        for word in str(self._next().content).split(" "):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))
            if run_manager and OLD_STREAMS:
                await run_manager.on_llm_new_token(chunk.message.content, chunk=chunk)
            yield chunk


class Text(LLM):
    """Completes every text with the same words."""

    reply: str = "a pun"

    @property
    def _llm_type(self) -> str:
        return "text"

    def _call(self, prompt: str, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> str:
        return self.reply


class StreamingText(Text):
    """Streams its words."""

    def _stream(self, prompt: str, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Iterator[Any]:
        for word in self.reply.split(" "):
            chunk = GenerationChunk(text=f"{word} ")
            if run_manager and OLD_STREAMS:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk


class Vectors(Embeddings):
    """Three numbers a text."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(len(text)), 0.5, 1.0] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


class Trees(BaseRetriever):
    """Finds two trees, by their vectors."""

    vectors: Any = None

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        if self.vectors is not None:
            self.vectors.embed_query(query)
        inside("query")
        return [Document(page_content=text, metadata={"source": f"{text}.md"}) for text in ("oak", "elm")]


def chat(*replies: Any) -> StreamingChat:
    """A chat model with these replies."""
    return StreamingChat(replies=list(replies), turns=[])
