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
