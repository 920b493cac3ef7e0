"""openai: every way of asking, under the conventions' names, with nothing about the client changed."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import openai
import pytest
from integration_kit import ModelClientTests
from model_server import ARGUMENTS, TEXT, ModelServer
from pydantic import BaseModel

import flowscope

MESSAGES: Any = [{"role": "user", "content": "What is the weather?"}]
TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
RESPONSES = pytest.mark.skipif(not hasattr(openai.OpenAI, "responses"), reason="before the Responses API")
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


def client(url: str, **options: Any) -> Any:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="sk-test", **{"max_retries": 0, **options})


class TestOpenAI(ModelClientTests):
    name = "openai"
    operation = "chat gpt-4o"
    provider = "openai"
    broken = (openai.APIConnectionError, Exception)

    @staticmethod
    def owners() -> list[Any]:
        base = openai._base_client
        return [base.SyncAPIClient, base.AsyncAPIClient, base.BaseClient]

    def ask(self, url: str) -> str:
        with client(url) as asked:
            answer = asked.chat.completions.create(model="gpt-4o", messages=MESSAGES)
        return str(answer.choices[0].message.content)

    def stream(self, url: str) -> Any:
        return client(url).chat.completions.create(model="gpt-4o", messages=MESSAGES, **STREAMED)

    async def aask(self, url: str) -> str:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="sk-test", max_retries=0) as asked:
            answer = await asked.chat.completions.create(model="gpt-4o", messages=MESSAGES)
        return str(answer.choices[0].message.content)

    async def astream(self, url: str) -> Any:
        asked = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="sk-test", max_retries=0)
        return await asked.chat.completions.create(model="gpt-4o", messages=MESSAGES, **STREAMED)

    def text(self, piece: Any) -> str:
        return (piece.choices[0].delta.content or "") if piece.choices else ""

    def program(self, url: str) -> str:
        return f"""
import openai
client = openai.OpenAI(base_url="{url}/v1", api_key="sk-test")
messages = [{{"role": "user", "content": "What is the weather?"}}]
print(client.chat.completions.create(model="gpt-4o", messages=messages).choices[0].message.content)
"""


@pytest.fixture
def traced(attach: Any) -> Any:
    return attach("openai")


def test_parameters_and_tool_calls(traced: Any, models: ModelServer) -> None:
    client(models.url).chat.completions.create(
        model="gpt-4o",
        messages=MESSAGES,
        tools=TOOLS,
        temperature=0.5,
        stop=["END"],
        seed=1,
        extra_body={"max_completion_tokens": 50},
    )
    (span,) = traced.trace().roots
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 50,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.request.seed": 1,
        "gen_ai.tool.definitions": TOOLS,
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "gpt-4o-2024",
        "gen_ai.response.finish_reasons": ["tool_calls"],
        "gen_ai.usage.reasoning.output_tokens": 5,
        "server.address": "127.0.0.1",
    }
    assert {key: span.metadata.get(key) for key in expected} == expected
    (call,) = span.output["choices"][0]["message"]["tool_calls"]
    assert call == {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}}
    assert "sk-test" not in str(span.record)


def test_a_streamed_tool_call(traced: Any, models: ModelServer) -> None:
    list(client(models.url).chat.completions.create(model="gpt-4o", messages=MESSAGES, tools=TOOLS, stream=True))
    (span,) = traced.trace().roots
    assert span.output["parts"] == [{"type": "tool_call", "id": "call_1", "name": "weather", "arguments": ARGUMENTS}]
    assert span.metadata["gen_ai.response.finish_reasons"] == ["tool_calls"]


def test_several_streamed_answers_stay_apart(traced: Any, models: ModelServer) -> None:
    list(client(models.url).chat.completions.create(model="gpt-4o", messages=MESSAGES, n=2, stream=True))
    (span,) = traced.trace().roots
    assert [choice["message"]["content"] for choice in span.output["choices"]] == [TEXT, TEXT]


def test_raw_and_streaming_responses(traced: Any, models: ModelServer) -> None:
    completions = client(models.url).chat.completions
    raw = completions.with_raw_response.create(model="gpt-4o", messages=MESSAGES)
    assert raw.parse().choices[0].message.content == TEXT
    assert raw.parse() is raw.parse()
    raw = completions.with_raw_response.create(model="gpt-4o", messages=MESSAGES, stream=True)
    assert len(list(raw.parse())) == 6
    with completions.with_streaming_response.create(model="gpt-4o", messages=MESSAGES) as response:
        assert TEXT in response.text()
    with completions.with_streaming_response.create(model="gpt-4o", messages=MESSAGES, stream=True) as response:
        assert sum(line.startswith("data:") for line in response.iter_lines()) == 7
    with completions.with_streaming_response.create(model="gpt-4o", messages=MESSAGES, stream=True):
        pass
    trace = traced.trace()
    assert [TEXT in str(span.output) for span in trace.roots] == [True] * 4 + [False]
    assert not trace.pending()
    assert trace.roots[-1].metadata["flowscope.stream.abandoned"] is True


async def test_asynchronous_streaming_responses(traced: Any, models: ModelServer) -> None:
    completions = openai.AsyncOpenAI(base_url=f"{models.url}/v1", api_key="sk-test").chat.completions
    async with completions.with_streaming_response.create(model="gpt-4o", messages=MESSAGES) as response:
        assert TEXT in await response.text()
    (span,) = traced.trace().roots
    assert TEXT in str(span.output)


def test_parsed_answers(traced: Any, models: ModelServer) -> None:
    class Place(BaseModel):
        city: str

    asked = client(models.url)
    completions = asked.chat.completions if hasattr(asked.chat.completions, "parse") else asked.beta.chat.completions
    if not hasattr(completions, "parse"):
        pytest.skip("before parse()")
    answer = completions.parse(model="gpt-4o", messages=MESSAGES, response_format=Place)
    assert answer.choices[0].message.parsed == Place(city="Oslo")
    (span,) = traced.trace().roots
    assert span.output["choices"][0]["message"]["content"] == ARGUMENTS
    assert span.metadata["gen_ai.output.type"] == "json"


def test_stream_helpers(traced: Any, models: ModelServer) -> None:
    asked = client(models.url)
    completions = asked.chat.completions if hasattr(asked.chat.completions, "stream") else asked.beta.chat.completions
    if not hasattr(completions, "stream"):
        pytest.skip("before stream()")
    with completions.stream(model="gpt-4o", messages=MESSAGES) as stream:
        assert stream.get_final_completion().choices[0].message.content == TEXT
    with models.held(), completions.stream(model="gpt-4o", messages=MESSAGES) as stream:
        next(event for event in stream if event.type == "content.delta" and event.delta)
    read, left = traced.trace().roots
    assert read.output == TEXT
    assert (left.output, left.metadata["flowscope.stream.abandoned"]) == ("Twelve", True)


@RESPONSES
def test_responses(traced: Any, models: ModelServer) -> None:
    responses = client(models.url).responses
    assert responses.create(model="gpt-4o", instructions="Be brief.", input=MESSAGES).output_text == TEXT
    list(responses.create(model="gpt-4o", input="Hi", stream=True))
    list(responses.create(model="gpt-4o", input="Hi", tools=[TOOLS[0]["function"]], stream=True))
    plain, streamed, called = traced.trace().roots
    assert plain.input == {"instructions": "Be brief.", "input": MESSAGES}
    for span in (plain, streamed):
        assert span.output["output"][0]["content"][0]["text"] == TEXT
        assert span.metadata["gen_ai.response.finish_reasons"] == ["completed"]
        assert span.metadata["gen_ai.usage.input_tokens"] == 100
        assert span.metadata["gen_ai.usage.reasoning.output_tokens"] == 5
    assert called.output["output"][0]["call_id"] == "call_1"


@RESPONSES
def test_a_streamed_response_grows(traced: Any, models: ModelServer) -> None:
    with models.held() as go:
        stream = client(models.url).responses.create(model="gpt-4o", input="Hi", stream=True)
        next(event for event in stream if event.type == "response.output_text.delta")
        traced.receive_until(lambda trace: any(span.output == "Twelve" for span in trace.roots))
        go.set()
        list(stream)


def test_embeddings(traced: Any, models: ModelServer) -> None:
    found = client(models.url).embeddings.create(model="text-embedding-3-small", input=["a", "b"])
    assert found.data[0].embedding == [0.25, 0.5, 0.75]
    (span,) = traced.trace().roots
    assert (span.operation, span.kind) == ("embeddings text-embedding-3-small", "embedding")
    assert span.output == {"embeddings": 2, "dimensions": 3}
    assert span.metadata["gen_ai.usage.input_tokens"] == 7


def test_retries_are_seen(traced: Any, models: ModelServer) -> None:
    soon = {"retry-after-ms": "10"}
    models.failures = [(500, soon), (429, soon)]
    client(models.url, max_retries=2).chat.completions.create(model="gpt-4o", messages=MESSAGES)
    models.failures = [(500, soon), (500, soon)]
    with pytest.raises(openai.InternalServerError):
        client(models.url, max_retries=1).chat.completions.create(model="gpt-4o", messages=MESSAGES)
    right, wrong = traced.trace().roots
    assert (right.status, right.metadata["flowscope.retries"]) == ("success", 2)
    assert len(right.metadata["flowscope.retry.delays"]) == 2
    assert (wrong.status, wrong.metadata["flowscope.retries"]) == ("error", 1)
    assert wrong.metadata["http.response.status_code"] == 500


async def test_a_cancelled_call_ends(traced: Any, models: ModelServer) -> None:
    asked = openai.AsyncOpenAI(base_url=f"{models.url}/v1", api_key="sk-test", max_retries=0)

    async def read() -> None:
        async for _ in await asked.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True):
            reading.set()

    reading = asyncio.Event()
    with models.held():
        task = asyncio.create_task(read())
        await reading.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        trace = traced.trace()
    assert not trace.pending()


async def test_a_call_that_is_dropped_in_another_context_ends(traced: Any) -> None:
    begun = asyncio.Event()

    async def answer(request: Any) -> Any:
        begun.set()
        await asyncio.get_running_loop().create_future()

    async with openai.AsyncOpenAI(api_key="sk-test") as asking:
        # Of httpx or of httpx2, whichever this version takes.
        http = next(base for base in type(asking._client).__mro__ if base.__module__.startswith("httpx"))
        transport = sys.modules[http.__module__.partition(".")[0]].MockTransport(answer)
        slow = asking.with_options(http_client=http(transport=transport))
        call = slow.chat.completions.create(model="gpt-4o", messages=MESSAGES)
        task = asyncio.create_task(call)
        await begun.wait()
        call.close()  # as the garbage collector does it, in whatever context it runs
        with pytest.raises(RuntimeError, match="already awaited"):
            task.cancel()
            await task
    (span,) = traced.trace().roots
    assert (span.status, span.metadata["flowscope.stream.abandoned"]) == ("success", True)


def test_what_asks_no_model_is_no_span(traced: Any, models: ModelServer) -> None:
    client(models.url).models.list()
    assert not traced.trace().spans


def test_whoever_speaks_this_api_is_named(traced: Any, models: ModelServer) -> None:
    azure = openai.AzureOpenAI(azure_endpoint=models.url, api_key="k", api_version="2024-06-01", max_retries=0)
    azure.chat.completions.create(model="gpt-4o", messages=MESSAGES)
    (span,) = traced.trace().roots
    assert span.metadata["gen_ai.provider.name"] == "azure.ai.openai"
    assert TEXT in str(span.output)


def test_an_excluded_operation_hides_only_itself(attach: Any, models: ModelServer) -> None:
    traced = attach("openai")
    flowscope.init(exclude="chat *")
    try:
        with flowscope.trace("mine"):
            client(models.url).chat.completions.create(model="gpt-4o", messages=MESSAGES)
        assert traced.trace().shapes() == ["mine"]
    finally:
        flowscope.init(exclude="nothing")
