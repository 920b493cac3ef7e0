"""Indenting changes nothing but the space between."""

import json

import orjson
import pytest

from flowscope_app.spans.pretty import indented


@pytest.mark.parametrize(
    "value",
    [{}, [], {"a": []}, [[], {}, [1]], {"a": {"b": [1, {"c": None}]}, "d": 'x{[,:"]}\\'}, "text", 1, None, ["é💥\n"]],
)
def test_indents_as_orjson_does(value):
    expected = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    assert indented(orjson.dumps(value).decode()) == expected
    assert indented(json.dumps(value, indent=7, ensure_ascii=False)) == expected


def test_numbers_escapes_and_duplicate_keys_stay_as_they_were():
    assert indented('{"a":1e400,"a":1180591620717411303424,"b":1.10,"c":"\\u00e9"}') == (
        '{\n  "a": 1e400,\n  "a": 1180591620717411303424,\n  "b": 1.10,\n  "c": "\\u00e9"\n}'
    )


def test_depth_is_no_limit():
    assert indented("[" * 5_000 + "]" * 5_000).count("[") == 5_000
