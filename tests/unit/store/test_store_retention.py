"""Retention deletes what its limits say, nothing that is pinned or in use, and tells before what would go."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from flowscope.protocol import Record
from flowscope_app.collector.upkeep import Upkeep
from flowscope_app.store import Incoming, Policy, StoreReader, StoreWriter
from flowscope_app.store.retention import ACTIVE_NS, used_bytes

MakeRecord = Callable[..., Record]
DAY = 86_400_000_000_000
NOW = time.time_ns()


@pytest.fixture
def fill(writer: StoreWriter, record: MakeRecord) -> Callable[..., None]:
    """Writes a session whose last span came `days` ago."""

    def write(name: str, days: float, spans: int = 3, size: int = 0) -> None:
        records = [record(str(n), session_id=name, input=os.urandom(size) if size else b"{}") for n in range(spans)]
        writer.write([Incoming(None, records)])
        writer.connection.execute("UPDATE sessions SET last_ns = ? WHERE id = ?", (NOW - int(days * DAY), name))

    return write


def ids(reader: StoreReader) -> list[str]:
    return [row.id for row in reader.sessions()]


def retire(writer: StoreWriter, policy: Policy) -> list[str]:
    """All that goes, as the collector does it: hide, sweep, look again."""
    gone: list[str] = []
    while found := writer.retire(policy, NOW):
        gone += [one.id for one in found]
        while writer.sweep():
            pass
    return gone


@pytest.mark.parametrize(
    ("policy", "gone"),
    [
        (Policy(), []),
        (Policy(days=6), ["oldest", "older"]),
        (Policy(sessions=2), ["oldest", "older"]),
        (Policy(days=9, sessions=1), ["oldest", "older", "old"]),
        (Policy(days=0.5), ["oldest", "older", "old"]),
    ],
)
def test_sessions_beyond_age_and_number_go_oldest_first(
    writer: StoreWriter, reader: StoreReader, fill: Callable[..., None], policy: Policy, gone: list[str]
) -> None:
    for name, days in {"older": 8, "old": 5, "oldest": 10, "pinned": 100, "new": 0}.items():
        fill(name, days)
    writer.pin_session("pinned", True)
    assert [one.id for one in reader.expiring(policy, NOW)] == gone
    assert retire(writer, policy) == gone
    left = {"older", "old", "oldest", "pinned", "new"} - set(gone)
    assert set(ids(reader)) == left
    assert reader.health().spans == 3 * len(left)


def test_a_session_that_still_takes_spans_never_goes(
    writer: StoreWriter, reader: StoreReader, fill: Callable[..., None]
) -> None:
    fill("a", (ACTIVE_NS - 10**9) / DAY)
    fill("b", 0)
    policy = Policy(days=0.001, max_bytes=1, sessions=1)
    assert reader.expiring(policy, NOW) == [] == retire(writer, policy)


def test_a_database_that_is_too_large_loses_its_oldest_sessions_until_it_fits(
    writer: StoreWriter, reader: StoreReader, fill: Callable[..., None]
) -> None:
    for number in range(10):
        fill(f"s{number}", 20 - number, spans=50, size=10_000)
    writer.pin_session("s0", True)
    limit = used_bytes(writer.connection) - 1_200_000  # two sessions and a bit
    policy = Policy(max_bytes=limit)
    planned = reader.expiring(policy, NOW)
    assert [one.id for one in planned] == ["s1", "s2", "s3"]
    assert all(500_000 < one.size < 600_000 for one in planned)
    assert retire(writer, policy) == ["s1", "s2", "s3"]
    assert used_bytes(writer.connection) <= limit
    writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert writer.path.stat().st_size <= limit, "the file itself gave the space back"


def test_a_dry_run_deletes_nothing(writer: StoreWriter, reader: StoreReader, fill: Callable[..., None]) -> None:
    fill("a", 5)
    (found,) = reader.expiring(Policy(days=1), NOW)
    assert (found.id, found.spans, found.why) == ("a", 3, "older than 1 days")
    assert ids(reader) == ["a"]
    assert not writer.sweep() or not writer.sweep()


def test_a_pin_is_kept_and_can_be_taken_away(db: str, record: MakeRecord) -> None:
    with StoreWriter.open(db) as writer:
        writer.write([Incoming(None, [record("a")])])
        assert writer.pin_session("s", True) and not writer.pin_session("nobody", True)
    with StoreWriter.open(db) as writer, StoreReader(db) as reader:
        writer.write([Incoming(None, [record("b")])])
        assert [row.pinned for row in reader.sessions()] == [True]
        writer.pin_session("s", False)
        row = reader.session("s")
        assert row is not None and not row.pinned


def test_space_an_earlier_process_freed_is_given_back(db: str, record: MakeRecord) -> None:
    with StoreWriter.open(db) as writer:
        writer.write([Incoming(None, [record(str(n), input=os.urandom(10_000)) for n in range(100)])])
        writer.connection.execute("DELETE FROM payloads")
    with StoreWriter.open(db) as writer:
        while writer.sweep():
            pass
        assert writer.connection.execute("PRAGMA freelist_count").fetchone() == (0,)


def test_what_was_not_swept_yet_keeps_no_further_session_from_staying(
    writer: StoreWriter, fill: Callable[..., None]
) -> None:
    """A database that is large only because the sweep met a fault must not lose more than it has to."""
    for number in range(3):
        fill(f"s{number}", 20 - number, spans=50, size=10_000)
    policy = Policy(max_bytes=used_bytes(writer.connection) - 100_000)
    upkeep = Upkeep(writer, lambda: policy)
    assert upkeep.step() and upkeep.step()
    assert len(writer.hidden()) == 1
    while writer.sweep():
        pass
    assert not upkeep.step() and len(writer.hidden()) == 0
