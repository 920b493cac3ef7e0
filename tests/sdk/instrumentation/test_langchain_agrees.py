"""FlowScope and LangChain's own run collector watch the same programs, and must tell the same, in every version.

`make test` runs this with the newest LangChain, `make matrix` with older ones, where what a version lacks is skipped.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import pickle
from collections.abc import Callable, Iterator
from operator import add
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, get_buffer_string
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import RunnableConfig, RunnableLambda, RunnableParallel, RunnablePassthrough
from langchain_core.tools import tool
from langchain_core.tracers.context import run_collector_var
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langchain_parts import Chat, StreamingText, Text, Trees, Vectors, chat, inside
from pydantic_core import to_jsonable_python
from versions import find, release

import flowscope

pytestmark = pytest.mark.filterwarnings("ignore")  # LangChain's own, of many versions

Program = Callable[[RunnableConfig], Any]
PROGRAMS: dict[str, Program] = {}


def program(function: Program) -> Program:
    PROGRAMS[function.__name__] = function
    return function


def chain_class(name: str) -> Any:
    return find(f"langchain_classic.chains:{name}", f"langchain.chains:{name}")


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
    chain = chain_class("LLMChain")(llm=Text(), prompt=PromptTemplate.from_template("A joke on {topic}"))
    return chain.invoke({"topic": "sand"}, config)


@program
def llm_chain_with_a_chat_model(config: RunnableConfig) -> Any:
    chain = chain_class("LLMChain")(llm=chat("a pun"), prompt=ChatPromptTemplate.from_template("A joke on {topic}"))
    return chain.invoke({"topic": "sand"}, config)


@program
def conversation_chain(config: RunnableConfig) -> Any:
    chain = chain_class("ConversationChain")(llm=chat("Hello.", "Ann."))
    return chain.invoke({"input": "I am Ann"}, config), chain.invoke({"input": "Who am I?"}, config)


@program
def retrieval_qa(config: RunnableConfig) -> Any:
    chain = chain_class("RetrievalQA").from_chain_type(
        llm=chat("Oak."), retriever=Trees(vectors=Vectors()), return_source_documents=True
    )
    return chain.invoke({"query": "Which wood?"}, config)


@program
def legacy_agent_executor(config: RunnableConfig) -> Any:
    create = find("langchain_classic.agents:create_tool_calling_agent", "langchain.agents:create_tool_calling_agent")
    executor = find("langchain_classic.agents:AgentExecutor", "langchain.agents:AgentExecutor")
    call = {"name": "multiply", "args": {"a": 6, "b": 7}, "id": "call_1"}
    model = Chat(replies=[AIMessage(content="", tool_calls=[call]), AIMessage(content="42")], turns=[])
    prompt = ChatPromptTemplate.from_messages([("human", "{input}"), ("placeholder", "{agent_scratchpad}")])
    agent = executor(agent=create(model, [multiply], prompt), tools=[multiply])
    return agent.invoke({"input": "6 times 7?"}, config)


@program
def lcel_with_parallel(config: RunnableConfig) -> Any:
    joke = ChatPromptTemplate.from_template("joke {x}") | chat("ha") | StrOutputParser()
    poem = ChatPromptTemplate.from_template("poem {x}") | chat("oh") | StrOutputParser()
    chain = RunnablePassthrough.assign(docs=RunnableLambda(lambda d: d["x"]) | Trees()) | RunnableParallel(
        joke=joke, poem=poem
    )
    return chain.with_config(run_name="both", tags=["outer"], metadata={"who": "me"}).invoke({"x": "oak"}, config)


@program
def lcel_batch(config: RunnableConfig) -> Any:
    chain = ChatPromptTemplate.from_template("{x}") | chat("a", "b", "c") | StrOutputParser()
    return chain.batch([{"x": n} for n in range(4)], {**config, "max_concurrency": 2})


@program
def lcel_abatch(config: RunnableConfig) -> Any:
    chain = PromptTemplate.from_template("{x}") | Text() | StrOutputParser()
    return asyncio.run(chain.abatch([{"x": n} for n in range(3)], config))


@program
def branches_and_fallbacks(config: RunnableConfig) -> Any:
    def broken(x: str) -> str:
        raise ValueError(x)

    flaky = RunnableLambda(broken).with_fallbacks([RunnableLambda(lambda x: f"{x}!")])
    return (flaky | {"first": RunnableLambda(len), "all": RunnablePassthrough()}).invoke("word", config)


@program
def tool_calling_agent(config: RunnableConfig) -> Any:
    create_agent = find("langchain.agents:create_agent", "langgraph.prebuilt:create_react_agent")
    call = {"name": "multiply", "args": {"a": 6, "b": 7}, "id": "call_1"}
    model = Chat(replies=[AIMessage(content="", tool_calls=[call]), AIMessage(content="42")], turns=[])
    agent = create_agent(model, [multiply])
    return agent.invoke({"messages": [HumanMessage(content="6 times 7?")]}, config)


@program
def tool_calling_agent_async(config: RunnableConfig) -> Any:
    create_agent = find("langchain.agents:create_agent", "langgraph.prebuilt:create_react_agent")
    calls = [{"name": "multiply", "args": {"a": n, "b": n}, "id": f"call_{n}"} for n in (2, 3)]
    model = Chat(replies=[AIMessage(content="", tool_calls=calls), AIMessage(content="4 and 9")], turns=[])
    agent = create_agent(model, [multiply])
    return asyncio.run(agent.ainvoke({"messages": [HumanMessage(content="squares")]}, config))


@program
def streaming(config: RunnableConfig) -> Any:
    chain = ChatPromptTemplate.from_template("{x}") | chat("some streamed words") | StrOutputParser()
    return list(chain.stream({"x": 1}, config))


@program
def streaming_a_text_model(config: RunnableConfig) -> Any:
    chain = PromptTemplate.from_template("{x}") | StreamingText(reply="some words") | StrOutputParser()
    return list(chain.stream({"x": 1}, config))


@program
def streaming_async(config: RunnableConfig) -> Any:
    async def run() -> list[str]:
        chain = ChatPromptTemplate.from_template("{x}") | chat("some streamed words") | StrOutputParser()
        return [piece async for piece in chain.astream({"x": 1}, config)]

    return asyncio.run(run())


@program
def streaming_events(config: RunnableConfig) -> Any:
    if not hasattr(RunnableLambda, "astream_events"):
        pytest.skip("no astream_events")

    async def run() -> list[Any]:
        chain = ChatPromptTemplate.from_template("{x}") | chat("some streamed words") | StrOutputParser()
        return [event async for event in chain.astream_events({"x": 1}, config, version="v1")]

    return asyncio.run(run())


@program
def raising_tool(config: RunnableConfig) -> Any:
    return (RunnableLambda(lambda x: {"reason": x}) | fails).invoke("not there", config)


@program
def raising_tool_async(config: RunnableConfig) -> Any:
    return asyncio.run((RunnableLambda(lambda x: {"reason": x}) | fails).ainvoke("not there", config))


@program
def raising_model(config: RunnableConfig) -> Any:
    model = chat("abc")
    model.breaks = True
    return (ChatPromptTemplate.from_template("{x}") | model).stream({"x": 1}, config)


def graph_parts() -> Any:
    """StateGraph, START and END, where LangGraph keeps them."""
    return (
        find("langgraph.graph:StateGraph"),
        find("langgraph.graph:START", "langgraph.constants:START"),
        find("langgraph.graph:END"),
    )


def memory() -> Any:
    return find("langgraph.checkpoint.memory:InMemorySaver", "langgraph.checkpoint.memory:MemorySaver")()


def graph(checkpointer: Any = None) -> Any:
    """A graph with a subgraph, a model in a node, a branch and a fan-out."""
    state_graph, start, end = graph_parts()
    send = find("langgraph.types:Send", "langgraph.constants:Send")

    def inner(state: State, config: RunnableConfig) -> Any:
        answer = (ChatPromptTemplate.from_template("{x}") | chat("deep")).invoke({"x": len(state["seen"])}, config)
        return {"seen": [answer.content]}

    below = state_graph(State)
    below.add_node("inner", inner)
    below.add_edge(start, "inner")
    below.add_edge("inner", end)

    above = state_graph(State)
    above.add_node("first", lambda state: {"seen": ["first"]})
    above.add_node("sub", below.compile())
    above.add_node("each", lambda state: {"seen": [f"each {state['seen']}"]})
    above.add_edge(start, "first")
    above.add_edge("first", "sub")
    above.add_conditional_edges("sub", lambda state: [send("each", {"seen": [n]}) for n in "ab"], ["each"])
    above.add_edge("each", end)
    return above.compile(checkpointer=checkpointer)


@program
def langgraph_without_a_fan_out(config: RunnableConfig) -> Any:
    state_graph, start, end = graph_parts()
    built = state_graph(State)
    built.add_node("first", lambda state: {"seen": ["first"]})
    built.add_node("model", lambda state: {"seen": [chat("deep").invoke("hi").content]})
    built.add_edge(start, "first")
    built.add_edge("first", "model")
    built.add_edge("model", end)
    return built.compile(checkpointer=memory()).invoke({"seen": []}, {**config, "configurable": {"thread_id": "t"}})


@program
def langgraph_with_a_subgraph(config: RunnableConfig) -> Any:
    return graph(memory()).invoke({"seen": []}, {**config, "configurable": {"thread_id": "t"}})


@program
def langgraph_streamed(config: RunnableConfig) -> Any:
    return list(graph().stream({"seen": []}, config, stream_mode="updates"))


@program
def langgraph_async(config: RunnableConfig) -> Any:
    return asyncio.run(graph().ainvoke({"seen": []}, config))


@program
def langgraph_node_that_raises(config: RunnableConfig) -> Any:
    state_graph, start, end = graph_parts()

    def broken(state: State) -> State:
        raise KeyError("gone")

    built = state_graph(State)
    built.add_node("broken", broken)
    built.add_edge(start, "broken")
    built.add_edge("broken", end)
    return built.compile().invoke({"seen": []}, config)


class Collector(RunCollectorCallbackHandler):
    """LangChain's run collector, which keeps a chat model's messages as LangChain's tracer does, and copies at once:
    it holds what the program may change after the call.
    """

    def __init__(self) -> None:
        # Before 0.2 it kept a chat model's messages as one text.
        options: Any = {"_schema_format": "original+chat"} if release("langchain-core") >= (0, 2) else {}
        super().__init__(**options)
        self.told: dict[Any, dict[str, Any]] = {}
        self.given: dict[Any, Any] = {}

    def _start_trace(self, run: Any) -> None:
        super()._start_trace(run)
        self.told[run.id] = {"inputs": plain(run.inputs), "outputs": None}
        self.given[run.id] = run.inputs

    def _end_trace(self, run: Any) -> None:
        self.told[run.id]["outputs"] = plain(run.outputs) or None
        if run.inputs is not self.given[run.id]:  # a stream's input is known at its end
            self.told[run.id]["inputs"] = plain(run.inputs)
        super()._end_trace(run)


def plain(value: Any) -> Any:
    # pydantic 1's models, which LangChain's were up to 0.2
    def other(held: Any) -> Any:
        return held.dict() if hasattr(held, "__fields__") else repr(held)

    return to_jsonable_python(value, fallback=other, serialize_as_any=True)


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
    """The spans of LangChain's runs; embeddings and those made by hand are none."""
    runs = [span for span in trace.spans.values() if "langchain.run_id" in span.metadata]
    return {span.metadata["langchain.run_id"]: span for span in runs}


def parent_run(trace: Any, span: Any) -> Any:
    """The nearest span around one that is a run."""
    above = trace.parent(span)
    while above is not None and "langchain.run_id" not in above.metadata:
        above = trace.parent(above)
    return above


def prompts(given: Any) -> Any:
    """A chat model's input as LangChain's tracer kept it before it kept messages."""
    find_load = find("langchain_core.load:load")
    return {"prompts": [get_buffer_string([find_load(each) for each in batch]) for batch in given["messages"]]}


def as_before(run: Any, given: Any) -> list[Any]:
    """How older tracers would have kept a span's input: FlowScope keeps messages and arguments in every version."""
    if run.run_type == "llm" and "messages" in given:
        return [prompts(given)]
    return [{"input": str(given)}] if run.run_type == "tool" else []


KINDS = {"chat_model": "llm"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_runs_parents_inputs_outputs_and_errors(
    name: str, traced: Any, caplog: pytest.LogCaptureFixture
) -> None:
    collector = run_both(PROGRAMS[name])
    if "Error in Collector" in caplog.text and release("langchain-core") < (0, 3):
        pytest.skip("LangChain's tracer fails")
    trace = traced.trace()
    spans = spans_by_run(trace)
    runs = {str(run.id): run for run in walk(collector.traced_runs)}

    assert runs
    assert {run.name for run in runs.values()} == {span.operation for span in spans.values()}
    assert runs.keys() == spans.keys()
    for id_, run in runs.items():
        span = spans[id_]
        parent = spans[str(run.parent_run_id)] if run.parent_run_id else None
        told = collector.told[run.id]
        assert span.operation == run.name
        assert parent_run(trace, span) is parent, run.name
        assert told["inputs"] in (span.input, *as_before(run, span.input)), run.name
        assert span.output == (None if not (told["outputs"] or {}).get("generations", True) else told["outputs"]), (
            run.name
        )
        assert span.metadata.get("langchain.tags", []) == (run.tags or []), run.name
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
    collector = RunCollectorCallbackHandler()
    token = run_collector_var.set(collector)
    try:
        lcel_with_parallel({})
    finally:
        run_collector_var.reset(token)
    spans = spans_by_run(traced.trace())
    runs = {str(run.id): run for run in walk(collector.traced_runs)}
    assert runs.keys() == spans.keys()
    models = [run for run in runs.values() if run.run_type == "llm"]
    assert len(models) == 2
    for run in models:
        assert run.inputs == prompts(spans[str(run.id)].input)


def test_an_interrupted_graph_has_not_failed(traced: Any) -> None:
    interrupt, command = find("langgraph.types:interrupt"), find("langgraph.types:Command")
    state_graph, start, _ = graph_parts()

    def ask(state: State) -> State:
        return {"seen": [interrupt({"question": "sure?"})]}

    below = state_graph(State)
    below.add_node("ask", ask)
    below.add_edge(start, "ask")
    above = state_graph(State)
    above.add_node("sub", below.compile())
    above.add_edge(start, "sub")
    built = above.compile(checkpointer=memory())
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    built.invoke({"seen": []}, config)
    assert built.invoke(command(resume="yes"), config)["seen"] == ["yes"]

    trace = traced.trace()
    assert {span.status for span in trace.spans.values()} == {"success"}
    asked, resumed = trace.named("ask")
    assert asked.metadata["langgraph.interrupts"] == [{"question": "sure?"}]
    assert resumed.output == {"seen": ["yes"]}
    assert all(span.metadata["gen_ai.conversation.id"] == "t" for span in trace.spans.values())


def test_a_command_to_the_parent_graph_is_no_failure(traced: Any) -> None:
    command = find("langgraph.types:Command")
    if not hasattr(command, "PARENT"):
        pytest.skip("no Command.PARENT")
    state_graph, start, _ = graph_parts()
    below = state_graph(State)
    below.add_node("hop", lambda state: command(graph=command.PARENT, goto="last", update={"seen": ["hop"]}))
    below.add_edge(start, "hop")
    above = state_graph(State)
    above.add_node("sub", below.compile())
    above.add_node("last", lambda state: {"seen": ["last"]})
    above.add_edge(start, "sub")
    assert above.compile().invoke({"seen": []})["seen"] == ["hop", "last"]

    trace = traced.trace()
    assert {span.status for span in trace.spans.values()} == {"success"}
    assert trace.one("hop").metadata["langgraph.parent_command"] is True


def test_a_graph_and_its_nodes_are_langgraphs(traced: Any) -> None:
    langgraph_without_a_fan_out({})
    trace = traced.trace()
    (root,) = trace.roots
    assert (root.kind, root.framework) == ("agent", "langgraph")
    node, model = trace.one("model"), trace.one("StreamingChat")
    assert (node.framework, model.framework) == ("langgraph", "langchain")
    assert node.metadata.get("langgraph.node", "model") == "model"  # unsaid before langgraph 0.1
    assert root.metadata["gen_ai.conversation.id"] == "t"


def test_spans_made_by_hand_stand_inside_the_bodies_that_open_them(traced: Any) -> None:
    def step(x: str) -> str:
        inside("in the lambda")
        return x

    @tool
    def shout(text: str) -> str:
        """Shout."""
        inside("in the tool")
        return text.upper()

    with flowscope.trace("outside"):
        (RunnableLambda(step) | shout | Trees(vectors=Vectors())).invoke("hello")
        inside("after")
    assert traced.trace().shapes() == [
        {
            "outside": [
                {
                    "RunnableSequence": [
                        {"step": ["in the lambda"]},
                        {"shout": ["in the tool"]},
                        {RETRIEVER: ["Vectors", "query"]},
                    ]
                },
                "after",
            ]
        }
    ]


# LangChain gives a retriever's run its class's name since 0.2.
RETRIEVER = "Trees" if "self.get_name()" in inspect.getsource(Trees.invoke) else "Retriever"


def test_spans_made_by_hand_stand_inside_a_legacy_chain(traced: Any) -> None:
    chain = find("langchain_classic.chains.base:Chain", "langchain.chains.base:Chain")

    class Legacy(chain):  # type: ignore[misc, valid-type]
        @property
        def input_keys(self) -> list[str]:
            return ["text"]

        @property
        def output_keys(self) -> list[str]:
            return ["answer"]

        def _call(self, inputs: Any, run_manager: Any = None) -> Any:
            inside("by hand")
            return {"answer": RunnableLambda(lambda x: x).with_config(run_name="step").invoke(inputs["text"])}

    Legacy().invoke({"text": "hi"})
    assert traced.trace().shapes() == [{"Legacy": ["by hand", "step"]}]


def test_embeddings_are_seen(traced: Any) -> None:
    vectors = Vectors()
    vectors.embed_documents(["oak", "elm"])
    asyncio.run(vectors.aembed_query("fir"))
    documents, query = traced.trace().roots
    assert (documents.kind, documents.output) == ("embedding", {"embeddings": 2, "dimensions": 3})
    assert (query.input, query.output) == ({"text": "fir"}, {"embeddings": 1, "dimensions": 3})


def test_a_streamed_answer_grows(traced: Any) -> None:
    stream = chat("some streamed words").stream("hi")
    next(stream)
    next(stream)
    (span,) = traced.trace().roots
    assert (span.status, span.output.strip()) == ("pending", "some streamed")
    assert span.metadata["gen_ai.response.time_to_first_chunk"] > 0
    list(stream)
    (span,) = traced.trace().roots
    assert (span.status, span.output["generations"][0][0]["text"]) == ("success", "some streamed words ")


def test_a_stream_that_is_left_or_forgotten_does_not_stay_pending(traced: Any) -> None:
    chain = ChatPromptTemplate.from_template("{x}") | chat("some streamed words") | StrOutputParser()
    left, forgotten = chain.stream({"x": 1}), chain.stream({"x": 2})
    next(left)
    next(forgotten)
    left.close()
    del forgotten
    gc.collect()
    trace = traced.trace()
    assert not trace.pending()
    assert flowscope.current_span() is None


def test_classes_imported_from_flowscope_are_langchains_own(traced: Any) -> None:
    from langchain_core.load import dumpd

    import flowscope.langchain as ours

    own = chain_class("LLMChain")
    assert ours.LLMChain is own and ours.ChatPromptTemplate is ChatPromptTemplate
    prompt = ours.PromptTemplate.from_template("A joke on {topic}")
    assert pickle.loads(pickle.dumps(prompt)) == prompt and dumpd(prompt)["id"][-1] == "PromptTemplate"
    ours.LLMChain(llm=Text(), prompt=prompt).invoke({"topic": "sand"})
    assert traced.trace().shapes() == [{"LLMChain": ["Text"]}]
