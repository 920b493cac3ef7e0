"""anthropic: messages, streams and their helpers, tools, thinking, the cache; the client stays as it is."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any, ClassVar

import anthropic
import pytest
from integration_kit import ModelClientTests
from model_server import TEXT, ModelServer

from flowscope import _runtime
from flowscope.instrumentation import _anthropic_values, _watched
from flowscope.instrumentation._calls import Call

MESSAGES: Any = [{"role": "user", "content": "What is the weather?"}]
TOOLS: Any = [{"name": "weather", "input_schema": {"type": "object"}}]
ASKED: Any = {"model": "claude-test", "max_tokens": 64, "messages": MESSAGES}


def client(url: str, **options: Any) -> Any:
    return anthropic.Anthropic(base_url=url, api_key="sk-ant-test", **{"max_retries": 0, **options})


def async_client(url: str) -> Any:
    return anthropic.AsyncAnthropic(base_url=url, api_key="sk-ant-test", max_retries=0)


class TestAnthropic(ModelClientTests):
    name = "anthropic"
    operation = "chat claude-test"
    provider = "anthropic"
    usage: ClassVar[dict[str, int]] = {**ModelClientTests.usage, "gen_ai.usage.cache_creation.input_tokens": 6}

    @staticmethod
    def owners() -> list[Any]:
        base = anthropic._base_client
        return [base.SyncAPIClient, base.AsyncAPIClient, base.BaseClient]

    def ask(self, url: str) -> str:
        with client(url) as asked:
            return str(asked.messages.create(**ASKED).content[0].text)

    def stream(self, url: str) -> Any:
        return client(url).messages.create(**ASKED, stream=True)

    async def aask(self, url: str) -> str:
        async with async_client(url) as asked:
            return str((await asked.messages.create(**ASKED)).content[0].text)

    async def astream(self, url: str) -> Any:
        return await async_client(url).messages.create(**ASKED, stream=True)

    def text(self, piece: Any) -> str:
        return getattr(piece.delta, "text", "") if piece.type == "content_block_delta" else ""

    def program(self, url: str) -> str:
        return f"""
import anthropic
client = anthropic.Anthropic(base_url="{url}", api_key="sk-ant-test")
messages = [{{"role": "user", "content": "What is the weather?"}}]
print(client.messages.create(model="claude-test", max_tokens=64, messages=messages).content[0].text)
"""


@pytest.fixture
def traced(attach: Any) -> Any:
    return attach("anthropic")


def test_parameters_tools_and_answer(traced: Any, models: ModelServer) -> None:
    client(models.url).messages.create(
        **ASKED, system="Be brief.", tools=TOOLS, stop_sequences=["END"], extra_body={"temperature": 0.5}
    )
    (span,) = traced.trace().roots
    assert span.input == {"system": "Be brief.", "messages": MESSAGES}
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.max_tokens": 64,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.tool.definitions": TOOLS,
        "gen_ai.response.id": "msg_1",
        "gen_ai.response.model": "claude-test-2026",
        "gen_ai.response.finish_reasons": ["tool_use"],
    }
    assert {key: span.metadata.get(key) for key in expected} == expected
    assert span.output["content"][1]["id"] == "toolu_1"
    assert "sk-ant-test" not in str(span.record)


def test_the_stream_helper(traced: Any, models: ModelServer) -> None:
    with client(models.url).messages.stream(**ASKED) as stream:
        assert "".join(stream.text_stream) == TEXT
        assert stream.get_final_message().usage.output_tokens == 20
    with models.held(), client(models.url).messages.stream(**ASKED) as stream:
        assert next(iter(stream.text_stream)) == "Twelve"
    read, left = traced.trace().roots
    assert (read.output, read.metadata["gen_ai.usage.output_tokens"]) == (TEXT, 20)
    assert "flowscope.stream.abandoned" not in read.metadata
    assert (left.output, left.metadata["flowscope.stream.abandoned"]) == ("Twelve", True)


async def test_the_asynchronous_stream_helper(traced: Any, models: ModelServer) -> None:
    async with async_client(models.url).messages.stream(**ASKED) as stream:
        assert "".join([text async for text in stream.text_stream]) == TEXT
    (span,) = traced.trace().roots
    assert span.output == TEXT


def test_streamed_tools_and_thinking(traced: Any, models: ModelServer) -> None:
    list(client(models.url).messages.create(**ASKED, tools=TOOLS, stream=True))
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    list(client(models.url).messages.create(**ASKED, extra_body=thinking, stream=True))
    called, thought = traced.trace().roots
    assert called.output["parts"] == [
        {"type": "text", "content": "Let me look."},
        {"type": "tool_call", "id": "toolu_1", "name": "weather", "arguments": '{"city": "Oslo"}'},
    ]
    assert thought.output["parts"] == [
        {"type": "reasoning", "content": "Oslo in May."},
        {"type": "text", "content": TEXT},
    ]
    assert thought.metadata["anthropic.request.thinking_budget"] == 1024


def test_raw_and_streaming_responses(traced: Any, models: ModelServer) -> None:
    messages = client(models.url).messages
    assert messages.with_raw_response.create(**ASKED).parse().content[0].text == TEXT
    assert len(list(messages.with_raw_response.create(**ASKED, stream=True).parse())) > 4
    with messages.with_streaming_response.create(**ASKED) as response:
        assert response.parse().content[0].text == TEXT
    trace = traced.trace()
    assert [TEXT in str(span.output) for span in trace.roots] == [True] * 3
    assert not trace.pending()


def test_retries_are_seen(traced: Any, models: ModelServer) -> None:
    models.failures = [(529, {"retry-after-ms": "10"})]
    client(models.url, max_retries=1).messages.create(**ASKED)
    (span,) = traced.trace().roots
    assert span.metadata["flowscope.retries"] == 1


def test_an_error_in_a_stream_is_told() -> None:
    reply = _anthropic_values.MessageReply()
    reply.event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, None)  # type: ignore[arg-type]
    assert reply.failure == "Overloaded"


def test_a_stream_of_bedrock_is_read_along(traced: Any) -> None:
    httpx = getattr(anthropic._base_client, "httpx2", None) or anthropic._base_client.httpx
    events = [
        {"type": "message_start", "message": {"id": "msg_1", "model": "claude-test", "usage": {"input_tokens": 7}}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Rain."}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    data = b"".join(map(amazon_message, events))
    pieces = [data[start : start + 50] for start in range(0, len(data), 50)]
    response = httpx.Response(200, headers={"content-type": "application/vnd.amazon.eventstream"}, content=iter(pieces))
    call = Call(_runtime.start_span("chat", kind="llm"), _anthropic_values.MessageReply())
    _watched.watch(response, call)
    assert b"".join(response.iter_bytes()) == data
    (span,) = traced.trace().roots
    assert (span.output, span.metadata["gen_ai.usage.output_tokens"]) == ("Rain.", 2)
    assert "flowscope.stream.abandoned" not in span.metadata


def amazon_message(event: Any) -> bytes:
    payload = json.dumps({"bytes": base64.b64encode(json.dumps(event).encode()).decode()}).encode()
    headers = b"\x0b:event-type\x07\x00\x05chunk"
    lengths = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    checked = lengths + struct.pack(">I", zlib.crc32(lengths)) + headers + payload
    return checked + struct.pack(">I", zlib.crc32(checked))
