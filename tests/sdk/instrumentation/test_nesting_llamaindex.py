"""Spans made by hand, LangChain's and LlamaIndex's stand inside one another, and LlamaIndex's streams leak none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from llama_index.core import Document as Page
from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.base.llms.types import CompletionResponse, LLMMetadata
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms import CustomLLM, MockLLM
from llama_index.core.llms.callbacks import llm_completion_callback

import flowscope


def inside(name: str = "inside") -> None:
    with flowscope.trace(name):
        pass


class Completer(CustomLLM):
    """A LlamaIndex model that makes spans of its own."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata()

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        inside("request")
        answer = RunnableLambda(lambda x: x, name="langchain in llamaindex").invoke("fine")
        return CompletionResponse(text=answer)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        def stream() -> Iterator[CompletionResponse]:
            yield self.complete(prompt)

        return stream()


def engine(llm: Any, **options: Any) -> Any:
    index = VectorStoreIndex.from_documents([Page(text="oak")], embed_model=MockEmbedding(embed_dim=4))
    return index.as_query_engine(llm=llm, **options)


def test_llamaindex_inside_langchain_inside_a_manual_span_and_back(traced: Any) -> None:
    ask = engine(Completer())
    traced.trace()
    traced.records.clear()
    with flowscope.trace("outside"):
        RunnableLambda(lambda q: str(ask.query(q)), name="langchain").invoke("wood?")
        assert flowscope.current_span().operation == "outside"
    trace = traced.trace()
    assert [root.operation for root in trace.roots] == ["outside"]
    assert trace.parent(trace.one("RetrieverQueryEngine.query")).operation == "langchain"
    model = trace.one("Completer.complete")
    assert [child.operation for child in model.children] == ["request", "langchain in llamaindex"]


def test_reading_a_llamaindex_stream_does_not_leak_into_the_reader(traced: Any) -> None:
    response = engine(MockLLM(max_tokens=3), streaming=True).query("wood?")
    with flowscope.trace("outside"):
        for _ in response.response_gen:
            inside("by the reader")
            assert flowscope.current_span().operation == "outside"
    assert flowscope.current_span() is None
    trace = traced.trace()
    assert not trace.pending()
    assert {trace.parent(span).operation for span in trace.named("by the reader")} == {"outside"}


def test_async_llamaindex_calls_at_once_keep_apart(traced: Any) -> None:
    ask = engine(MockLLM(max_tokens=2))

    async def one(n: int) -> None:
        async with flowscope.trace(f"question {n}"):
            await ask.aquery(f"wood {n}?")

    async def both() -> None:
        await asyncio.gather(one(1), one(2))

    asyncio.run(both())
    trace = traced.trace()
    for n in (1, 2):
        (query,) = trace.one(f"question {n}").children
        assert query.operation == "RetrieverQueryEngine.aquery"
        assert query.input == {"query": f"wood {n}?"}
        assert len(query.named("MockLLM.acomplete")) == 1


@pytest.fixture(autouse=True)
def _llamaindex_settings() -> Iterator[None]:
    Settings.llm, Settings.embed_model = MockLLM(), MockEmbedding(embed_dim=4)
    yield
