"""litellm, where it is installed (it takes no openai as new as the others here; `make matrix` runs it)."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, ClassVar

import pytest
from integration_kit import ModelClientTests
from model_server import TEXT, ModelServer

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks the network when it is imported
litellm = pytest.importorskip("litellm")
MESSAGES: Any = [{"role": "user", "content": "What is the weather?"}]


def asked(url: str, **more: Any) -> dict[str, Any]:
    about = {"model": "openai/gpt-4o", "messages": MESSAGES, "api_base": f"{url}/v1", "api_key": "sk-test"}
    return {**about, "max_retries": 0, **more}


STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


class TestLiteLLM(ModelClientTests):
    name = "litellm"
    operation = "chat openai/gpt-4o"
    provider = "openai"
    usage: ClassVar[dict[str, int]] = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20}

    @staticmethod
    def owners() -> list[Any]:
        from litellm.litellm_core_utils import streaming_handler

        return [litellm, litellm.main, streaming_handler.CustomStreamWrapper]

    def ask(self, url: str) -> str:
        return str(litellm.completion(**asked(url)).choices[0].message.content)

    def stream(self, url: str) -> Any:
        return litellm.completion(**asked(url, **STREAMED))

    async def aask(self, url: str) -> str:
        return str((await litellm.acompletion(**asked(url))).choices[0].message.content)

    async def astream(self, url: str) -> Any:
        return await litellm.acompletion(**asked(url, **STREAMED))

    def text(self, piece: Any) -> str:
        return (piece.choices[0].delta.content or "") if piece.choices else ""

    def program(self, url: str) -> str:
        return f"""
from litellm import completion
messages = [{{"role": "user", "content": "What is the weather?"}}]
answer = completion(model="openai/gpt-4o", messages=messages, api_base="{url}/v1", api_key="sk-test")
print(answer.choices[0].message.content)
"""

    def after_forgetting(self, traced: Any) -> Any:
        if int(version("litellm").split(".")[1]) < 103:
            pytest.skip("litellm keeps its streams")
        return super().after_forgetting(traced)

    # litellm's streams have no way to be closed: they are forgotten.
    def test_a_stream_left_midway_ends(self, traced: Any, models: ModelServer) -> None:
        stream = self.stream(models.url)
        assert self.first(iter(stream)) == "Twelve"
        del stream
        self.check_left(self.after_forgetting(traced))

    async def test_an_asynchronous_stream_left_midway_ends(self, traced: Any, models: ModelServer) -> None:
        stream = await self.astream(models.url)
        assert await self.afirst(aiter(stream)) == "Twelve"
        del stream
        self.check_left(self.after_forgetting(traced))


@pytest.fixture
def traced(attach: Callable[..., Any]) -> Any:
    return attach("litellm", "openai")


def test_over_openai_tokens_count_once(traced: Any, models: ModelServer) -> None:
    litellm.completion(**asked(models.url))
    stream = litellm.completion(**asked(models.url, **STREAMED))
    assert "".join(piece.choices[0].delta.content or "" for piece in stream) == TEXT
    roots = traced.trace().roots
    assert [root.shape() for root in roots] == [{"chat openai/gpt-4o": ["chat gpt-4o"]}] * 2
    for root in roots:
        assert root.metadata["flowscope.usage.counted"] is False
        assert "flowscope.usage.counted" not in root.children[0].metadata


def test_embeddings(attach: Any, models: ModelServer) -> None:
    traced = attach("litellm")
    litellm.embedding(model="openai/e", input=["a", "b"], api_base=f"{models.url}/v1", api_key="sk-test")
    (span,) = traced.trace().roots
    assert (span.kind, span.output["embeddings"]) == ("embedding", 2)
    assert span.metadata["gen_ai.usage.input_tokens"] == 7


PROMPT = "What is the weather?"


def responses_asked(url: str, **more: Any) -> dict[str, Any]:
    about = {"model": "openai/gpt-4o", "input": PROMPT, "api_base": f"{url}/v1", "api_key": "sk-test"}
    return {**about, "max_output_tokens": 50, **more}


def words(events: list[Any]) -> str:
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def check_responses(span: Any, provider: str = "openai") -> None:
    assert (span.operation, span.kind, span.framework) == ("chat openai/gpt-4o", "llm", "litellm")
    assert (span.status, span.input) == ("success", {"input": PROMPT})
    assert TEXT in str(span.output)
    about = span.metadata
    assert (about["gen_ai.provider.name"], about["gen_ai.request.max_tokens"]) == (provider, 50)
    assert (about["gen_ai.usage.input_tokens"], about["gen_ai.usage.output_tokens"]) == (100, 20)
    assert about["gen_ai.response.finish_reasons"] == ["completed"]
    assert "flowscope.stream.abandoned" not in about


def test_responses(traced: Any, models: ModelServer) -> None:
    answer = litellm.responses(**responses_asked(models.url))
    assert answer.output[0].content[0].text == TEXT
    assert words(list(litellm.responses(**responses_asked(models.url, stream=True)))) == TEXT
    first, second = traced.trace().roots
    for span in (first, second):
        check_responses(span)
        assert not span.children
    assert second.metadata["flowscope.stream"] is True


async def test_asynchronous_responses(traced: Any, models: ModelServer) -> None:
    answer = await litellm.aresponses(**responses_asked(models.url))
    assert answer.output[0].content[0].text == TEXT
    stream = await litellm.aresponses(**responses_asked(models.url, stream=True))
    assert words([event async for event in stream]) == TEXT
    for span in traced.trace().roots:
        check_responses(span)
    assert len(traced.trace().roots) == 2


def test_responses_of_a_provider_without_them(traced: Any, models: ModelServer) -> None:
    asked = responses_asked(models.url, model="nvidia_nim/gpt-4o")
    assert litellm.responses(**asked).output[0].content[0].text == TEXT
    assert words(list(litellm.responses(**asked, stream=True))) == TEXT
    for outer in traced.trace().roots:  # made of completion(), which goes through openai
        (middle,) = outer.children
        (inner,) = middle.children
        assert [outer.framework, middle.framework, inner.framework] == ["litellm", "litellm", "openai"]
        assert [TEXT in str(span.output) for span in (outer, middle, inner)] == [True] * 3
        counted = [span for span in (outer, middle, inner) if span.metadata.get("flowscope.usage.counted", True)]
        assert len([span for span in counted if "gen_ai.usage.input_tokens" in span.metadata]) == 1


def test_embeddings_over_openai_count_once(traced: Any, models: ModelServer) -> None:
    litellm.embedding(model="openai/e", input=["a", "b"], api_base=f"{models.url}/v1", api_key="sk-test")
    (outer,) = traced.trace().roots
    (inner,) = outer.children
    assert (outer.kind, inner.kind) == ("embedding", "embedding")
    assert outer.metadata["flowscope.usage.counted"] is False
    assert "flowscope.usage.counted" not in inner.metadata
