"""An import shows all of what it wrote at once, or nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flowscope.protocol import ProducerInfo, Record
from flowscope_app.store import Incoming, StoreReader, StoreWriter

MakeRecord = Callable[..., Record]


def test_nothing_is_seen_before_the_commit(writer: StoreWriter, reader: StoreReader, record: MakeRecord) -> None:
    with writer.begin_import() as into:
        into.name_session("s", "from a file")
        into.write([Incoming(None, [record("a")])])
        writer.write([Incoming(None, [record("x", session_id="live")])])
        into.write([Incoming(None, [record("b")])])
        assert [row.id for row in reader.sessions()] == ["live"]
        assert not writer.sweep(), "what is being imported is not swept"
        assert into.commit() == ["s"]
    row = reader.session("s")
    assert row is not None
    assert (row.spans, row.name) == (2, "from a file")
    assert {one.id for one in reader.records(row.key)} == {"a", "b"}


def test_an_aborted_import_leaves_nothing(writer: StoreWriter, reader: StoreReader, record: MakeRecord) -> None:
    with pytest.raises(ValueError, match="line 7"), writer.begin_import() as into:
        into.write([Incoming(None, [record("a")])])
        raise ValueError("line 7")
    assert reader.sessions() == []
    while writer.sweep():
        pass
    for table in ("spans", "payloads", "sessions", "tracks", "facets"):
        assert writer.connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_an_import_that_a_crash_ended_is_cleared_away_later(db: str, record: MakeRecord) -> None:
    first = StoreWriter.open(db)
    into = first.begin_import()
    into.write([Incoming(None, [record("a")])])
    first._db.close()  # no close(): the process is gone
    first._lock.release()
    with StoreWriter.open(db) as second:
        while second.sweep():
            pass
        assert second.connection.execute("SELECT count(*) FROM spans").fetchone() == (0,)


def test_importing_into_a_session_that_is_there_follows_the_rule_for_known_ids(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    writer.write([Incoming(None, [record("a"), record("b", end_ns=None)])])
    row = reader.session("s")
    assert row is not None
    seen = reader.spans_since(row.key, 0)
    with writer.begin_import() as into:
        into.write([Incoming(None, [record("a", end_ns=None), record("b"), record("c")])])
        into.commit()
    after = reader.session("s")
    assert after is not None
    assert (after.key, after.spans, after.pending) == (row.key, 3, 0)
    assert len(reader.spans_since(row.key, seen.change).rows) == 2, "a reader that follows sees b and c"


def test_a_failed_write_does_not_spoil_the_import(writer: StoreWriter, reader: StoreReader, record: MakeRecord) -> None:
    with writer.begin_import() as into:
        into.write([Incoming(None, [record("a")])])
        with pytest.raises(UnicodeEncodeError):
            into.write([Incoming(None, [record("b"), record("\ud800", session_id="t")])])
        into.write([Incoming(None, [record("c")])])
        assert into.commit() == ["s"]
    row = reader.session("s")
    assert row is not None and row.spans == 2


def test_producers_come_back_with_the_records_that_name_them(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    with writer.begin_import() as into:
        into.add_producers([ProducerInfo("p", "s", "/srv/app.py", 7, "host", "python", "3.11")])
        into.write([Incoming(None, [record("a", metadata={"flowscope.producer": "p"})])])
        into.commit()
    row = reader.session("s")
    assert row is not None
    assert row.programs == ("app.py",)
    (track,) = reader.spans_since(row.key, 0).tracks.values()
    assert (track.label, track.detail, track.producer) == ("app.py", "python 3.11 · pid 7 · MainThread", "p")
