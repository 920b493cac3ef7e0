"""FlowScope and LangChain's own run collector watch the same programs, and must tell the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from operator import add
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_classic.chains import ConversationChain, LLMChain, RetrievalQA
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models.fake import FakeListLLM, FakeStreamingListLLM
from langchain_core.language_models.fake_chat_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, get_buffer_string, messages_from_dict
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import RunnableConfig, RunnableLambda, RunnableParallel, RunnablePassthrough
from langchain_core.tools import tool
from langchain_core.tracers.context import run_collector_var
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langchain_core.vectorstores import InMemoryVectorStore
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt
from pydantic_core import to_jsonable_python

pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")

Program = Callable[[RunnableConfig], Any]
PROGRAMS: dict[str, Program] = {}


def program(function: Program) -> Program:
    PROGRAMS[function.__name__] = function
    return function


def chat(*replies: str) -> FakeListChatModel:
    return FakeListChatModel(responses=list(replies))


def retriever() -> Any:
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
    store.add_documents([Document(text, id=text, metadata={"n": n}) for n, text in enumerate(("oak", "elm", "fir"))])
    return store.as_retriever(search_kwargs={"k": 2})


class ToolCaller(GenericFakeChatModel):
    """Answers with the messages it was given; takes tools."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=[{"type": "function", "function": {"name": each.name}} for each in tools])


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


@tool
def fails(reason: str) -> str:
    """Always fails."""
    raise LookupError(reason)


class State(TypedDict, total=False):
    """What the graphs below pass on."""

    seen: Annotated[list[str], add]
    messages: Annotated[list[Any], add]


@program
def llm_chain(config: RunnableConfig) -> Any:
    chain = LLMChain(llm=FakeListLLM(responses=["a pun"]), prompt=PromptTemplate.from_template("A joke on {topic}"))
    return chain.invoke({"topic": "sand"}, config)


@program
def llm_chain_with_a_chat_model(config: RunnableConfig) -> Any:
    chain = LLMChain(llm=chat("a pun"), prompt=ChatPromptTemplate.from_template("A joke on {topic}"))
    return chain.invoke({"topic": "sand"}, config)


@program
def conversation_chain(config: RunnableConfig) -> Any:
    chain = ConversationChain(llm=chat("Hello.", "Ann."))
    return chain.invoke("I am Ann", config), chain.invoke({"input": "Who am I?"}, config)


@program
def retrieval_qa(config: RunnableConfig) -> Any:
    chain = RetrievalQA.from_chain_type(llm=chat("Oak."), retriever=retriever(), return_source_documents=True)
    return chain.invoke({"query": "Which wood?"}, config)


@program
def lcel_with_parallel(config: RunnableConfig) -> Any:
    joke = ChatPromptTemplate.from_template("joke {x}") | chat("ha") | StrOutputParser()
    poem = ChatPromptTemplate.from_template("poem {x}") | chat("oh") | StrOutputParser()
    chain = RunnablePassthrough.assign(docs=RunnableLambda(lambda d: d["x"]) | retriever()) | RunnableParallel(
        joke=joke, poem=poem
    )
    return chain.with_config(run_name="both", tags=["outer"], metadata={"who": "me"}).invoke({"x": "oak"}, config)


@program
def lcel_batch(config: RunnableConfig) -> Any:
    chain = ChatPromptTemplate.from_template("{x}") | chat("a", "b", "c") | StrOutputParser()
    return chain.batch([{"x": n} for n in range(4)], {**config, "max_concurrency": 2})


@program
def lcel_abatch(config: RunnableConfig) -> Any:
    chain = PromptTemplate.from_template("{x}") | FakeListLLM(responses=["a"]) | StrOutputParser()
    return asyncio.run(chain.abatch([{"x": n} for n in range(3)], config))


@program
def branches_and_fallbacks(config: RunnableConfig) -> Any:
    def broken(x: str) -> str:
        raise ValueError(x)

    flaky = RunnableLambda(broken).with_fallbacks([RunnableLambda(lambda x: f"{x}!")])
    return (flaky | {"first": RunnableLambda(len), "all": RunnablePassthrough()}).invoke("word", config)


@program
def tool_calling_agent(config: RunnableConfig) -> Any:
    call = {"name": "multiply", "args": {"a": 6, "b": 7}, "id": "call_1"}
    answers = iter([AIMessage("", tool_calls=[call]), AIMessage("42")])
    agent = create_agent(ToolCaller(messages=answers), [multiply], name="calculator")
    return agent.invoke({"messages": [HumanMessage("6 times 7?")]}, config)


@program
def tool_calling_agent_async(config: RunnableConfig) -> Any:
    calls = [{"name": "multiply", "args": {"a": n, "b": n}, "id": f"call_{n}"} for n in (2, 3)]
    answers = iter([AIMessage("", tool_calls=calls), AIMessage("4 and 9")])
    agent = create_agent(ToolCaller(messages=answers), [multiply])
    return asyncio.run(agent.ainvoke({"messages": [HumanMessage("squares")]}, config))


@program
def streaming(config: RunnableConfig) -> Any:
    chain = ChatPromptTemplate.from_template("{x}") | chat("some streamed words") | StrOutputParser()
    return list(chain.stream({"x": 1}, config))


@program
def streaming_a_text_model(config: RunnableConfig) -> Any:
    chain = PromptTemplate.from_template("{x}") | FakeStreamingListLLM(responses=["words"]) | StrOutputParser()
    return list(chain.stream({"x": 1}, config))


@program
def streaming_async(config: RunnableConfig) -> Any:
    async def run() -> list[str]:
        chain = ChatPromptTemplate.from_template("{x}") | chat("some streamed words") | StrOutputParser()
        return [piece async for piece in chain.astream({"x": 1}, config)]

    return asyncio.run(run())


@program
def streaming_events(config: RunnableConfig) -> Any:
    async def run() -> list[Any]:
        chain = ChatPromptTemplate.from_template("{x}") | chat("some streamed words") | StrOutputParser()
        return [event async for event in chain.astream_events({"x": 1}, config, version="v2")]

    return asyncio.run(run())


@program
def raising_tool(config: RunnableConfig) -> Any:
    return (RunnableLambda(lambda x: {"reason": x}) | fails).invoke("not there", config)


@program
def raising_tool_async(config: RunnableConfig) -> Any:
    return asyncio.run((RunnableLambda(lambda x: {"reason": x}) | fails).ainvoke("not there", config))


@program
def raising_model(config: RunnableConfig) -> Any:
    return (
        ChatPromptTemplate.from_template("{x}") | FakeListChatModel(responses=["abc"], error_on_chunk_number=1)
    ).stream({"x": 1}, config)


def graph(checkpointer: Any = None, name: str | None = None) -> Any:
    """A graph with a subgraph, a model in a node, a branch and a fan-out."""

    def inner(state: State, config: RunnableConfig) -> Any:
        answer = (ChatPromptTemplate.from_template("{x}") | chat("deep")).invoke({"x": len(state["seen"])}, config)
        return {"seen": [answer.text]}

    below = StateGraph(State)
    below.add_node("inner", inner)
    below.add_edge(START, "inner")
    below.add_edge("inner", END)

    above = StateGraph(State)
    above.add_node("first", lambda state: {"seen": ["first"]})
    above.add_node("sub", below.compile(name="below"))
    above.add_node("each", lambda state: {"seen": [f"each {state['seen']}"]})
    above.add_edge(START, "first")
    above.add_edge("first", "sub")
    above.add_conditional_edges("sub", lambda state: [Send("each", {"seen": [n]}) for n in "ab"], ["each"])
    above.add_edge("each", END)
    return above.compile(checkpointer=checkpointer, name=name)


@program
def langgraph_with_a_subgraph(config: RunnableConfig) -> Any:
    return graph(InMemorySaver(), "above").invoke({"seen": []}, {**config, "configurable": {"thread_id": "t"}})


@program
def langgraph_streamed(config: RunnableConfig) -> Any:
    return list(graph().stream({"seen": []}, config, stream_mode=["updates", "messages"], subgraphs=True))


@program
def langgraph_async(config: RunnableConfig) -> Any:
    return asyncio.run(graph().ainvoke({"seen": []}, config))


@program
def langgraph_node_that_raises(config: RunnableConfig) -> Any:
    def broken(state: State) -> State:
        raise KeyError("gone")

    built = StateGraph(State)
    built.add_node("broken", broken)
    built.add_edge(START, "broken")
    return built.compile().invoke({"seen": []}, config)


class Collector(RunCollectorCallbackHandler):
    """LangChain's run collector, which keeps a chat model's messages as LangChain's tracer does, and copies at once:
    it holds what the program may change after the call.
    """

    def __init__(self) -> None:
        super().__init__(_schema_format="original+chat")
        self.told: dict[Any, dict[str, Any]] = {}
        self.given: dict[Any, Any] = {}

    def _on_run_create(self, run: Any) -> None:
        self.told[run.id] = {"inputs": plain(run.inputs), "outputs": None}
        self.given[run.id] = run.inputs

    def _on_run_update(self, run: Any) -> None:
        self.told[run.id]["outputs"] = plain(run.outputs) or None
        if run.inputs is not self.given[run.id]:  # a stream's input is known at its end
            self.told[run.id]["inputs"] = plain(run.inputs)


def plain(value: Any) -> Any:
    return to_jsonable_python(value, fallback=repr)


def walk(runs: list[Any]) -> Iterator[Any]:
    for run in runs:
        yield run
        yield from walk(run.child_runs)


def run_both(run: Program) -> Collector:
    """Run a program with the collector as a callback (a graph does not let one from the context see its inside)."""
    collector = Collector()
    try:
        result = run({"callbacks": [collector]})
        if isinstance(result, Iterator):
            list(result)
    except Exception as error:
        assert run.__name__.startswith(("raising", "langgraph_node_that_raises")), error
    return collector


def spans_by_run(trace: Any) -> dict[str, Any]:
    """The spans of LangChain's runs; embeddings are none."""
    runs = [span for span in trace.spans.values() if span.kind != "embedding"]
    return {span.metadata["langchain.run_id"]: span for span in runs}


KINDS = {"chat_model": "llm"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_runs_parents_inputs_outputs_and_errors(name: str, traced: Any) -> None:
    collector = run_both(PROGRAMS[name])
    spans = spans_by_run(traced.trace())
    runs = {str(run.id): run for run in walk(collector.traced_runs)}

    assert runs
    assert {run.name for run in runs.values()} == {span.operation for span in spans.values()}
    assert runs.keys() == spans.keys()
    for id_, run in runs.items():
        span = spans[id_]
        parent = spans[str(run.parent_run_id)].id if run.parent_run_id else None
        told = collector.told[run.id]
        assert span.operation == run.name
        assert span.parent_id == parent, run.name
        assert span.input == told["inputs"], run.name
        assert span.output == told["outputs"], run.name
        assert span.metadata.get("langchain.tags", []) == run.tags, run.name
        assert span.kind in (KINDS.get(run.run_type, run.run_type), "agent"), run.name
        if run.error is None:
            assert (span.status, span.error) == ("success", None), run.name
        else:
            assert span.status == "error"
            kind, _, text = span.error.partition(": ")
            assert run.error.startswith(kind) and text.strip("'\"") in run.error
            last_line = run.error.strip().splitlines()[-1]
            assert span.metadata["flowscope.exception.stacktrace"].splitlines()[-1] in last_line


def test_the_collector_of_the_context_agrees(traced: Any) -> None:
    plain_collector = RunCollectorCallbackHandler()
    token = run_collector_var.set(plain_collector)
    try:
        lcel_with_parallel({})
        tool_calling_agent({"callbacks": [plain_collector]})
    finally:
        run_collector_var.reset(token)
    spans = spans_by_run(traced.trace())
    runs = {str(run.id): run for run in walk(plain_collector.traced_runs)}
    assert runs.keys() == spans.keys()
    models = [run for run in runs.values() if run.run_type == "llm"]
    assert len(models) == 4
    for run in models:
        (batch,) = spans[str(run.id)].input["messages"]
        messages = messages_from_dict([{"type": each["kwargs"]["type"], "data": each["kwargs"]} for each in batch])
        assert run.inputs == {"prompts": [get_buffer_string(messages)]}


def test_an_interrupted_graph_has_not_failed(traced: Any) -> None:
    def ask(state: State) -> State:
        return {"seen": [interrupt({"question": "sure?"})]}

    below = StateGraph(State)
    below.add_node("ask", ask)
    below.add_edge(START, "ask")
    above = StateGraph(State)
    above.add_node("sub", below.compile())
    above.add_edge(START, "sub")
    built = above.compile(checkpointer=InMemorySaver())
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    built.invoke({"seen": []}, config)
    assert built.invoke(Command(resume="yes"), config)["seen"] == ["yes"]

    trace = traced.trace()
    assert {span.status for span in trace.spans.values()} == {"success"}
    asked, resumed = trace.named("ask")
    assert asked.metadata["langgraph.interrupts"] == [{"question": "sure?"}]
    assert resumed.output == {"seen": ["yes"]}
    assert all(span.metadata["gen_ai.conversation.id"] == "t" for span in trace.spans.values())


def test_a_command_to_the_parent_graph_is_no_failure(traced: Any) -> None:
    below = StateGraph(State)
    below.add_node("hop", lambda state: Command(graph=Command.PARENT, goto="last", update={"seen": ["hop"]}))
    below.add_edge(START, "hop")
    above = StateGraph(State)
    above.add_node("sub", below.compile())
    above.add_node("last", lambda state: {"seen": ["last"]})
    above.add_edge(START, "sub")
    assert above.compile().invoke({"seen": []})["seen"] == ["hop", "last"]

    trace = traced.trace()
    assert {span.status for span in trace.spans.values()} == {"success"}
    assert trace.one("hop").metadata["langgraph.parent_command"] is True
