"""A program that does, one session each, what every rule is to find. Run traced."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langchain_core.vectorstores import InMemoryVectorStore

import flowscope


class Embedding(DeterministicFakeEmbedding):
    """One that takes its time, as a remote one does."""

    def embed_query(self, text: str) -> list[float]:
        time.sleep(0.02)
        return super().embed_query(text)


FAILURES = iter([True, True, False])


@tool
def weather(city: str) -> str:
    """Say the weather of a city."""
    time.sleep(0.06)
    return f"12 degrees in {city}"


@tool
def flaky(order: str) -> str:
    """Fail twice."""
    time.sleep(0.02)
    if next(FAILURES):
        raise ConnectionError("no answer")
    return "shipped"


@tool
def broken(order: str) -> str:
    """Fail."""
    raise ValueError("unknown order")


def in_a_row(_: Any) -> list[str]:
    return [weather.invoke({"city": city}) for city in ("Oslo", "Bergen", "Rome")]


def the_same_prompt(_: Any) -> None:
    model = FakeListChatModel(responses=["yes"], sleep=0.1)
    for _turn in range(3):
        model.invoke("Is Oslo in Norway?")


def tried_again(_: Any) -> str:
    return flaky.with_retry(stop_after_attempt=3, wait_exponential_jitter=False).invoke({"order": "7"})


def slow_to_begin(_: Any) -> str:
    return "".join(str(chunk.content) for chunk in FakeListChatModel(responses=["!"], sleep=1.1).stream("Hello"))


def growing(_: Any) -> None:
    def answers() -> Iterator[AIMessage]:
        for turn in range(5):
            used = 300 * 2**turn
            usage: Any = {"input_tokens": used, "output_tokens": 5, "total_tokens": used + 5}
            yield AIMessage(f"answer {turn}", usage_metadata=usage)

    model = GenericFakeChatModel(messages=answers())
    history: list[Any] = []
    for turn in range(5):
        history += [("user", f"question {turn}")]
        history += [model.invoke(history)]


def one_look_up_each(_: Any) -> None:
    store = InMemoryVectorStore(Embedding(size=8))
    store.add_documents([Document(f"hotel {number}") for number in range(8)])
    retriever = store.as_retriever()
    for number in range(8):
        retriever.invoke(f"hotel {number}")


def waiting(_: Any) -> None:
    weather.invoke({"city": "Oslo"})
    time.sleep(0.5)
    weather.invoke({"city": "Rome"})


def one_dear_call(_: Any) -> None:
    for tokens in (100, 100, 100, 100, 90_000):
        with flowscope.trace("ask") as span:
            span.set_metadata(
                {
                    "flowscope.kind": "llm",
                    "gen_ai.provider.name": "openai",
                    "gen_ai.request.model": "gpt-4o",
                    "gen_ai.usage.input_tokens": tokens,
                    "gen_ai.usage.output_tokens": 10,
                }
            )


def swallowed(_: Any) -> str:
    try:
        return str(broken.invoke({"order": "7"}))
    except ValueError:
        return "I could not find out"


RUNS: tuple[Callable[[Any], Any], ...] = (
    in_a_row,
    the_same_prompt,
    tried_again,
    slow_to_begin,
    growing,
    one_look_up_each,
    waiting,
    one_dear_call,
    swallowed,
)

if __name__ == "__main__":
    for run in RUNS:
        with flowscope.trace(run.__name__, session_id=run.__name__):
            RunnableLambda(run).invoke(None)
