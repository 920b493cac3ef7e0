"""What LangChain's runs say beside what its own tracer tells: graphs, spans made by hand, streams, embeddings.

`make test` runs this with the newest LangChain, `make matrix` with older ones, where what a version lacks is skipped.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import pickle
from typing import Any

import pytest
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import tool
from langchain_parts import Text, Trees, Vectors, chat, inside
from langchain_programs import (
    State,
    chain_class,
    graph_parts,
    langgraph_without_a_fan_out,
    memory,
)
from versions import find

import flowscope

pytestmark = pytest.mark.filterwarnings("ignore")  # LangChain's own, of many versions


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
