"""LlamaIndex's streams: what waits for one ends with it, however it is read, and grows while it is.

`make test` runs this with the newest LlamaIndex, `make matrix` with older ones, where what a version lacks is skipped.
"""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from llama_index.core import VectorStoreIndex
from llamaindex_parts import ANSWER, assert_whole, path

pytestmark = [
    pytest.mark.usefixtures("llamaindex_mocks"),
    pytest.mark.filterwarnings("ignore"),  # LlamaIndex's own, of many versions
]


def test_a_streamed_query_ends_with_its_stream(index: VectorStoreIndex, traced: Any) -> None:
    response = index.as_query_engine(streaming=True).query("which wood?")
    assert "RetrieverQueryEngine.query" in traced.trace().pending()
    assert "".join(response.response_gen).strip() == ANSWER
    trace = traced.trace()
    assert_whole(trace)
    assert path(trace, "MockLLM.stream_complete")[:2] == [
        "chain RetrieverQueryEngine.query",
        "chain CompactAndRefine.synthesize",
    ]
    assert trace.roots[0].output["response"].strip() == ANSWER
    assert trace.one("MockLLM.stream_complete").metadata["flowscope.first_token_ns"] > 0


@pytest.mark.parametrize("mode", ["compact", "tree_summarize", "refine", "simple_summarize"])
def test_streams_of_every_synthesizer_end(mode: str, index: VectorStoreIndex, traced: Any) -> None:
    response = index.as_query_engine(streaming=True, response_mode=mode).query("which wood?")
    assert str(response)
    assert_whole(traced.trace())


def test_an_async_streamed_query_ends_with_its_stream(index: VectorStoreIndex, traced: Any) -> None:
    async def run() -> str:
        response = await index.as_query_engine(streaming=True).aquery("which wood?")
        return "".join([piece async for piece in response.async_response_gen()])

    assert asyncio.run(run()).strip() == ANSWER
    trace = traced.trace()
    assert_whole(trace)
    assert trace.roots[0].output["response"].strip() == ANSWER
    assert path(trace, "MockLLM.astream_complete")[0] == "chain RetrieverQueryEngine.aquery"


def test_a_streamed_query_that_nobody_reads_does_not_stay_pending(index: VectorStoreIndex, traced: Any) -> None:
    response = index.as_query_engine(streaming=True).query("which wood?")
    del response
    gc.collect()
    assert traced.trace().pending() == []


def test_a_streamed_query_that_is_left_midway_does_not_stay_pending(index: VectorStoreIndex, traced: Any) -> None:
    response = index.as_query_engine(streaming=True).query("which wood?")
    next(response.response_gen)
    response.response_gen.close()
    del response
    gc.collect()
    trace = traced.trace()
    assert trace.pending() == []
    assert {span.status for span in trace.spans.values()} == {"success"}
    assert trace.one("MockLLM.stream_complete").metadata["flowscope.stream.abandoned"] is True


MODES = ["simple", "context", "condense_question", "condense_plus_context"]


@pytest.mark.parametrize("mode", MODES)
def test_a_streaming_chat_engine_leaves_nothing_pending(mode: str, index: VectorStoreIndex, traced: Any) -> None:
    engine = index.as_chat_engine(chat_mode=mode)
    for question in ("which wood?", "and why?"):
        assert "".join(engine.stream_chat(question).response_gen).strip() == ANSWER
    trace = traced.trace()
    assert_whole(trace)
    assert len(trace.roots) == 2
    for root in trace.roots:
        assert root.operation.endswith("ChatEngine.stream_chat")
        assert root.output["response"].strip() == ANSWER
        models = [span for span in trace.spans.values() if span.kind == "llm"]
        assert models
    if "context" in mode:
        assert "retriever VectorIndexRetriever.retrieve" in [
            f"{child.kind} {child.operation}" for child in trace.roots[0].children
        ]


@pytest.mark.parametrize("mode", MODES)
def test_an_async_streaming_chat_engine_leaves_nothing_pending(mode: str, index: VectorStoreIndex, traced: Any) -> None:
    async def run() -> str:
        engine = index.as_chat_engine(chat_mode=mode)
        response = await engine.astream_chat("which wood?")
        return "".join([piece async for piece in response.async_response_gen()])

    assert asyncio.run(run()).strip() == ANSWER
    assert_whole(traced.trace())


def test_a_streamed_answer_grows_up_to_the_question(index: VectorStoreIndex, traced: Any) -> None:
    response = index.as_query_engine(streaming=True).query("which wood?")
    pieces = iter(response.response_gen)
    next(pieces)
    next(pieces)
    trace = traced.trace()
    root, model = trace.roots[0], trace.one("MockLLM.stream_complete")
    assert (root.status, model.status) == ("pending", "pending")
    assert root.output.split() == model.output.split() == ["text", "text"]
    list(pieces)
    assert_whole(traced.trace())
