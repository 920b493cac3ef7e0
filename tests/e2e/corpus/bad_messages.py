"""The corpus of bad messages: each by name, with what a collector must make of it.

A case's records are of a session called like the case. Large ones are made here rather than kept.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import zstandard

from flowscope.protocol import Header, ProducerInfo, encode_header

MIB = 1 << 20
START, END = "2026-11-22T15:11:42Z", "2026-11-22T15:11:43Z"
Messages = list[list[bytes]]


@dataclass(frozen=True)
class Case:
    """`make` gives the messages for the session it is named.

    `refused` counts the refusals; each line of `reports` is found in one of the reports made meanwhile; `stored` are
    the ids of the session's spans, or how many they are; `check` looks at the records themselves, by id. `memory` is
    by how many MiB the collector may grow while it takes the case.
    """

    name: str
    make: Callable[[str], Messages]
    refused: int = 0
    reports: tuple[str, ...] = ()
    stored: tuple[str, ...] | int = ()
    check: dict[str, Callable[[Any], bool]] = field(default_factory=dict)
    memory: int | None = None


def record(session: str, span_id: str = "1", **members: Any) -> dict[str, Any]:
    """A finished span; members given as None are left out of it."""
    whole = {"id": span_id, "session_id": session, "operation": "op", "start_time": START, "end_time": END, **members}
    return {name: value for name, value in whole.items() if value is not ...}


def bare(*records: dict[str, Any]) -> Messages:
    return [[orjson.dumps(list(records))]]


def text(session: str, member: bytes, span_id: str = "1") -> bytes:
    """A span's JSON with one more member written out by hand."""
    return orjson.dumps(record(session, span_id))[:-1] + b"," + member + b"}"


def raw(member: bytes) -> Callable[[str], Messages]:
    return lambda session: [[text(session, member)]]


def alone(body: bytes | Callable[[], bytes]) -> Callable[[str], Messages]:
    """A message of just these bytes; large ones are made when they are needed."""
    return lambda _session: [[body if isinstance(body, bytes) else body()]]


def batch(body: bytes, producer: str = "corpus", seq: int = 1, count: int = 1, **header: Any) -> list[bytes]:
    """A message with a header."""
    info = ProducerInfo(producer, "", "app.py", 4711, "host", "python", started_ns=1_790_000_000_000_000_000)
    return [encode_header(Header(producer=info, seq=seq, count=count, **header)), body]


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def repaired(line: str) -> Callable[[Any], bool]:
    return lambda record: any(line in note for note in record.metadata["flowscope.repaired"])


def one(name: str, member: bytes, check: Callable[[Any], bool]) -> Case:
    """A span that is stored, odd as it is."""
    return Case(name, raw(member), stored=("1",), check={"1": check})


def refusal(name: str, make: Callable[[str], Messages], *reports: str, **more: Any) -> Case:
    return Case(name, make, 1, reports, **more)


def _packed_bomb(compression: str) -> Callable[[str], Messages]:
    def make(_session: str) -> Messages:
        packer = zlib.compressobj(6, wbits=31) if compression == "gzip" else zstandard.ZstdCompressor().compressobj()
        spaces = b" " * MIB
        body = b"".join(
            [
                packer.compress(b"["),
                *(packer.compress(spaces) for _ in range(1024 if compression == "zstd" else 128)),
                packer.flush(),
            ]
        )
        return [batch(body, f"bomb-{compression}", compression=compression)]

    return make


def _times(session: str) -> Messages:
    wrong = {
        "before 1970": "1969-12-31T23:59:59Z",
        "after 9999": "+10000-01-01T00:00:00Z",
        "9999": "9999-12-31T23:59:59Z",
        "no zone": "2026-11-22T15:11:42",
        "no time": "2026-11-22",
        "day 31 of February": "2026-02-31T00:00:00Z",
        "hour 24": "2026-11-22T24:00:00Z",
        "ten digits": "2026-11-22T15:11:42.0123456789Z",
        "a number": 1_790_000_000,
        "a megabyte": "2" * MIB,
    }
    records = [record(session, name, start_time=value) for name, value in wrong.items()]
    records += [record(session, f"end {name}", end_time=value) for name, value in wrong.items()]
    return bare(*records, record(session, "sound"))


WRONG: tuple[Any, ...] = (True, 7, 1.5, [], ["x"], {}, {"a": 1})
TEXTS = ("id", "session_id", "operation", "framework", "language", "start_time", "end_time", "parent_id", "error")


def _wrong_types(session: str) -> Messages:
    records = [record(session, **{name: value}) for name in (*TEXTS, "status") for value in WRONG]
    records += [record(session, metadata=value) for value in ("x", True, 7, [], ["x"])]
    anything = [record(session, f"any {place}", input=value, output=value) for place, value in enumerate(WRONG)]
    return bare(*records, *anything)


def _tree(session: str, count: int) -> Messages:
    children = [record(session, f"{number:016x}", parent_id="root") for number in range(count - 1)]
    return bare(record(session, "root"), *children)


def _cut(session: str) -> Messages:
    return [[orjson.dumps([record(session, "1"), record(session, "2")])[:-40]]]


def _replayed(session: str) -> Messages:
    message = batch(orjson.dumps([record(session, "1"), record(session, "2")]), "replayed", count=2)
    later = batch(orjson.dumps([record(session, "3")]), "replayed", seq=3)
    return [message, message, later, message]


def _header(members: dict[str, Any]) -> Callable[[str], Messages]:
    return lambda session: [[orjson.dumps({"version": 1, **members}), orjson.dumps([record(session)])]]


def _raw_header(data: bytes) -> Callable[[str], Messages]:
    return lambda session: [[data, orjson.dumps([record(session)])]]


FROM_THE_SIZE = [
    refusal("a frame of 65 MiB", alone(lambda: b"[" + b" " * (65 * MIB)), "at most 67 MB are taken", memory=300),
    refusal("a message of 100,000 frames", lambda _: [[b"{}"] * 100_000], "100000 frames", memory=150),
    refusal(
        "60 MB of {}", alone(lambda: b"[" + b"{}," * 20_000_000 + b"{}]"), "more than 2,000,000 objects", memory=300
    ),
    refusal(
        "60 MB of {} with nothing between", alone(lambda: b"{}" * 30_000_000), "more than 2,000,000 objects", memory=300
    ),
    refusal(
        "60 MB of NaN", alone(lambda: b"[" + b"NaN," * 15_000_000 + b"1]"), "more than 10,000,000 values", memory=300
    ),
    refusal(
        "60 MB of numbers", alone(lambda: b"[" + b"1," * 30_000_000 + b"1]"), "more than 10,000,000 values", memory=300
    ),
    refusal("30 MB of NaN", alone(lambda: b"[" + b"NaN," * 7_500_000 + b"1]"), "too long to look for", memory=300),
    refusal("200,000 records", alone(lambda: b"[" + b"{}," * 199_999 + b"{}]"), "a message may hold 100,000"),
    refusal(
        "an open string of 60 MB", alone(lambda: b'{"' + b'\\"' * 30_000_000), "too long to look for sound", memory=400
    ),
    Case(
        "an output of 30 MB", lambda s: [[text(s, b'"output":"' + b"x" * 30_000_000 + b'"')]], stored=("1",), memory=500
    ),
    one("one number of a million digits", b'"input":' + b"9" * MIB, lambda r: len(r.input) == MIB + 2),
    refusal("an operation of 1 MB", lambda s: bare(record(s, operation="x" * MIB)), "operation: longer than 1024"),
    refusal("an id of 1 MB", lambda s: bare(record(s, "x" * MIB)), "id: longer than 256"),
    refusal("a gzip bomb", _packed_bomb("gzip"), "unpacks to more than 67 MB", memory=300),
    refusal("a zstd bomb", _packed_bomb("zstd"), "unpacks to more than 67 MB", memory=300),
]

FROM_THE_TEXT = [
    Case("truncated JSON", _cut, 1, ("ends in the middle of this record",), ("1",)),
    refusal("nothing", alone(b""), "body: empty"),
    refusal("random bytes in a message", alone(bytes(range(128, 256)) * 100), "body: not JSON"),
    refusal("depth 100,000", raw(b'"input":' + nested(100_000)), "nested deeper than 1,000 levels"),
    refusal("depth 100,000 and nothing else", alone(nested(100_000)), "must be an object|nested deeper"),
    one("depth 300", b'"input":' + nested(300), lambda r: json.loads(json.loads(r.input)) and repaired("too deep")(r)),
    one("depth 500", b'"output":' + nested(500), repaired("output: nested too deep")),
    one("depth 300 in metadata", b'"metadata":{"deep":' + nested(300) + b"}", lambda r: r.metadata["deep"][:2] == "[["),
    refusal("depth 501", raw(b'"input":' + nested(501)), "nested deeper than 500 levels"),
    refusal("depth 1,000", raw(b'"input":' + nested(1_000)), "nested deeper than 500 levels"),
    refusal("depth 1,023 in metadata", raw(b'"metadata":{"a":' + nested(1_023) + b"}"), "nested deeper than"),
    one("NaN", b'"input":[NaN,1]', lambda r: r.input == b'["NaN",1]' and repaired("NaN")(r)),
    one("Infinity", b'"output":[Infinity,-Infinity]', lambda r: r.output == b'["Infinity","-Infinity"]'),
    one("1e999", b'"input":1e999', lambda r: r.input == b'"1e999"'),
    one(
        "an integer beyond 64 bits",
        b'"input":[123456789012345678901234567890]',
        lambda r: b"678901234567890]" in r.input,
    ),
    one("2^64", b'"input":18446744073709551616', lambda r: r.input == b"18446744073709551616"),
    one("invalid UTF-8", b'"input":"a\xff\xfeb"', lambda r: "\ufffd" in r.input.decode() and repaired("UTF-8")(r)),
    one("a lone surrogate", b'"input":"\\ud83d"', lambda r: r.input.decode() == '"\ufffd"'),
    one("a lone surrogate in a name", b'"metadata":{"\\udc00":1}', lambda r: "\ufffd" in r.metadata),
    one("NUL in a text", b'"error":"a\\u0000b"', lambda r: r.error == "a\0b"),
    Case("NUL in an id", lambda s: bare(record(s, "a\0b"), record(s, "a")), stored=("a\0b", "a")),
    Case("a raw NUL in a text", raw(b'"input":"a\0b"'), stored=("1",)),
    one("duplicate keys", b'"input":1,"input":2', lambda r: r.input == b"2"),
    Case(
        "markup, control characters and direction overrides",
        lambda s: bare(record(s, "<img src=x>\x1b[2J\u202e\n", operation="</script>")),
        stored=("<img src=x>\x1b[2J\u202e\n",),
    ),
]

FROM_THE_MEANING = [
    Case(
        "duplicate ids",
        lambda s: bare(record(s, output=1), record(s, output=2), record(s, "2")) + bare(record(s, output=3)),
        stored=("1", "2"),
        check={"1": lambda r: r.output == b"3"},
    ),
    Case(
        "a cycle",
        lambda s: bare(*(record(s, a, parent_id=b) for a, b in ("12", "23", "31"))),
        stored=("1", "2", "3"),
        check={"1": lambda r: r.parent_id == "2"},
    ),
    Case(
        "its own parent",
        lambda s: bare(record(s, parent_id="1")),
        stored=("1",),
        check={"1": lambda r: r.parent_id is None and repaired("own id")(r)},
    ),
    Case(
        "a missing parent",
        lambda s: bare(record(s, parent_id="never sent")),
        stored=("1",),
        check={"1": lambda r: r.parent_id == "never sent"},
    ),
    Case(
        "a chain of 20,000",
        lambda s: bare(*(record(s, str(n), parent_id=str(n + 1)) for n in range(20_000))),
        stored=20_000,
    ),
    Case("100,000 children in one batch", lambda s: _tree(s, 100_000), stored=100_000, memory=900),
    Case(
        "5,000 sessions in one batch",
        lambda s: bare(record(s), *(record(f"{s} {n}") for n in range(5_000))),
        stored=("1",),
    ),
    Case(
        "times that are none",
        _times,
        20,
        ("before|outside 1970", "no time zone", "not a day", "must be an RFC"),
        ("sound",),
    ),
    Case(
        "end before start",
        lambda s: bare(record(s, end_time="2020-01-01T00:00:00Z")),
        stored=("1",),
        check={"1": lambda r: r.end_ns == r.start_ns and repaired("before start_time")(r)},
    ),
    Case(
        "a clock that is fifty years ahead",
        lambda s: bare(record(s, start_time="2076-01-01T00:00:00Z", end_time="2076-01-01T00:00:01Z")),
        stored=("1",),
    ),
    Case(
        "unknown language and framework",
        lambda s: bare(record(s, language="cobol", framework="ein Rahmenwerk")),
        stored=("1",),
        check={"1": lambda r: (r.language, r.framework) == ("cobol", "ein Rahmenwerk")},
    ),
    refusal("an unknown status", lambda s: bare(record(s, status="sucess")), '"sucess" is not one of success'),
    Case(
        "wrong types in every field",
        _wrong_types,
        len(WRONG) * (len(TEXTS) + 1) + 5,
        (
            "^id: must be",
            "^framework: must be",
            "^parent_id: must be",
            "^start_time: must be",
            "^metadata: must",
            "^status: ",
        ),
        tuple(f"any {place}" for place in range(len(WRONG))),
    ),
    Case(
        "records that are none",
        lambda s: [[orjson.dumps([1, None, "x", [], {}, record(s)])]],
        5,
        ("must be an object",),
        ("1",),
    ),
]

FROM_THE_HEADER = [
    refusal("an unknown version", _header({"version": 99}), "protocol version 99 is not spoken here"),
    refusal("a version that is no number", _header({"version": "1"}), "version: must be a whole number"),
    refusal("no version", _raw_header(b"{}"), "version: missing"),
    refusal("a header that is no JSON", _raw_header(b"\xff\xfe"), "header: not JSON"),
    refusal("a header that is an array", _raw_header(b"[1]"), "header: must be an object"),
    refusal("a header of 1 MB", _raw_header(b'{"version":1,"x":"' + b"x" * MIB + b'"}'), "longer than 64 KiB"),
    refusal("a deep header", _raw_header(b'{"version":1,"x":' + nested(1_020) + b"}" * 3), "header: not JSON"),
    refusal("an unknown compression", _header({"compression": "brotli"}), "is not one of none, gzip, zstd"),
    refusal("gzip that is none", lambda s: [batch(b"[]", "no-gzip", compression="gzip")], "not gzip data"),
    refusal(
        "zstd cut short",
        lambda s: [batch(zstandard.compress(b"x" * 9_999)[:-4], "cut", compression="zstd")],
        "too early",
    ),
    refusal(
        "gzip cut short", lambda s: [batch(gzip.compress(b"x" * 9_999)[:-9], "cut2", compression="gzip")], "too early"
    ),
    refusal("a negative count", _header({"count": -1}), "count: must be 0 to 2"),
    refusal("a producer that is a text", _header({"producer": "me"}), "producer: must be an object"),
    refusal("a producer without id", _header({"producer": {"pid": 1}}), "producer.id: missing or empty"),
    Case("a count of 2^52", lambda s: [batch(b"[]", "many", count=2**52)], 1, ("records in one batch",)),
    Case(
        "numbers that leap",
        lambda s: [
            batch(orjson.dumps([record(s, "1")]), "leap"),
            batch(orjson.dumps([record(s, "2")]), "leap", seq=2**53 - 2),
            batch(orjson.dumps([record(s, "3")]), "leap", seq=2, dropped=2**53 - 1),
            batch(orjson.dumps([record(s, "4")]), "leap", seq=2),
        ],
        2,
        ("no program counts that far",),
        ("1", "4"),
    ),
    Case("a replayed batch", _replayed, stored=("1", "2", "3")),
]

CASES = [*FROM_THE_SIZE, *FROM_THE_TEXT, *FROM_THE_MEANING, *FROM_THE_HEADER]
