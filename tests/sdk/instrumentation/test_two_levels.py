"""A call that a framework makes through a provider's client: one inside the other, and its tokens counted once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_completion_callback
from model_server import TEXT, ModelServer

import flowscope

USAGE = {"prompt_tokens": 100, "completion_tokens": 20}


class Model(CustomLLM):
    """Asks OpenAI, as LlamaIndex's own OpenAI model does, and tells its tokens too."""

    url: str

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="gpt-4o")

    def _ask(self, prompt: str, **options: Any) -> Any:
        client = openai.OpenAI(base_url=f"{self.url}/v1", api_key="sk-test")
        messages: Any = [{"role": "user", "content": prompt}]
        return client.chat.completions.create(model="gpt-4o", messages=messages, **options)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self._ask(prompt).choices[0].message.content, raw={"usage": USAGE})

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Iterator[CompletionResponse]:
        def pieces() -> Iterator[CompletionResponse]:
            text = ""
            # Asked only when the stream is read, and so outside of what LlamaIndex takes for the call.
            for chunk in self._ask(prompt, stream=True, stream_options={"include_usage": True}):
                delta = (chunk.choices[0].delta.content or "") if chunk.choices else ""
                text += delta
                yield CompletionResponse(text=text, delta=delta, raw={"usage": USAGE})

        return pieces()


class TellingModel(CustomLLM):
    """Asks nobody, and tells tokens."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="own")

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=TEXT, raw={"usage": USAGE})

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Iterator[CompletionResponse]:
        raise NotImplementedError


@pytest.fixture
def traced(attach: Any) -> Any:
    return attach("llamaindex", "openai")


def test_llamaindex_over_openai(traced: Any, models: ModelServer) -> None:
    model = Model(url=models.url)
    assert model.complete("Hi").text == TEXT
    with flowscope.trace("reader"):
        assert [piece.text for piece in model.stream_complete("Hi")][-1] == TEXT
    trace = traced.trace()
    assert trace.shapes() == [
        {"Model.complete": ["chat gpt-4o"]},
        {"reader": [{"Model.stream_complete": ["chat gpt-4o"]}]},
    ]
    for outer in (trace.roots[0], trace.roots[1].children[0]):
        assert outer.metadata["flowscope.usage.counted"] is False
        (inner,) = outer.children
        assert inner.metadata["gen_ai.usage.input_tokens"] == 100
        assert "flowscope.usage.counted" not in inner.metadata


def test_a_span_of_ones_own_that_tells_the_same_tokens(traced: Any, models: ModelServer) -> None:
    with flowscope.trace("ask", kind="llm") as span:
        client = openai.OpenAI(base_url=f"{models.url}/v1", api_key="sk-test")
        client.embeddings.create(model="e", input="a")
        span.set("gen_ai.usage.input_tokens", 7)
    (mine,) = traced.trace().roots
    assert mine.metadata["flowscope.usage.counted"] is False


@pytest.mark.parametrize("framework", ["langchain", "llamaindex", "openai"])
def test_whoever_tells_tokens_tells_them_for_the_calls_around(framework: str, attach: Any, models: ModelServer) -> None:
    traced = attach(framework)
    with flowscope.extract({"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}):
        with flowscope.trace("ask", kind="llm"), flowscope.trace("step"):
            if framework == "langchain":
                usage = UsageMetadata(input_tokens=100, output_tokens=20, total_tokens=120)
                answers = iter([AIMessage(TEXT, usage_metadata=usage)])
                assert GenericFakeChatModel(messages=answers).invoke("Hi").content == TEXT
            elif framework == "llamaindex":
                assert TellingModel().complete("Hi").text == TEXT
            else:
                assert Model(url=models.url)._ask("Hi").choices[0].message.content == TEXT
        with flowscope.trace("other", kind="llm"):
            pass
    trace = traced.trace()
    (inner,) = [span for span in trace.spans.values() if "gen_ai.usage.input_tokens" in span.metadata]
    assert inner.framework == framework
    assert inner.metadata["flowscope.usage.caller"] == "b" * 16
    assert "flowscope.usage.counted" not in inner.metadata
    assert trace.one("ask").metadata["flowscope.usage.counted"] is False
    assert "flowscope.usage.counted" not in trace.one("step").metadata
    assert "flowscope.usage.counted" not in trace.one("other").metadata
