"""What a LangChain span says of models, tools, retrievers and graphs, under the conventions' names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, TypedDict

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.llms import LLM
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, Generation, LLMResult
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langchain_core.vectorstores import InMemoryVectorStore
from langgraph.graph import START, StateGraph
from pydantic import BaseModel

import flowscope

USAGE = {
    "input_tokens": 100,
    "output_tokens": 20,
    "total_tokens": 120,
    "input_token_details": {"cache_read": 64, "cache_creation": 8},
    "output_token_details": {"reasoning": 5},
}


class Model(BaseChatModel):
    """Says what a provider's model says."""

    model: str = "small"
    temperature: float = 0.0

    @property
    def _llm_type(self) -> str:
        return "provider-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "top_p": 0.9, "api_key": "not to be told"}

    def _get_ls_params(self, stop: Any = None, **kwargs: Any) -> Any:
        return {"ls_provider": "azure", "ls_model_name": self.model, "ls_model_type": "chat", "ls_temperature": 0.0}

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        message = AIMessage(
            "fine",
            usage_metadata=USAGE,
            response_metadata={"model_name": "small-2026", "id": "resp_1"},
            tool_calls=[{"name": "add", "args": {"a": 1}, "id": "call_1"}],
        )
        return ChatResult(
            generations=[ChatGeneration(message=message, generation_info={"finish_reason": "tool_calls"})]
        )

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Iterator[Any]:
        for text in ("", "fi", "ne"):
            yield ChatGenerationChunk(message=AIMessageChunk(text))
        yield ChatGenerationChunk(message=AIMessageChunk("", usage_metadata=USAGE))


class OlderModel(LLM):
    """Tells its tokens beside the answer, as models did before messages carried them."""

    @property
    def _llm_type(self) -> str:
        return "older"

    def _call(self, prompt: str, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> str:
        return "fine"

    def _generate(self, prompts: list[str], *args: Any, **kwargs: Any) -> LLMResult:
        return LLMResult(
            generations=[[Generation(text="fine", generation_info={"finish_reason": "stop"})] for _ in prompts],
            llm_output={"token_usage": {"prompt_tokens": 7, "completion_tokens": 2}, "model_name": "older-1"},
        )


def said(span: Any, expected: dict[str, Any]) -> dict[str, Any]:
    return {key: span.metadata.get(key) for key in expected}


def test_a_chat_model(traced: Any) -> None:
    Model().bind(tools=[{"type": "function", "function": {"name": "add"}}], stop=["END"], max_tokens=50).invoke(
        [SystemMessage("Be brief."), HumanMessage("How are you?")]
    )
    (span,) = traced.trace().roots
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.request.model": "small",
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.tool.definitions": [{"type": "function", "function": {"name": "add"}}],
        "gen_ai.response.model": "small-2026",
        "gen_ai.response.id": "resp_1",
        "gen_ai.response.finish_reasons": ["tool_calls"],
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 64,
        "gen_ai.usage.cache_creation.input_tokens": 8,
        "gen_ai.usage.reasoning.output_tokens": 5,
    }
    assert said(span, expected) == expected
    assert "not to be told" not in str(span.metadata)
    (batch,) = span.input["messages"]
    assert [(each["kwargs"]["type"], each["kwargs"]["content"]) for each in batch] == [
        ("system", "Be brief."),
        ("human", "How are you?"),
    ]
    answer = span.output["generations"][0][0]["message"]["kwargs"]
    assert answer["tool_calls"] == [{"name": "add", "args": {"a": 1}, "id": "call_1", "type": "tool_call"}]


def test_a_text_model(traced: Any) -> None:
    OlderModel().invoke("How are you?")
    (span,) = traced.trace().roots
    expected = {
        "gen_ai.operation.name": "text_completion",
        "gen_ai.response.model": "older-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 2,
    }
    assert said(span, expected) == expected
    assert span.input == {"prompts": ["How are you?"]}


def test_a_streamed_answer_grows_and_tells_when_it_began(traced: Any) -> None:
    stream = Model().stream("hi")
    for _ in range(3):
        next(stream)
    (span,) = traced.trace().roots
    assert (span.status, span.output) == ("pending", "fine")
    assert span.metadata["flowscope.stream"] is True
    assert span.metadata["flowscope.first_token_ns"] > 0
    list(stream)
    (span,) = traced.trace().roots
    assert span.status == "success"
    assert span.output["generations"][0][0]["text"] == "fine"
    assert span.metadata["gen_ai.usage.input_tokens"] == 100


def test_a_tool_and_the_call_it_answers(traced: Any) -> None:
    @tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    add.invoke({"type": "tool_call", "id": "call_9", "name": "add", "args": {"a": 1, "b": 2}})
    (span,) = traced.trace().roots
    expected = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "add",
        "gen_ai.tool.description": "Add two numbers.",
        "gen_ai.tool.call.id": "call_9",
    }
    assert said(span, expected) == expected
    assert (span.kind, span.input, span.output["output"]["content"]) == ("tool", {"a": 1, "b": 2}, "3")


def test_a_tool_that_raises(traced: Any) -> None:
    @tool
    def look_up(key: str) -> str:
        """Look up."""
        raise KeyError(key)

    with pytest.raises(KeyError):
        look_up.invoke({"key": "x"})
    (span,) = traced.trace().roots
    assert (span.status, span.error) == ("error", "KeyError: 'x'")
    assert span.metadata["flowscope.exception.type"] == "KeyError"
    assert "raise KeyError(key)" in span.metadata["flowscope.exception.stacktrace"]


class Search(BaseRetriever):
    """Finds two documents."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [Document("oak", id="1", metadata={"score": 0.9}), Document("elm", metadata={"source": "elm.md"})]


def test_a_retriever_and_its_documents(traced: Any) -> None:
    Search(tags=["trees"]).invoke("wood")
    (span,) = traced.trace().roots
    assert span.kind == "retriever"
    assert span.metadata["gen_ai.retrieval.query.text"] == "wood"
    assert span.metadata["gen_ai.retrieval.documents"] == [{"id": "1", "score": 0.9}, {"id": "elm.md"}]
    assert [document["page_content"] for document in span.output["documents"]] == ["oak", "elm"]


class Vectors(BaseModel, Embeddings):
    """A query is embedded as a document is; documents of their own way when there are many."""

    model: str = "vectors-small"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if "bad" in texts:
            raise ConnectionError("reset")
        with flowscope.trace("request"):
            return [[0.0, 0.5, 1.0] for _ in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def test_embeddings_inside_and_outside_of_a_retriever(traced: Any) -> None:
    model = Vectors()
    store = InMemoryVectorStore.from_texts(["oak", "elm"], model)
    store.as_retriever().invoke("wood?")
    asyncio.run(model.aembed_query("fir"))
    with pytest.raises(ConnectionError):
        model.embed_documents(["bad"])
    trace = traced.trace()
    assert trace.shapes() == [
        {"Vectors": ["request"]},
        {"VectorStoreRetriever": [{"Vectors": ["request"]}]},
        {"Vectors": ["request"]},
        "Vectors",
    ]
    first, query, _, broken = trace.named("Vectors")
    expected = {"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "vectors-small"}
    assert said(first, expected) == expected
    assert (first.kind, first.input, first.output) == (
        "embedding",
        {"texts": ["oak", "elm"]},
        {"embeddings": 2, "dimensions": 3},
    )
    assert (query.input, query.output) == ({"text": "wood?"}, {"embeddings": 1, "dimensions": 3})
    assert broken.error == "ConnectionError: reset"


class Thinker(Model):
    """Streams its reasoning, a text and a tool call."""

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Iterator[Any]:
        call = {"type": "tool_call_chunk", "index": 2, "id": "call_1", "name": "add", "args": '{"a": '}
        yield ChatGenerationChunk(message=AIMessageChunk([{"type": "reasoning", "reasoning": "Sum? ", "index": 0}]))
        yield ChatGenerationChunk(message=AIMessageChunk("", additional_kwargs={"reasoning_content": "Add."}))
        yield ChatGenerationChunk(message=AIMessageChunk([{"type": "text", "text": "Let me add.", "index": 1}]))
        yield ChatGenerationChunk(message=AIMessageChunk("", tool_call_chunks=[call]))
        more = {"type": "tool_call_chunk", "index": 2, "id": None, "name": None, "args": "1}"}
        yield ChatGenerationChunk(message=AIMessageChunk("", tool_call_chunks=[more]))
        yield ChatGenerationChunk(message=AIMessageChunk("", chunk_position="last"))


@pytest.mark.parametrize("events", [False, True], ids=["chunks", "events"])
def test_reasoning_and_tool_calls_grow_as_they_stream(events: bool, traced: Any) -> None:
    grown = [
        {"type": "reasoning", "content": "Sum? Add."},
        {"type": "text", "content": "Let me add."},
        {"type": "tool_call", "id": "call_1", "name": "add", "arguments": '{"a": 1}'},
    ]
    if events:
        stream = iter(Thinker().stream_events("hi", version="v3"))
    else:
        stream = Thinker().stream("hi")
    seen = []
    for _ in stream:
        (span,) = traced.trace().roots
        seen.append(span.output)
    assert {"role": "assistant", "parts": grown} in seen
    (span,) = traced.trace().roots
    (call,) = span.output["generations"][0][0]["message"]["kwargs"]["tool_calls"]
    assert (call["id"], call["args"]) == ("call_1", {"a": 1})


class State(TypedDict, total=False):
    """A graph's state."""

    x: int


def test_a_graph_its_nodes_and_what_the_user_adds(traced: Any) -> None:
    built = StateGraph(State)
    built.add_node("work", lambda state: {"x": RunnableLambda(lambda x: x + 1, name="plus").invoke(state["x"])})
    built.add_edge(START, "work")
    config = {"configurable": {"thread_id": "t-1"}, "tags": ["nightly"], "metadata": {"customer": "c-7"}}
    asyncio.run(built.compile(name="worker").ainvoke({"x": 1}, config))
    trace = traced.trace()
    graph, node, step = trace.one("worker"), trace.one("work"), trace.one("plus")
    assert (graph.kind, graph.metadata["gen_ai.agent.name"]) == ("agent", "worker")
    assert (node.kind, node.metadata["langgraph.node"], node.metadata["langgraph.step"]) == ("chain", "work", 1)
    assert node.metadata["langgraph.checkpoint_ns"].startswith("work:")
    assert step.metadata["langgraph.node"] == "work"
    assert (graph.framework, node.framework, step.framework) == ("langgraph", "langgraph", "langchain")
    for span in (graph, node, step):
        assert span.metadata["gen_ai.conversation.id"] == "t-1"
        assert "nightly" in span.metadata["langchain.tags"]
        assert span.metadata["langchain.metadata"]["customer"] == "c-7"


def test_inputs_are_kept_as_they_were(traced: Any) -> None:
    def change(state: dict[str, Any]) -> dict[str, Any]:
        state["words"].append("later")
        return state

    RunnableLambda(change).invoke({"words": ["first"]})
    (span,) = traced.trace().roots
    assert span.input == {"words": ["first"]}
    assert span.output == {"words": ["first", "later"]}
