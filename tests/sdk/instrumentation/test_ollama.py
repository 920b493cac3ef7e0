"""ollama: chat, generate and embed, with nothing about the client changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import ollama
import pytest
from integration_kit import ModelClientTests
from model_server import TEXT, ModelServer

MESSAGES: Any = [{"role": "user", "content": "What is the weather?"}]
TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


class TestOllama(ModelClientTests):
    name = "ollama"
    operation = "chat llama3"
    provider = "ollama"
    usage: ClassVar[dict[str, int]] = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20}

    @staticmethod
    def owners() -> list[Any]:
        return [ollama.Client, ollama.AsyncClient]

    def ask(self, url: str) -> str:
        return str(ollama.Client(host=url).chat(model="llama3", messages=MESSAGES)["message"]["content"])

    def stream(self, url: str) -> Any:
        return ollama.Client(host=url).chat(model="llama3", messages=MESSAGES, stream=True)

    async def aask(self, url: str) -> str:
        answer = await ollama.AsyncClient(host=url).chat(model="llama3", messages=MESSAGES)
        return str(answer["message"]["content"])

    async def astream(self, url: str) -> Any:
        return await ollama.AsyncClient(host=url).chat(model="llama3", messages=MESSAGES, stream=True)

    async def aclose(self, stream: Any) -> None:
        await stream.aclose()

    def text(self, piece: Any) -> str:
        return str(piece["message"]["content"] or "")

    def program(self, url: str) -> str:
        return f"""
import ollama
messages = [{{"role": "user", "content": "What is the weather?"}}]
print(ollama.Client(host="{url}").chat(model="llama3", messages=messages)["message"]["content"])
"""


@pytest.fixture
def traced(attach: Callable[..., Any]) -> Any:
    return attach("ollama")


def test_parameters_and_tool_calls(traced: Any, models: ModelServer) -> None:
    client = ollama.Client(host=models.url)
    client.chat(model="llama3", messages=MESSAGES, tools=TOOLS, options={"temperature": 0.5, "num_predict": 50})
    list(client.chat(model="llama3", messages=MESSAGES, tools=TOOLS, stream=True))
    called, streamed = traced.trace().roots
    assert called.metadata["gen_ai.request.temperature"] == 0.5
    assert called.metadata["gen_ai.request.max_tokens"] == 50
    assert called.metadata["gen_ai.tool.definitions"][0]["function"]["name"] == "weather"
    assert called.output["message"]["tool_calls"][0]["function"]["arguments"] == {"city": "Oslo"}
    assert streamed.output["parts"][0]["name"] == "weather"


def test_generate_and_embed(traced: Any, models: ModelServer) -> None:
    client = ollama.Client(host=models.url)
    assert client.generate(model="llama3", prompt="Hi")["response"] == TEXT
    assert "".join(piece["response"] for piece in client.generate(model="llama3", prompt="Hi", stream=True)) == TEXT
    client.embed(model="nomic", input=["a", "b"])
    plain, streamed, embedded = traced.trace().roots
    assert (plain.operation, plain.output, streamed.output) == ("text_completion llama3", {"response": TEXT}, TEXT)
    assert (embedded.kind, embedded.output) == ("embedding", {"embeddings": 2, "dimensions": 3})
    assert embedded.metadata["gen_ai.usage.input_tokens"] == 7
