"""A database that can't be written for a while: nothing is half stored, and the same write does later."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from flowscope.protocol import Record
from flowscope_app.store import Incoming, StoreFault, StoreReader, StoreWriter

MakeRecord = Callable[..., Record]


def test_a_locked_database_raises_and_the_write_can_be_made_again(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    message = Incoming(None, [record("a")])
    with closing(sqlite3.connect(writer.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreFault, match="locked by another program"):
            writer.write([message])
        with pytest.raises(StoreFault):
            writer.rename_session("s", "x")
        other.execute("ROLLBACK")
    assert writer.write([message]).stored == 1
    assert [row.spans for row in reader.sessions()] == [1]


def test_a_full_disk_raises_and_what_the_failed_write_had_made_is_made_again(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    """Names, tracks and sessions of the write that was rolled back must not live on in a cache."""
    pages = writer.connection.execute("PRAGMA page_count").fetchone()[0]
    writer.connection.execute(f"PRAGMA max_page_count = {pages + 20}")
    records = [record(str(n), session_id="new", operation=f"op {n}", input=os.urandom(5_000)) for n in range(200)]
    for _ in range(2):
        with pytest.raises(StoreFault, match="disk is full"):
            writer.write([Incoming(None, records)])
    writer.connection.execute("PRAGMA max_page_count = 100000")
    assert writer.write([Incoming(None, records)]).stored == 200
    (row,) = reader.sessions()
    delta = reader.spans_since(row.key, 0)
    assert sorted(delta.names[key] for key in delta.rows["op"].tolist()) == sorted(f"op {n}" for n in range(200))
    assert {delta.tracks[key].label for key in delta.rows["track"].tolist()} == {"python"}


def test_numbers_of_a_write_that_failed_are_still_wanted(
    writer: StoreWriter, record: MakeRecord, batch: Callable[..., Incoming]
) -> None:
    with closing(sqlite3.connect(writer.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreFault):
            writer.write([batch(1, record("a"))])
        other.execute("ROLLBACK")
    assert writer.write([batch(1, record("a"))]).stored == 1
