"""LlamaIndex programs: the whole tree of a question, and streams that leave nothing pending."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.agent.workflow import ReActAgent
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, LLMMetadata
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms import CustomLLM, MockLLM
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.workflow import Event, StartEvent, StopEvent, Workflow, step

WORDS = 3


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    Settings.llm, Settings.embed_model = MockLLM(max_tokens=WORDS), MockEmbedding(embed_dim=4)
    yield


@pytest.fixture
def index(traced: Any) -> VectorStoreIndex:
    made = VectorStoreIndex.from_documents([Document(text="oak", doc_id="o"), Document(text="elm", doc_id="e")])
    traced.trace()
    traced.records.clear()
    return made


def path(trace: Any, operation: str) -> list[str]:
    """The kinds and operations from the root to the one span with this operation."""
    span = trace.one(operation)
    found = []
    while span is not None:
        found.append(f"{span.kind} {span.operation}")
        span = trace.parent(span)
    return found[::-1]


def assert_whole(trace: Any) -> None:
    assert trace.pending() == []
    assert {span.status for span in trace.spans.values()} == {"success"}
    assert {span.framework for span in trace.spans.values()} == {"llamaindex"}
    for span in trace.spans.values():
        for child in span.children:
            assert span.start_time <= child.start_time <= child.end_time <= span.end_time, child.operation


ANSWER = " ".join(["text"] * WORDS)


def test_a_query_engine_gives_the_whole_tree(index: VectorStoreIndex, traced: Any) -> None:
    index.as_query_engine().query("which wood?")
    trace = traced.trace()
    assert_whole(trace)
    (query,) = trace.roots
    assert query.operation == "RetrieverQueryEngine.query"
    assert query.input == {"query": "which wood?"}
    assert query.output["response"] == ANSWER
    assert [child.operation for child in query.children] == [
        "VectorIndexRetriever.retrieve",
        "CompactAndRefine.synthesize",
    ]
    assert path(trace, "MockEmbedding.get_query_embedding") == [
        "chain RetrieverQueryEngine.query",
        "retriever VectorIndexRetriever.retrieve",
        "embedding MockEmbedding.get_query_embedding",
    ]
    llm = path(trace, "MockLLM.complete")
    assert llm[:2] == ["chain RetrieverQueryEngine.query", "chain CompactAndRefine.synthesize"]
    assert llm[-1] == "llm MockLLM.complete"

    retrieve = trace.one("VectorIndexRetriever.retrieve")
    assert {document["content"] for document in retrieve.output["documents"]} == {"oak", "elm"}
    assert all("score" in document for document in retrieve.metadata["gen_ai.retrieval.documents"])
    assert trace.one("MockEmbedding.get_query_embedding").output == {"embeddings": 1, "dimensions": 4}
    model = trace.one("MockLLM.complete")
    assert "oak" in model.input["prompt"]
    assert model.output == {"text": ANSWER}


def test_an_async_query_gives_the_same_tree(index: VectorStoreIndex, traced: Any) -> None:
    asyncio.run(index.as_query_engine().aquery("which wood?"))
    trace = traced.trace()
    assert_whole(trace)
    assert path(trace, "MockEmbedding.aget_query_embedding")[0] == "chain RetrieverQueryEngine.aquery"
    assert path(trace, "MockLLM.acomplete")[:2] == [
        "chain RetrieverQueryEngine.aquery",
        "chain CompactAndRefine.asynthesize",
    ]


def test_a_streamed_query_ends_with_its_stream(index: VectorStoreIndex, traced: Any) -> None:
    response = index.as_query_engine(streaming=True).query("which wood?")
    assert "RetrieverQueryEngine.query" in traced.trace().pending()
    assert "".join(response.response_gen) == ANSWER
    trace = traced.trace()
    assert_whole(trace)
    assert path(trace, "MockLLM.stream_complete")[:2] == [
        "chain RetrieverQueryEngine.query",
        "chain CompactAndRefine.synthesize",
    ]
    assert trace.roots[0].output["response"] == ANSWER
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

    assert asyncio.run(run()) == ANSWER
    trace = traced.trace()
    assert_whole(trace)
    assert trace.roots[0].output["response"] == ANSWER
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


class Model(CustomLLM):
    """A chat model with a provider's answer, which can break in the middle."""

    breaks: bool = False
    temperature: float = 0.5
    turns: int = 0

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=True, model_name="wood-1")

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        response = self.chat([ChatMessage(content=prompt)])
        return CompletionResponse(text=response.message.content or "", raw=response.raw)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        for response in self.stream_chat([ChatMessage(content=prompt)]):
            yield CompletionResponse(text=response.message.content or "", delta=response.delta)

    @llm_chat_callback()
    def chat(self, messages: Any, **kwargs: Any) -> ChatResponse:
        if self.breaks:
            raise ConnectionError("reset")
        return self._answer("oak", "oak")

    @llm_chat_callback()
    def stream_chat(self, messages: Any, **kwargs: Any) -> Any:
        def stream() -> Iterator[ChatResponse]:
            yield self._answer("o", "o")
            if self.breaks:
                raise ConnectionError("reset")
            yield self._answer("oak", "ak")

        return stream()

    @llm_chat_callback()
    async def astream_chat(self, messages: Any, **kwargs: Any) -> Any:
        self.turns += 1
        if self.turns == 1:
            text = 'Thought: I use a tool.\nAction: add\nAction Input: {"a": 1, "b": 2}'
        else:
            text = "Thought: I can answer without using any more tools.\nAnswer: 3"

        async def stream() -> Any:
            yield self._answer(text, text)

        return stream()

    def _answer(self, text: str, delta: str) -> ChatResponse:
        usage = {"prompt_tokens": 12, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}}
        raw = {"model": "wood-1-mini", "choices": [{"finish_reason": "stop"}], "usage": usage}
        return ChatResponse(message=ChatMessage(role="assistant", content=text), delta=delta, raw=raw)


def test_a_chat_model_tells_messages_model_and_tokens_once(traced: Any) -> None:
    model = Model()
    model.complete("wood?")
    trace = traced.trace()
    (complete,) = trace.roots
    (chat,) = complete.children
    assert chat.input == {"messages": [{"role": "user", "content": "wood?"}]}
    assert chat.output == {"message": {"role": "assistant", "content": "oak"}}
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "wood-1",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.response.model": "wood-1-mini",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.cache_read.input_tokens": 8,
    }
    assert {key: chat.metadata.get(key) for key in expected} == expected
    assert not any(key.startswith("gen_ai.usage") for key in complete.metadata)


def test_a_stream_that_breaks_fails_all_that_waited_for_it(index: VectorStoreIndex, traced: Any) -> None:
    response = index.as_query_engine(llm=Model(breaks=True), streaming=True).query("which wood?")
    with pytest.raises(ConnectionError):
        list(response.response_gen)
    trace = traced.trace()
    assert trace.pending() == []
    assert trace.roots[0].status == "error"
    model = trace.one("Model.stream_chat")
    assert (model.status, model.error) == ("error", "ConnectionError: reset")
    assert trace.one("VectorIndexRetriever.retrieve").status == "success"


def test_a_query_that_raises_fails_up_to_the_root(index: VectorStoreIndex, traced: Any) -> None:
    with pytest.raises(ConnectionError):
        index.as_query_engine(llm=Model(breaks=True)).query("which wood?")
    trace = traced.trace()
    assert trace.pending() == []
    assert trace.roots[0].error == trace.one("Model.chat").error == "ConnectionError: reset"


class Middle(Event):
    """Between the steps."""

    x: int


class Flow(Workflow):
    """Two steps, the second of which may raise."""

    @step
    async def first(self, ev: StartEvent) -> Middle:
        return Middle(x=ev.n + 1)

    @step
    async def second(self, ev: Middle) -> StopEvent:
        if ev.x < 0:
            raise ValueError(ev.x)
        return StopEvent(result=ev.x * 2)


def test_a_workflow_is_done_without_an_error(traced: Any) -> None:
    async def run(n: int) -> Any:
        return await Flow().run(n=n)

    assert asyncio.run(run(3)) == 8
    trace = traced.trace()
    assert_whole(trace)
    assert trace.shapes() == [{"Flow.run": ["Flow.first", "Flow.second"]}]
    run_span = trace.one("Flow.run")
    assert (run_span.kind, run_span.input, run_span.output) == ("workflow", {"n": 3}, {"result": 8})
    assert trace.one("Flow.first").kind == "task"

    with pytest.raises(ValueError, match="-4"):
        asyncio.run(run(-5))
    failed = traced.trace().named("Flow.second")[-1]
    assert failed.error == "ValueError: -4"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # LlamaIndex's own
def test_an_agent_with_its_model_and_tool(traced: Any) -> None:
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    async def run() -> str:
        return str(await ReActAgent(tools=[add], llm=Model(), name="adder").run("1 + 2?"))

    assert asyncio.run(run()) == "3"
    trace = traced.trace()
    assert_whole(trace)
    (agent,) = trace.roots
    assert (agent.kind, agent.metadata["gen_ai.agent.name"]) == ("agent", "adder")
    (tool,) = [span for span in trace.spans.values() if span.kind == "tool"]
    assert tool.metadata["gen_ai.tool.name"] == "add"
    assert tool.input == {"a": 1, "b": 2}
    assert tool.output["content"] == "3"
    assert len([span for span in trace.spans.values() if span.kind == "llm"]) == 2
