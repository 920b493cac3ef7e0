"""Spans that a dead program left open: ended, told apart, and taken back when their real end comes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowscope.protocol import Header, ProducerInfo, Record
from flowscope_app.exchange import FORMATS, Contents, import_file
from flowscope_app.spans.kinds import Status
from flowscope_app.store import Incoming, StoreReader, StoreWriter
from flowscope_app.store.abandon import ABANDONED, OPEN, OPEN_OF
from flowscope_app.store.putting import OPEN as OPEN_IDS

PRODUCER = ProducerInfo("p", "s", program="bot.py", pid=77, host="here")
OPEN_SPAN = Record("a", "s", None, "call", "custom", "python", 1_000, input=b'"question"')


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[StoreWriter]:
    with StoreWriter.open(str(tmp_path / "a.db")) as writer:
        writer.write([Incoming(Header(producer=PRODUCER, count=2), [OPEN_SPAN, _closed("b", 2_000)])])
        yield writer


def _closed(name: str, end: int, **members: Any) -> Record:
    return replace(OPEN_SPAN, id=name, end_ns=end, status="success", **members)


def _statuses(db: Path) -> list[int]:
    with StoreReader(str(db)) as reader:
        session = reader.session("s")
        assert session is not None
        return [int(row["status"]) for row in sorted(reader.spans_since(session.key, 0).rows, key=lambda r: r["key"])]


def test_they_end_when_their_program_was_last_known_and_count_as_neither_pending_nor_failed(
    writer: StoreWriter,
) -> None:
    (open_one,) = writer.open_producers()
    assert (open_one.id, open_one.program, open_one.pid, open_one.pending) == ("p", "bot.py", 77, 1)
    with StoreReader(str(writer.path)) as reader:
        before = reader.sessions()[0]
        assert writer.abandon("p", 5_000) == 1
        assert (writer.abandon("p", 5_000), writer.open_producers()) == (0, [])
        row = reader.sessions()[0]
        assert (row.spans, row.errors, row.pending, row.abandoned, row.end_ns) == (2, 0, 0, 1, 5_000)
        assert row.last_ns == before.last_ns, "nothing new came, so the session stays where it is in the list"
        (record, _) = sorted(reader.records(row.key), key=lambda record: record.id)
    assert (record.status, record.end_ns, record.input) == ("error", 5_000, b'"question"')
    assert record.error == "abandoned: the program ended without closing this span"
    assert record.metadata["flowscope.abandoned"] is True
    assert _statuses(writer.path) == [Status.ABANDONED, Status.SUCCESS]


def test_what_was_abandoned_is_indexed_and_found_by_its_reason(writer: StoreWriter) -> None:
    writer.write(
        [Incoming(Header(producer=PRODUCER, seq=3, count=62), [replace(OPEN_SPAN, id=f"{n}") for n in range(62)])]
    )
    while writer.index():
        pass
    assert writer.abandon("p", 5_000) == 63
    assert writer.index_behind
    while writer.index():
        pass
    with StoreReader(str(writer.path)) as reader:
        assert len(reader.matching(1, "without closing")) == 63


def test_other_producers_spans_and_an_end_before_the_start_are_left_alone(writer: StoreWriter) -> None:
    other = replace(OPEN_SPAN, id="c", start_ns=9_000)
    writer.write([Incoming(Header(producer=replace(PRODUCER, id="q"), count=1), [other])])
    assert writer.abandon("p", 10) == 1
    assert [producer.id for producer in writer.open_producers()] == ["q"]
    with StoreReader(str(writer.path)) as reader:
        record = next(record for record in reader.records(1) if record.id == "a")
    assert record.end_ns == record.start_ns


def test_the_real_end_replaces_it_and_is_never_taken_back(writer: StoreWriter) -> None:
    writer.abandon("p", 5_000)
    with StoreReader(str(writer.path)) as reader:
        left = next(record for record in reader.records(1) if record.id == "a")
        writer.write([Incoming(None, [_closed("a", 7_000, metadata={"flowscope.producer": "p"})])])
        row = reader.sessions()[0]
        assert (row.abandoned, row.pending, row.end_ns) == (0, 0, 7_000)
        assert writer.write([Incoming(None, [left])]).stale == 1
        assert reader.sessions()[0].abandoned == 0


def test_news_of_it_make_it_pending_again(writer: StoreWriter) -> None:
    writer.abandon("p", 5_000)
    writer.write([Incoming(Header(producer=PRODUCER, seq=3, count=1), [replace(OPEN_SPAN, output=b'"so far"')])])
    assert _statuses(writer.path)[0] == Status.PENDING


@pytest.mark.parametrize("name", ["flowscope", "json", "jsonl"])
def test_it_comes_back_as_abandoned_from_a_file(writer: StoreWriter, tmp_path: Path, name: str) -> None:
    writer.abandon("p", 5_000)
    file = tmp_path / f"file.{name}"
    with StoreReader(str(writer.path)) as reader, file.open("wb") as out:
        FORMATS[name].write(Contents(reader, reader.sessions()), out)
    with StoreWriter.open(str(tmp_path / "other.db")) as other:
        for _ in import_file(file, other):
            pass
        assert sorted(_statuses(other.path)) == [Status.SUCCESS, Status.ABANDONED]


@pytest.mark.parametrize(("sql", "values"), [(OPEN, ()), (OPEN_OF, ("p", 1)), (ABANDONED, ()), (OPEN_IDS, (1, 9))])
def test_they_are_found_without_looking_at_every_span(writer: StoreWriter, sql: str, values: tuple[Any, ...]) -> None:
    with closing(sqlite3.connect(writer.path)) as connection:
        plan = " | ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values))
    assert "spans_unfinished" in plan or "USING COVERING INDEX spans_unfinished" in plan, plan
