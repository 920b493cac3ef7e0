"""Values of any size are decoded in little time and say what was cut."""

import json
import time

import orjson
import pytest
from patience import PATIENCE

from flowscope_app.spans import skim
from flowscope_app.spans.skim import CutDict, CutList, CutStr, decode

BIG = 6_000_000


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(skim, "WHOLE", 10)


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, -2.5e3, True, False, None, "x\"\\\n é💥", {}, []], "b": {"c": {"d": "e"}}},
        [], {}, "text with spaces", 12345678901, [[], [[]], {"": ""}], {"k": "\\"}, ["a\\", "\\\"", "\\\\"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("dump", [orjson.dumps, lambda v: json.dumps(v, indent=3).encode()])
def test_reads_what_orjson_reads(value, dump):
    assert decode(dump(value)) == value


def test_long_strings_are_cut_at_a_whole_character():
    for unit in ("x", "é", "💥", '"', "\\", "\n"):
        for dump in (orjson.dumps, lambda v: json.dumps(v).encode()):
            value = {"long": unit * 300_000, "after": 1}
            found = decode(dump(value))
            assert found["after"] == 1
            assert isinstance(found["long"], CutStr) and found["long"].whole >= 300_000
            assert value["long"].startswith(found["long"]) and len(found["long"]) >= 16_000


def test_many_members_are_cut_and_say_so():
    found = decode(orjson.dumps({"rows": [{"i": i} for i in range(200_000)], "after": 1}))
    assert isinstance(found, CutDict) and isinstance(found["rows"], CutList)
    assert 10_000 < len(found["rows"]) < 200_000 and found["rows"][0] == {"i": 0}


def test_depth_is_cut():
    found = decode(b"[" * 100_000 + b"]" * 100_000)
    assert isinstance(found, list)


def test_what_is_no_json_is_text():
    for data in (b"hello, this is no JSON", b'{"a": 1, "b" 2, "cccccccc"}', b'["unclosed............', b"\xff" * 40):
        assert isinstance(decode(data), str)


def test_fifty_megabytes_take_a_moment():
    begin = time.perf_counter()
    decode(orjson.dumps({"image": "A" * 50_000_000, "text": "hi"}))
    decode(b'{"rows": [' + b'{"a": 1},' * BIG + b"{}]}")
    assert time.perf_counter() - begin < PATIENCE  # a freeze, not a speed, is what this would catch
