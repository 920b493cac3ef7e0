"""LangChain and LangGraph programs of every kind, each a function of the config that it runs with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from operator import add
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import RunnableConfig, RunnableLambda, RunnableParallel, RunnablePassthrough
from langchain_core.tools import tool
from langchain_parts import Chat, StreamingText, Text, Trees, Vectors, chat
from versions import find

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
