"""LlamaIndex programs: the whole tree of a question, the same as its own handlers see, and nothing left pending.

`make test` runs this with the newest LlamaIndex, `make matrix` with older ones, where what a version lacks is skipped.
"""

from __future__ import annotations

import asyncio
import importlib
import pickle
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, LLMMetadata
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llamaindex_parts import ANSWER, assert_whole, path
from versions import find

import flowscope

pytestmark = [
    pytest.mark.usefixtures("llamaindex_mocks"),
    pytest.mark.filterwarnings("ignore"),  # LlamaIndex's own, of many versions
]


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


def flow() -> Any:
    """A workflow of two steps, the second of which may raise."""
    workflow, step = find("llama_index.core.workflow:Workflow"), find("llama_index.core.workflow:step")
    event, start = find("llama_index.core.workflow:Event"), find("llama_index.core.workflow:StartEvent")
    stop = find("llama_index.core.workflow:StopEvent")

    class Middle(event):  # type: ignore[misc, valid-type]
        x: int

    class Flow(workflow):  # type: ignore[misc, valid-type]
        async def first(self, ev: start) -> Middle:  # type: ignore[valid-type]
            return Middle(x=ev.n + 1)

        async def second(self, ev: Middle) -> stop:  # type: ignore[valid-type]
            if ev.x < 0:
                raise ValueError(ev.x)
            return stop(result=ev.x * 2)

        # Annotations are texts here, and name what is known in this function alone.
        first.__annotations__ = {"ev": start, "return": Middle}  # noqa: RUF012
        second.__annotations__ = {"ev": Middle, "return": stop}  # noqa: RUF012
        first, second = step(first), step(second)

    return Flow


def test_a_workflow_is_done_without_an_error(traced: Any) -> None:
    async def run(n: int) -> Any:
        return await flow()().run(n=n)

    assert asyncio.run(run(3)) == 8
    trace = traced.trace()
    assert_whole(trace)
    assert trace.shapes() == [{"Flow.run": ["Flow.first", "Flow.second"]}]
    run_span = trace.one("Flow.run")
    assert (run_span.kind, run_span.input, run_span.output) == ("workflow", {"n": 3}, {"result": 8})
    assert trace.one("Flow.first").kind == "task"

    with pytest.raises(Exception, match="-4"):
        asyncio.run(run(-5))
    failed = traced.trace().named("Flow.second")[-1]
    assert failed.error == "ValueError: -4"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # LlamaIndex's own
def test_an_agent_with_its_model_and_tool(traced: Any) -> None:
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    agents = find("llama_index.core.agent.workflow:ReActAgent")

    async def run() -> str:
        return str(await agents(tools=[add], llm=Model(), name="adder").run("1 + 2?"))

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


def watch_with_llamaindexs_own_handlers() -> tuple[dict[str, str | None], list[Any], Callable[[], None]]:
    """What LlamaIndex tells of its calls (id to parent's id) and its events, from here until the last is called."""
    module = importlib.import_module(
        "llama_index_instrumentation"
        if find_spec("llama_index_instrumentation")
        else "llama_index.core.instrumentation"
    )
    spans = importlib.import_module(f"{module.__name__}.span_handlers").BaseSpanHandler
    events = importlib.import_module(f"{module.__name__}.event_handlers").BaseEventHandler
    parents: dict[str, str | None] = {}
    told: list[Any] = []

    class Spans(spans):  # type: ignore[misc, valid-type]
        def new_span(self, id_: str, *args: Any, parent_span_id: str | None = None, **kwargs: Any) -> None:
            parents[id_] = parent_span_id

        def prepare_to_exit_span(self, *args: Any, **kwargs: Any) -> None: ...
        def prepare_to_drop_span(self, *args: Any, **kwargs: Any) -> None: ...

    class Events(events):  # type: ignore[misc, valid-type]
        def handle(self, event: Any, **kwargs: Any) -> None:
            told.append(event)

    root = module.get_dispatcher("root")
    before = list(root.span_handlers), list(root.event_handlers)
    root.add_span_handler(Spans())
    root.add_event_handler(Events())

    def stop() -> None:
        root.span_handlers, root.event_handlers = before

    return parents, told, stop


def test_its_own_handlers_see_the_same_calls_parents_and_model_inputs(index: VectorStoreIndex, traced: Any) -> None:
    parents, events, stop = watch_with_llamaindexs_own_handlers()
    try:
        index.as_query_engine().query("which wood?")
        asyncio.run(index.as_query_engine().aquery("which wood?"))
        index.as_chat_engine(chat_mode="simple", llm=Model()).chat("and why?")
    finally:
        stop()
    trace = traced.trace()
    spans = {span.metadata["llamaindex.span_id"]: span for span in trace.spans.values()}

    def own(id_: str | None) -> Any:
        """The span of a call, or of the call whose private part it is."""
        while id_ is not None and id_ not in spans:
            id_ = parents.get(id_)
        return spans.get(id_ or "")

    assert spans.keys() <= parents.keys()
    left_out = [id_.split("-")[0].rpartition(".")[2] for id_ in parents if id_ not in spans]
    assert all(method.startswith("_") for method in left_out), left_out
    for id_, span in spans.items():
        assert trace.parent(span) is own(parents[id_]), span.operation
    asked = [event for event in events if event.class_name() in ("LLMChatStartEvent", "LLMCompletionStartEvent")]
    assert asked
    for event in asked:
        span = own(event.span_id)
        assert span.kind == "llm"
        if event.class_name() == "LLMChatStartEvent":
            assert [each["content"] for each in span.input["messages"]] == [each.content for each in event.messages]
        else:
            assert span.input["prompt"] == event.prompt


def test_spans_made_by_hand_stand_inside_a_model(traced: Any) -> None:
    class ByHand(Model):
        @llm_completion_callback()
        def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
            with flowscope.trace("by hand"):
                return CompletionResponse(text="oak")

    with flowscope.trace("outside"):
        ByHand().complete("wood?")
    assert traced.trace().shapes() == [{"outside": [{"ByHand.complete": ["by hand"]}]}]


def test_classes_imported_from_flowscope_are_llamaindexs_own(traced: Any) -> None:
    import flowscope.llamaindex as ours

    assert ours.VectorStoreIndex is VectorStoreIndex and ours.Settings is Settings
    document = ours.Document(text="oak")
    assert pickle.loads(pickle.dumps(document)).text == "oak"
    ours.VectorStoreIndex.from_documents([document]).as_query_engine().query("which wood?")
    assert traced.trace().roots[-1].operation == "RetrieverQueryEngine.query"
