"""Whatever a reader or the writer asks, no statement walks a table that grows with the spans."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from flowscope.protocol import Record
from flowscope_app.store import Incoming, Policy, StoreReader, StoreWriter, gathering, noting

MakeRecord = Callable[..., Record]
MakeBatch = Callable[..., Incoming]

LARGE = {"spans", "s", "payloads", "blocks", "runs", "notes", "tracks", "t", "reports"}
"""Tables by the names that statements give them."""


@contextmanager
def overheard(connection: sqlite3.Connection) -> Iterator[list[str]]:
    """All statements that a connection executes meanwhile, their values filled in."""
    heard: list[str] = []
    connection.set_trace_callback(heard.append)
    try:
        yield heard
    finally:
        connection.set_trace_callback(None)


def walks(connection: sqlite3.Connection, statements: list[str]) -> list[tuple[str, str]]:
    """The steps of the statements' plans that walk all of a large table, each with its statement."""
    found = []
    for sql in dict.fromkeys(statements):
        if sql.split(None, 1)[0].upper() not in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            continue
        for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {sql}"):
            words = step.split()
            # The index of open and abandoned spans holds nothing else: to walk it is to look at each of them.
            large = words[1] in LARGE or (words[1] == "p" and "payloads p" in sql)
            if words[0] == "SCAN" and large and "spans_unfinished" not in step:
                found.append((step, sql[:200]))
    return found


@pytest.fixture
def filled(writer: StoreWriter, record: MakeRecord, batch: MakeBatch, monkeypatch: pytest.MonkeyPatch) -> StoreWriter:
    """Two sessions whose spans are gathered, noted and indexed but for the last of them; one span is open."""
    monkeypatch.setattr(gathering, "RUN_SPANS", 8)
    monkeypatch.setattr(noting, "RUN_SPANS", 8)
    for session in ("s", "t"):
        spans = [record(str(number), session_id=session, input=b'"said %d"' % number) for number in range(100)]
        writer.write([batch(1, *spans, producer=session)])
        while writer.index():
            pass
        writer.write([batch(101, record("open", session_id=session, end_ns=None), producer=session)])
    return writer


def test_nothing_that_a_reader_asks_walks_a_large_table(filled: StoreWriter, reader: StoreReader) -> None:
    with overheard(reader._connection) as heard:
        (key, *_) = [row.key for row in reader.sessions()]
        assert reader.session("s") is not None
        delta = reader.spans_since(key, 0)
        assert len(delta.rows) == len(reader.load(key).columns["key"][:101]) == 101
        assert reader.payload(int(delta.rows["key"][0])) is not None
        reader.notes_since(key, 0)
        reader.notes_since(key, delta.change)
        for text in ("said 7", "op", "日本", "a", "nowhere at all"):
            reader.matching(key, text)
        reader.expiring(Policy(days=1e-9, max_bytes=1, sessions=1), time.time_ns() + 10**15)
        reader.reports()
        reader.health()
        assert len(reader.producers(key)) == 1
    assert len(set(heard)) > 20, "the statements are heard"
    assert walks(reader._connection, heard) == []


def test_nothing_that_an_export_asks_walks_a_large_table(filled: StoreWriter, reader: StoreReader) -> None:
    from flowscope_app.store.records import Records

    (key, *_) = [row.key for row in reader.sessions()]
    with closing(sqlite3.connect(filled.path, isolation_level=None)) as connection, overheard(connection) as heard:
        assert sum(map(len, Records(connection, key).pieces())) == 101
    assert walks(reader._connection, heard) == []


def test_nothing_that_the_writer_does_walks_a_large_table(
    filled: StoreWriter, record: MakeRecord, batch: MakeBatch
) -> None:
    with overheard(filled.connection) as heard:
        filled.write([batch(102, record("open"), record("new"), replace(record("7"), error="late"), producer="s")])
        filled.write([batch(200, record("after a gap"), producer="s")])
        while filled.index():
            pass
        assert [found.id for found in filled.open_producers()] == ["t"]
        assert filled.abandon("t") == 1
        filled.rename_session("s", "name")
        filled.pin_session("s", True)
        filled.losses()
        filled.retire(Policy(sessions=1, days=1e-9), time.time_ns() + 10**15)
        filled.delete_session("s")
        while filled.sweep(0.0):
            pass
    assert len(set(heard)) > 40, "the statements are heard"
    assert walks(filled.connection, heard) == []
