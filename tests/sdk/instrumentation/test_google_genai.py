"""google-genai: content and embeddings, with nothing about the client changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from google import genai
from google.genai import types
from integration_kit import ModelClientTests
from model_server import ModelServer

MODEL = "gemini-2.5-flash"


def client(url: str) -> Any:
    return genai.Client(api_key="test", http_options=types.HttpOptions(base_url=url))


class TestGoogleGenAI(ModelClientTests):
    name = "google-genai"
    operation = f"generate_content {MODEL}"
    provider = "gcp.gemini"
    asks_when_read = True

    @staticmethod
    def owners() -> list[Any]:
        return [genai._api_client.BaseApiClient]

    def ask(self, url: str) -> str:
        asked = client(url)  # held: it closes what it sends through when it is forgotten
        return str(asked.models.generate_content(model=MODEL, contents="What is the weather?").text)

    def stream(self, url: str) -> Any:
        self.held = client(url)
        return self.held.models.generate_content_stream(model=MODEL, contents="What is the weather?")

    async def aask(self, url: str) -> str:
        asked = client(url)
        return str((await asked.aio.models.generate_content(model=MODEL, contents="What is the weather?")).text)

    async def astream(self, url: str) -> Any:
        self.held = client(url)
        return await self.held.aio.models.generate_content_stream(model=MODEL, contents="What is the weather?")

    async def aclose(self, stream: Any) -> None:
        await stream.aclose()
        for _ in range(5):  # it drops the generator below it, which the loop closes in its next rounds
            await asyncio.sleep(0)

    def text(self, piece: Any) -> str:
        return piece.text or ""

    def program(self, url: str) -> str:
        return f"""
from google import genai
client = genai.Client(api_key="test", http_options={{"base_url": "{url}"}})
print(client.models.generate_content(model="{MODEL}", contents="What is the weather?").text)
"""


@pytest.fixture
def traced(attach: Callable[..., Any]) -> Any:
    return attach("google-genai")


def test_parameters_and_tool_calls(traced: Any, models: ModelServer) -> None:
    tool = types.Tool(function_declarations=[types.FunctionDeclaration(name="weather", description="Look out.")])
    config = types.GenerateContentConfig(
        tools=[tool], temperature=0.5, max_output_tokens=50, system_instruction="Be brief.", stop_sequences=["END"]
    )
    asked = client(models.url)
    asked.models.generate_content(model=MODEL, contents="Weather?", config=config)
    list(asked.models.generate_content_stream(model=MODEL, contents="Weather?", config=config))
    called, streamed = traced.trace().roots
    expected = {
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 50,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.response.id": "gem_1",
        "gen_ai.response.model": "gemini-2.5-flash-001",
        "gen_ai.response.finish_reasons": ["STOP"],
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.reasoning.output_tokens": 5,
    }
    assert {key: called.metadata.get(key) for key in expected} == expected
    assert "Look out." in json.dumps(called.metadata["gen_ai.tool.definitions"])
    assert "Be brief." in json.dumps(called.input)
    assert called.output["candidates"][0]["content"]["parts"][0]["functionCall"]["args"] == {"city": "Oslo"}
    assert streamed.output["parts"][0]["id"] == "call_1"


def test_embeddings(traced: Any, models: ModelServer) -> None:
    asked = client(models.url)
    asked.models.embed_content(model="gemini-embedding-001", contents=["a", "b"])
    (span,) = traced.trace().roots
    assert span.kind == "embedding"
    assert span.output["dimensions"] == 3
