"""Spans made by hand stand inside and outside of a framework's, and what is current never leaks into the caller."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypedDict

import pytest
from langchain_classic.chains.base import Chain
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler, CallbackManagerForLLMRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.llms import LLM
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, GenerationChunk
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableGenerator, RunnableLambda, RunnableParallel
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph

import flowscope


def inside(name: str = "inside") -> None:
    with flowscope.trace(name):
        pass


class Model(BaseChatModel):
    """Makes a span of its own in each of its bodies."""

    @property
    def _llm_type(self) -> str:
        return "model"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        inside("request")
        return ChatResult(generations=[ChatGeneration(message=AIMessage("one two"))])


class StreamingModel(Model):
    """As a provider's client does: a span stays open while the answer streams."""

    def _stream(
        self,
        messages: Any,
        stop: Any = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with flowscope.trace("request"):
            for word in ("one ", "two ", "three"):
                inside("piece")
                yield ChatGenerationChunk(message=AIMessageChunk(content=word))


class TextModel(LLM):
    """A model that completes texts."""

    @property
    def _llm_type(self) -> str:
        return "text"

    def _call(self, prompt: str, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> str:
        inside("request")
        return "three"

    def _stream(self, prompt: str, *args: Any, **kwargs: Any) -> Iterator[GenerationChunk]:
        inside("request")
        yield GenerationChunk(text="three")


class Search(BaseRetriever):
    """Finds what is asked for, unless it is asked for the end."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        inside("query")
        if query == "end":
            raise KeyboardInterrupt
        return [Document(query)]


def test_in_a_lambda_a_tool_a_prompt_and_a_parser(traced: Any) -> None:
    @tool
    def shout(text: str) -> str:
        """Shout."""
        inside("in the tool")
        return text.upper()

    def step(text: str) -> dict[str, str]:
        inside("in the lambda")
        return {"text": text}

    with flowscope.trace("outside"):
        chain = (
            RunnableLambda(step) | shout | RunnableLambda(lambda text: PromptTemplate.from_template(text).invoke({}))
        )
        chain.invoke("hello")
        inside("after")
    inside("elsewhere")
    assert traced.trace().shapes() == [
        {
            "outside": [
                {
                    "RunnableSequence": [
                        {"step": ["in the lambda"]},
                        {"shout": ["in the tool"]},
                        {"RunnableLambda": ["PromptTemplate"]},
                    ]
                },
                "after",
            ]
        },
        "elsewhere",
    ]


class Legacy(Chain):
    """A chain of the old kind, with a body of its own."""

    @property
    def input_keys(self) -> list[str]:
        return ["text"]

    @property
    def output_keys(self) -> list[str]:
        return ["answer"]

    def _call(self, inputs: dict[str, Any], run_manager: Any = None) -> dict[str, Any]:
        inside("before")
        answer = (RunnableLambda(lambda x: x, name="step")).invoke(inputs["text"])
        with flowscope.trace("by hand"):
            TextModel().invoke(answer)
        return {"answer": answer}

    async def _acall(self, inputs: dict[str, Any], run_manager: Any = None) -> dict[str, Any]:
        return self._call(inputs)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("way", ["invoke", "ainvoke", "__call__"])
def test_in_a_legacy_chains_body(way: str, traced: Any) -> None:
    with flowscope.trace("outside"):
        found = getattr(Legacy(), way)({"text": "hi"})
        if way == "ainvoke":
            asyncio.run(found)
        inside("after")
    body = ["before", "step", {"by hand": [{"TextModel": ["request"]}]}]
    assert traced.trace().shapes() == [{"outside": [{"Legacy": body}, "after"]}]


def test_a_chain_called_under_a_manual_span_in_a_lambda_is_its_child(traced: Any) -> None:
    def step(x: int) -> int:
        with flowscope.trace("by hand"):
            inner = (
                RunnableLambda(lambda x: x + 1, name="plus") | RunnableLambda(lambda x: x * 2, name="times")
            ).invoke(x)
            inside("after the chain")
            return inner

    assert RunnableLambda(step).invoke(1) == 4
    assert traced.trace().shapes() == [
        {"step": [{"by hand": [{"RunnableSequence": ["plus", "times"]}, "after the chain"]}]}
    ]


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "batch", "stream", "astream"])
@pytest.mark.parametrize("model", [Model(), StreamingModel(), TextModel()], ids=lambda model: type(model).__name__)
def test_in_a_models_body(way: str, model: Any, traced: Any) -> None:
    async def read() -> None:
        async for _ in model.astream("hi"):
            inside("by the reader")

    chain = ChatPromptTemplate.from_template("{x}") | model
    with flowscope.trace("outside"):
        if way == "invoke":
            chain.invoke({"x": 1})
        elif way == "ainvoke":
            asyncio.run(chain.ainvoke({"x": 1}))
        elif way == "batch":
            chain.batch([{"x": 1}, {"x": 2}])
        elif way == "stream":
            for _ in model.stream("hi"):
                inside("by the reader")
        else:
            asyncio.run(read())
        assert flowscope.current_span().operation == "outside"
    trace = traced.trace()
    assert not trace.pending()
    requests = trace.named("request")
    assert len(requests) == (2 if way == "batch" else 1)
    assert {trace.parent(span).operation for span in requests} == {type(model).__name__}
    # LangChain reads a synchronous stream for astream() in a new context each time: what the body opened is lost there.
    lost = {"StreamingModel"} if way == "astream" else set()
    assert {trace.parent(span).operation for span in trace.named("piece")} <= {"request"} | lost
    assert {trace.parent(span).operation for span in trace.named("by the reader")} <= {"outside"}


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_in_a_retrievers_body(way: str, traced: Any) -> None:
    search = Search()
    asyncio.run(search.ainvoke("a")) if way == "ainvoke" else search.invoke("a")
    inside("after")
    assert traced.trace().shapes() == [{"Search": ["query"]}, "after"]


def test_a_retriever_that_is_interrupted_does_not_stay_pending(traced: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        Search().invoke("end")
    trace = traced.trace()
    assert trace.one("Search").status == "error"


class State(TypedDict, total=False):
    """A graph's state."""

    x: int


def test_in_a_graphs_nodes_sync_and_async(traced: Any) -> None:
    def node(state: State) -> State:
        inside("in the node")
        return {"x": state["x"] + 1}

    async def anode(state: State) -> State:
        async with flowscope.trace("in the node"):
            await asyncio.gather(
                asyncio.to_thread(inside, "in a thread"), RunnableLambda(lambda x: x, name="same").ainvoke(1)
            )
        return {"x": state["x"] + 1}

    for way in (node, anode):
        built = StateGraph(State)
        built.add_node(way.__name__, way)
        built.add_edge(START, way.__name__)
        graph = built.compile(name="graph")
        with flowscope.trace("outside"):
            if way is node:
                graph.invoke({"x": 1})
            else:
                asyncio.run(graph.ainvoke({"x": 1}))
    first, second = traced.trace().shapes()
    assert first == {"outside": [{"graph": [{"node": ["in the node"]}]}]}
    (graph_shape,) = second["outside"]
    (inner,) = graph_shape["graph"][0]["anode"]
    assert sorted(inner["in the node"]) == ["in a thread", "same"]


def test_a_generator_that_streams_through_a_chain_does_not_leak(traced: Any) -> None:
    def shout(words: Iterator[str]) -> Iterator[str]:
        with flowscope.trace("in the generator"):
            for word in words:
                inside("in the loop")
                yield word.upper()

    def source(_: Any) -> Iterator[str]:
        yield from ("a", "b")

    chain = RunnableGenerator(source) | RunnableGenerator(shout)
    with flowscope.trace("outside"):
        for _ in chain.stream(None):
            inside("by the reader")
            assert flowscope.current_span().operation == "outside"
    assert flowscope.current_span() is None
    trace = traced.trace()
    assert {trace.parent(span).operation for span in trace.named("by the reader")} == {"outside"}
    assert {trace.parent(span).operation for span in trace.named("in the loop")} == {"in the generator"}
    assert trace.parent(trace.one("in the generator")).operation == "shout"


def test_streams_that_are_given_up_end_and_leave_nothing(traced: Any) -> None:
    model = StreamingModel()
    chain = ChatPromptTemplate.from_template("{x}") | model
    with flowscope.trace("outside"):
        stream = chain.stream({"x": 1})
        next(stream)
        stream.close()
        forgotten = model.stream("hi")
        next(forgotten)
        del forgotten
        gc.collect()

        async def leave() -> None:
            async for _ in chain.astream({"x": 1}):
                break

        asyncio.run(leave())
        assert flowscope.current_span().operation == "outside"
    inside("after")
    trace = traced.trace()
    assert not trace.pending()
    assert [root.operation for root in trace.roots] == ["outside", "after"]
    models = trace.named("StreamingModel")
    assert len(models) == 3
    assert {span.status for span in models} == {"success"}
    assert all(span.metadata["flowscope.stream.abandoned"] for span in models)


def test_threads_and_tasks_started_inside_a_run_belong_to_it(traced: Any) -> None:
    def step(_: Any) -> None:
        thread = threading.Thread(target=inside, args=("in a thread",))
        thread.start()
        thread.join()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(inside, "in a pool").result()

    async def astep(_: Any) -> None:
        async def work() -> None:
            inside("in a task")

        await asyncio.create_task(work())

    with flowscope.trace("outside"):
        RunnableParallel(one=RunnableLambda(step), two=RunnableLambda(step)).invoke(None)
        asyncio.run(RunnableLambda(astep).ainvoke(None))
    trace = traced.trace()
    for name, parent, count in (("in a thread", "step", 2), ("in a pool", "step", 2), ("in a task", "astep", 1)):
        spans = trace.named(name)
        assert len(spans) == count
        assert {trace.parent(span).operation for span in spans} == {parent}
        assert len({span.parent_id for span in spans}) == count
    assert [root.operation for root in trace.roots] == ["outside"]


def test_concurrent_programs_do_not_mix(traced: Any) -> None:
    async def session(name: str) -> None:
        async with flowscope.trace(name, session_id=name):
            chain = RunnableLambda(lambda x: inside(f"{name} inside"), name=f"{name} step")
            await asyncio.gather(chain.ainvoke(1), chain.ainvoke(2))

    async def all_of_them() -> None:
        await asyncio.gather(*(session(name) for name in "abc"))

    asyncio.run(all_of_them())
    trace = traced.trace()
    assert sorted(map(str, trace.shapes())) == [
        str({n: [{f"{n} step": [f"{n} inside"]}, {f"{n} step": [f"{n} inside"]}]}) for n in "abc"
    ]
    assert all(span.session_id == span.operation[0] for span in trace.spans.values())


def test_what_is_suppressed_or_left_out_is_so_inside_a_framework_too(sink: Any, traced: Any) -> None:
    def step(x: int) -> int:
        with flowscope.suppressed():
            inside("suppressed")
            RunnableLambda(lambda x: inside("deep"), name="suppressed too").invoke(x)
        with flowscope.trace("left out"):
            inside("kept by hand")
            RunnableLambda(lambda x: inside("deep in it"), name="kept").invoke(x)
        return x

    flowscope.init(exclude="left out")
    try:
        RunnableLambda(step).invoke(1)
        with flowscope.suppressed():
            RunnableLambda(step).invoke(1)
        assert traced.trace().shapes() == [{"step": ["kept by hand", {"kept": ["deep in it"]}]}]
    finally:
        flowscope.init(exclude="")


# The program's own handlers


class Heard(AsyncCallbackHandler):
    """A user's asynchronous handler."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def on_llm_start(self, *args: Any, **kwargs: Any) -> None:
        self.heard.append("llm_start")

    async def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
        self.heard.append("llm_end")

    async def on_chain_start(self, *args: Any, **kwargs: Any) -> None:
        self.heard.append("chain_start")


class HeardSync(BaseCallbackHandler):
    """A user's plain handler, which LangChain runs in a thread."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_llm_start(self, *args: Any, **kwargs: Any) -> None:
        self.heard.append("llm_start")


def test_the_programs_own_async_handlers_still_hear_everything(traced: Any) -> None:
    heard, plain = Heard(), HeardSync()
    chain = PromptTemplate.from_template("{x}") | TextModel()
    for n in (1, 2):
        asyncio.run(chain.ainvoke({"x": n}, {"callbacks": [heard, plain]}))
    assert sorted(heard.heard) == sorted(["chain_start", "chain_start", "llm_start", "llm_end"] * 2)
    assert plain.heard == ["llm_start"] * 2
    trace = traced.trace()
    assert not trace.pending()
    assert trace.shapes() == [{"RunnableSequence": ["PromptTemplate", {"TextModel": ["request"]}]}] * 2
