"""The conventions' words for what providers and frameworks say in their own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flowscope.instrumentation import _genai

IN, OUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 4}, {IN: 3, OUT: 4}),
        (SimpleNamespace(input_tokens=3, output_tokens=4), {IN: 3, OUT: 4}),
        (
            {"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 1},
            {
                IN: 3,
                OUT: 4,
                "gen_ai.usage.cache_read.input_tokens": 2,
                "gen_ai.usage.cache_creation.input_tokens": 1,
            },
        ),
        (
            {"prompt_token_count": 3, "candidates_token_count": 4, "thoughts_token_count": 1},
            {IN: 3, OUT: 4, "gen_ai.usage.reasoning.output_tokens": 1},
        ),
        ({"input_tokens": True, "output_tokens": "4"}, {}),
        ({"total_tokens": 7}, {}),
        (None, {}),
        ("text", {}),
    ],
)
def test_tokens_in_every_shape(report: Any, expected: dict[str, int]) -> None:
    assert _genai.usage(None, report) == expected


def test_a_report_that_refuses_to_be_read_is_passed_over() -> None:
    class Refuses:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

    assert _genai.usage(Refuses(), {"prompt_tokens": 1}) == {IN: 1}


@pytest.mark.parametrize(
    "call",
    [
        {"id": "c", "name": "add", "args": {"a": 1}},
        {"id": "c", "type": "function", "function": {"name": "add", "arguments": {"a": 1}}},
        SimpleNamespace(tool_call_id="c", tool_name="add", tool_kwargs={"a": 1}),
        {"id": "c", "type": "tool_use", "name": "add", "input": {"a": 1}},
    ],
)
def test_a_tool_call_in_every_shape(call: Any) -> None:
    assert _genai.tool_call(call) == {"id": "c", "name": "add", "arguments": {"a": 1}}


def test_what_is_no_tool_call_is_none() -> None:
    assert _genai.tool_call({"id": "c"}) is None
    assert _genai.tool_call(None) is None


def test_request_parameters_keep_only_what_is_set_and_plain() -> None:
    given = {"model_name": "m", "temperature": 0, "stop": "END", "top_p": None, "seed": object(), "n": 2, "other": 1}
    assert _genai.request(given) == {
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.request.choice.count": 2,
    }


def test_providers_get_their_conventional_names() -> None:
    assert _genai.provider("Azure") == "azure.ai.openai"
    assert _genai.provider("openai") == "openai"
    assert _genai.provider(None) is None
