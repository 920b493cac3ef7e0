"""What is decoded the fast way comes out as flowscope.protocol has it, or is left to that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from bad_messages import CASES as BAD
from hypothesis import given, settings
from hypothesis import strategies as st

from flowscope.protocol import ProtocolError, Record, decode_body, encode_record, parse_record
from flowscope_app.store import Entry, decode_entries, decode_texts
from flowscope_app.store.entries import entry_of

VECTORS = Path(__file__).parents[3] / "flowscope_sdk" / "protocol" / "vectors"
GOOD = {"id": "1", "session_id": "s", "operation": "op", "start_time": "2026-11-22T15:11:42.123456789Z"}

# What stands in JSON where a value may: each is looked at somewhere in the rules.
FRAGMENTS = [
    "null", "true", "0", "-0", "1.50", "1e5", "1E+400", "-1e309", "0.1e-400", "[1e999]", '{"a":12e308}', '"3e999"',
    "9223372036854775807", "-9223372036854775808", "18446744073709551615", "18446744073709551616",
    "-9223372036854775809", "1" * 400, "1790000000000000000", "[1790000000000000000,-12345678901234567890]",
    '"12345678901234567890123"', "0.12345678901234567890123", "NaN", "[Infinity]", "-Infinity", "nul", "01", "1.",
    '"\\ud800"', '"\\u00e9\\u001b"', '"a\\/b"', '"C:\\\\users"', '"\\q"', '"a\nb"', '"a\x01b"', '""', '"\U0001f600 é"',
    '{"a":1,"a":2}', '{ "a" : [ 1 , 2 ] }', '{"x": ", "}', "[" * 250 + "]" * 250, "[" * 254 + "]" * 254,
    "[" * 300 + "]" * 300, '{"k":' * 501 + "1" + "}" * 501, "[" * 1100 + "]" * 1100, "[" + "{}," * 400 + "{}]", "[1,]",
    '{"flowscope.kind":"llm","gen_ai.usage.input_tokens":12345678901}', '{"flowscope.kind":["llm"],"flowscope.task":1}',
    '{"flowscope.abandoned":true}', '{"flowscope.producer":"p","flowscope.pid":1.5}', '{"flowscope\\u002ekind":"llm"}',
    '"2026-11-22T15:11:42.123456789Z"', '"2026-11-22T15:11:42.12345678Z"', '"2026-11-22T15:11:60Z"', '"x"', '"1"',
    '"1969-12-31T23:59:59.999999999Z"', '"2262-04-11T23:47:16.854775807Z"', '"2262-04-11T23:47:16.854775808Z"',
    '"2026-11-22T15:11:42.1234567٣9Z"', '"2026-11-22T15:11:42.+23456789Z"', '"2026-11-22 15:11:42.123456789+01:00"',
    '"success"', '"error"', '"pending"', '"done"', json.dumps("x" * 65), json.dumps("x" * 257), json.dumps("é" * 1025),
]  # fmt: skip
MEMBERS = [*GOOD, "parent_id", "framework", "language", "end_time", "input", "output", "metadata", "status", "error"]


def by_protocol(body: bytes) -> list[Entry] | None:
    """What the records of a body are when they are read by way of objects; None if one is refused."""
    try:
        return [entry_of(parse_record(item)) for item in decode_body(body)]
    except ProtocolError:
        return None


def plain(entry: Entry) -> tuple[Any, ...]:
    values = [getattr(entry, name) for name in entry.__struct_fields__]
    # A name that stands twice in an object and the spelling of a float are left as they came.
    return tuple(orjson.dumps(orjson.loads(value)) if isinstance(value, bytes) else value for value in values)


def check(body: bytes) -> bool:
    """Whether it is taken the fast way; fails where that tells another story."""
    entries = decode_entries(body)
    if entries is None:
        return False
    expected = by_protocol(body)
    assert expected is not None
    assert list(map(plain, entries)) == list(map(plain, expected))
    for got, wanted in zip(entries, expected, strict=True):
        if b'"a":1,"a"' not in body and not any(sign in body for sign in (b"e", b"E", b"0,", b"0}", b"-0")):
            assert (got.input, got.output, got.metadata) == (wanted.input, wanted.output, wanted.metadata)
    return True


@pytest.mark.parametrize("path", sorted(VECTORS.glob("*/*")), ids=lambda path: path.name)
def test_vectors_come_out_alike(path: Path) -> None:
    check(path.read_bytes())


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_bad_messages_come_out_alike(case: Any) -> None:
    for message in case.make(case.name):
        if message and len(message[-1]) < 1 << 20:
            check(message[-1])


def test_what_an_sdk_writes_is_taken_the_fast_way() -> None:
    record = Record(
        "a" * 16, "s", "b" * 16, "op é", "langchain", "python", 1_790_000_000_000_000_007, 1_790_000_000_000_000_009,
        orjson.dumps({"text": 'a "quoted" \\ line\n', "n": [1, 2.5, None]}), b'"plain"',
        {"flowscope.kind": "llm", "gen_ai.usage.input_tokens": 7}, "success",
    )  # fmt: skip
    body = b"[" + encode_record(record) + b"]"
    assert check(body)
    (entry,) = decode_entries(body) or []
    assert entry == entry_of(record)
    assert decode_texts([encode_record(record)] * 2) == [entry, entry]


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_each_odd_value_in_each_member_comes_out_alike(fragment: str) -> None:
    for member in [*MEMBERS, "unknown"]:
        members = [f"{json.dumps(name)}:{json.dumps(value)}" for name, value in GOOD.items() if name != member]
        members.append(f'"{member}":{fragment}')
        body = ("{" + ",".join(members) + "}").encode("utf-8", "surrogatepass")
        check(body)
        check(b"[" + body + b"]")


PAIRS = st.tuples(st.sampled_from([*MEMBERS, "unknown", "\\u0069d"]), st.sampled_from(FRAGMENTS))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(PAIRS, max_size=4), min_size=1, max_size=3),
    st.sampled_from([(",", ":"), (", ", ": "), (",\n ", ": ")]),
    st.tuples(st.integers(0, 10_000), st.binary(max_size=2), st.integers(0, 2)),
)
def test_any_mixture_of_them_comes_out_alike(
    records: list[list[tuple[str, str]]], spacing: tuple[str, str], damage: tuple[int, bytes, int]
) -> None:
    comma, colon = spacing
    texts = []
    for pairs in records:
        members = [f"{json.dumps(name)}{colon}{json.dumps(value)}" for name, value in GOOD.items()]
        members += [f'"{name}"{colon}{fragment}' for name, fragment in pairs]
        texts.append("{" + comma.join(members) + "}")
    body = ("[" + comma.join(texts) + "]").encode("utf-8", "surrogatepass")
    check(body)
    at, put, gone = damage
    at %= len(body)
    check(body[:at] + put + body[at + gone :])


def test_an_object_that_begins_in_one_line_does_not_end_in_another() -> None:
    text = orjson.dumps(GOOD)
    halves = [text[:20], text[20:] + b"," + text]
    assert decode_entries(b"[" + b"".join(halves) + b"]") is not None
    assert decode_texts(halves) is None
    assert decode_texts([text, b""]) is None
    assert decode_texts([b"[" + text + b"]"]) is None
