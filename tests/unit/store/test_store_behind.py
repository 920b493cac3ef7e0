"""What is made of spans behind the ingest: each kind gets its time, though spans never pause."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from flowscope.protocol import Record
from flowscope_app.store import Incoming, StoreFault, StoreWriter, gathering, noting


def test_each_kind_advances_though_every_step_is_short_and_spans_never_pause(
    db: str, record: Callable[..., Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "RUN_SPANS", 100)
    monkeypatch.setattr(noting, "RUN_SPANS", 100)
    with StoreWriter.open(db) as writer:
        for step in range(30):
            writer.write([Incoming(None, [record(f"{step}/{n}", input=b'"value"') for n in range(200)])])
            writer.index(0.0)
        assert writer.index_behind
        watermarks = writer.connection.execute("SELECT gathered, noted, indexed FROM sessions").fetchone()
    assert all(watermarks), watermarks


def test_what_a_fault_kept_from_being_done_is_done_later(
    writer: StoreWriter, record: Callable[..., Record], db: str
) -> None:
    writer.write([Incoming(None, [record(f"{n}") for n in range(64)])])
    with closing(sqlite3.connect(db)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreFault):
            writer.index()
    assert writer.index_behind
    while writer.index():
        pass
    found = writer.connection.execute("SELECT indexed FROM sessions").fetchone()
    assert found == (64,)
    assert writer.connection.execute("PRAGMA synchronous").fetchone() == (2,), "what is acknowledged is synced"
