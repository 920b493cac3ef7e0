"""export → import into an empty store → export gives the same, in every format."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from flowscope.protocol import Header, ProducerInfo, Record, encode_record, parse_record
from flowscope_app.exchange import FORMATS, Contents, import_file
from flowscope_app.exchange.registry import readable
from flowscope_app.store import Incoming, StoreReader, StoreWriter

START = 1_790_000_000_000_000_000
SHOP = ProducerInfo("p-shop", "s1", "shop.py", 41, "host", "python", "CPython 3.12.1", "flowscope 0.1", START)
NODE = ProducerInfo("p-node", "s1", "web.mjs", 42, "host", "javascript", "node 20", "@flowscope/sdk 0.1", START + 5)


def record(number: int, **changes: object) -> Record:
    base = Record(
        id=f"{number:016x}",
        session_id="s1",
        parent_id=None,
        operation="work",
        framework="custom",
        language="python",
        start_ns=START + number,
        end_ns=START + number + 1_500,
        input=b'{"q":1}',
        output=b'"a"',
        metadata={"flowscope.kind": "llm", "flowscope.thread": "MainThread"},
        status="success",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def messages() -> list[Incoming]:
    """Two producers and none, threads, pending, errors, every script, large values, two sessions."""
    shop = [
        record(1, metadata={"flowscope.kind": "agent"}),
        record(2, parent_id=f"{1:016x}", metadata={"flowscope.thread": "worker", "gen_ai.usage.input_tokens": 12}),
        record(3, parent_id=f"{1:016x}", end_ns=None, output=None, status="pending"),
        record(4, status="error", error="ValueError: nein\n\tzweite Zeile \u2028 \u202e \x00"),
        record(5, operation="ünï \U0001f600 עברית", input='{"ключ":"значение \U0001f9ff"}'.encode(), output=None),
        record(6, input=b'"' + b"x" * 3_000_000 + b'"', output=b"[" + b"1," * 100_000 + b"1]"),
        record(7, input=b"123456789012345678901234567890", output=b"1.5e+300"),
    ]
    node = [record(20, language="javascript", framework="langchain", metadata={"a": {"b": [None, True, 1.5]}})]
    bare = [
        record(30, id="not hex at all", language="go", metadata={}),
        record(31, session_id="zweite Sitzung", end_ns=START + 31),
    ]
    return [
        Incoming(Header(producer=SHOP, seq=1, count=len(shop)), shop),
        Incoming(Header(producer=NODE, seq=1, count=1), node),
        Incoming(None, bare),
    ]


@pytest.fixture
def database(tmp_path: Path) -> str:
    db = str(tmp_path / "first.db")
    with closing(StoreWriter.open(db)) as writer:
        writer.write(messages())
        writer.rename_session("s1", "The shop")
    return db


def export(db: str, name: str) -> bytes:
    out = io.BytesIO()
    with closing(StoreReader(db)) as reader:
        FORMATS[name].write(Contents(reader, sorted(reader.sessions(), key=lambda row: row.id)), out)
    return out.getvalue()


def bring(db: str, path: Path) -> None:
    with closing(StoreWriter.open(db)) as writer:
        last = list(import_file(path, writer))[-1]
        assert last.finished
        assert last.done == last.total


def unpacked(data: bytes) -> list[bytes]:
    text = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    header, *lines = text.splitlines()
    return [json.dumps({**json.loads(header), "created": ""}).encode(), *lines[:-1]]


@pytest.mark.parametrize("name", readable())
def test_every_format_comes_back_as_it_went(tmp_path: Path, database: str, name: str) -> None:
    first = export(database, name)
    path = tmp_path / "file"
    path.write_bytes(first)
    again = str(tmp_path / "again.db")
    bring(again, path)
    second = export(again, name)
    if name == "flowscope":
        assert unpacked(second) == unpacked(first)
    else:
        assert second == first


def test_what_the_window_shows_comes_back(tmp_path: Path, database: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(export(database, "flowscope"))
    again = str(tmp_path / "again.db")
    bring(again, path)

    def seen(db: str) -> list[object]:
        with closing(StoreReader(db)) as reader:
            rows = sorted(reader.sessions(), key=lambda row: row.id)
            deltas = [reader.spans_since(row.key, 0) for row in rows]
            return [
                [replace(row, key=0, last_ns=0) for row in rows],
                [sorted((t.label, t.detail, t.producer) for t in d.tracks.values()) for d in deltas],
                [[replace(p, key=0, watermark=0) for p in reader.producers(row.key)] for row in rows],
                [d.rows[["start", "end", "id64", "parent64", "tokens_in", "kind", "status"]].tolist() for d in deltas],
            ]

    assert seen(again) == seen(database)


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: data], ids=["gzip", "plain"])
def test_a_session_file_is_read_whatever_it_is_packed_with(tmp_path: Path, database: str, pack) -> None:  # type: ignore[no-untyped-def]
    text = zstandard.ZstdDecompressor().decompressobj().decompress(export(database, "flowscope"))
    path = tmp_path / "file"
    path.write_bytes(pack(text))
    again = str(tmp_path / "again.db")
    bring(again, path)
    assert export(again, "jsonl") == export(database, "jsonl")


def test_importing_twice_changes_nothing(tmp_path: Path, database: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(export(database, "flowscope"))
    again = str(tmp_path / "again.db")
    bring(again, path)
    bring(again, path)
    assert sorted(export(again, "jsonl").splitlines()) == sorted(export(database, "jsonl").splitlines())


def test_pretty_printed_json_is_read(tmp_path: Path, database: str) -> None:
    objects = json.loads(export(database, "json"))
    path = tmp_path / "file.json"
    again = str(tmp_path / "again.db")
    path.write_text("\ufeff" + json.dumps(objects, indent=2, ensure_ascii=True))
    bring(again, path)
    assert [json.loads(line) for line in export(again, "jsonl").splitlines()] == objects


def test_one_object_alone_is_read(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text('{\n"id":"a","session_id":"s","operation":"o",\n"start_time":"2026-11-22T15:11:42Z"}\n')
    bring(str(tmp_path / "db"), path)
    assert len(export(str(tmp_path / "db"), "jsonl").splitlines()) == 1


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
times = st.integers(0, 2**63 - 1)


@st.composite
def records(draw: st.DrawFn) -> Record:
    start, end = sorted((draw(times), draw(times)))
    status = draw(st.sampled_from(["pending", "success", "error"]))
    from flowscope.protocol import format_time

    return parse_record(
        {
            "id": draw(texts),
            "session_id": draw(st.sampled_from(["s1", "s2", "ß/\U0001f600"])),
            "parent_id": draw(st.none() | texts),
            "operation": draw(texts),
            "framework": draw(texts),
            "language": draw(texts),
            "start_time": format_time(start),
            "end_time": None if status == "pending" else format_time(end),
            "input": draw(json_values),
            "output": draw(json_values),
            "metadata": draw(st.dictionaries(texts, json_values, max_size=3)),
            "status": status,
            "error": draw(st.none() | texts),
        }
    )


@settings(max_examples=40)
@given(st.lists(records(), min_size=1, max_size=12), st.sampled_from(sorted(readable())))
def test_any_records_come_back(tmp_path: Path, given: Sequence[Record], name: str) -> None:
    folder = tmp_path / str(next(_numbers))
    folder.mkdir()
    first, second, path = str(folder / "first.db"), str(folder / "second.db"), folder / "file"
    with closing(StoreWriter.open(first)) as writer:
        writer.write([Incoming(None, given)])
    path.write_bytes(export(first, name))
    bring(second, path)
    assert export(second, "jsonl") == export(first, "jsonl")
    stored = set(export(first, "jsonl").splitlines())
    assert stored <= {encode_record(record) for record in given}


_numbers = itertools.count()


def test_memory_stays_flat_both_ways(tmp_path: Path) -> None:
    """60 MB of payloads that don't compress go out and in again within a few megabytes."""
    import random

    rng = random.Random(1)
    db, path, again = str(tmp_path / "first.db"), tmp_path / "file", str(tmp_path / "again.db")

    def many() -> Iterator[Record]:
        for number in range(2_000):
            yield record(number + 1, input=b'"' + rng.randbytes(15_000).hex().encode() + b'"')

    with closing(StoreWriter.open(db)) as writer:
        source = many()
        while batch := list(itertools.islice(source, 100)):
            writer.write([Incoming(None, batch)])
    tracemalloc.start()
    with path.open("wb") as file, closing(StoreReader(db)) as reader:
        assert FORMATS["flowscope"].write(Contents(reader, reader.sessions()), file) == 2_000
    bring(again, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20
