"""Searching, pinning, pruning and exporting beside a collector that is taking spans: nothing is lost by it."""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import zmq
from patience import PATIENCE

from flowscope.protocol import Header, ProducerInfo, Record, encode_header, encode_record
from flowscope_app.collector.client import control_of, request
from flowscope_app.store import Incoming, StoreReader, StoreWriter

FLOWSCOPE = [sys.executable, "-m", "flowscope_app"]
START = 1_790_000_000_000_000_000
LONG_AGO = START - 100 * 86_400_000_000_000
LIMITS = {"version": 1, "settings": {"retention.days": 30}}


def flowscope(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*FLOWSCOPE, *words], capture_output=True, text=True, timeout=PATIENCE)


def record(number: int, session: str) -> Record:
    return Record(
        id=f"{number:016x}",
        session_id=session,
        parent_id=None,
        operation="op",
        framework="custom",
        language="python",
        start_ns=START,
        end_ns=START + 5,
        input=b'{"text":"value %d."}' % number,
        metadata={},
        status="success",
    )


@pytest.fixture
def old_sessions(home: Path) -> str:
    """A database with three sessions of 5,000 spans that ended a hundred days ago; one is pinned."""
    db = str(home / "flowscope.db")
    with StoreWriter.open(db) as writer:
        for name in ("old", "older", "pinned"):
            writer.write([Incoming(None, [record(number, name) for number in range(5_000)])])
        writer.pin_session("pinned", True)
        writer.connection.execute("UPDATE sessions SET last_ns = ?", (LONG_AGO,))
    return db


def push(addr: str, session: str, batches: int, ended: threading.Event | None = None) -> int:
    """Send batches of 100 numbered spans as fast as they are taken; with `ended`, more of them until it is set.

    Returns how many.
    """
    info = ProducerInfo(f"producer of {session}", session)
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.setsockopt(zmq.SNDHWM, 20)
        socket.connect(addr)
        for batch in itertools.count():
            if batch >= batches and (ended is None or ended.is_set()):
                break
            spans = [encode_record(record(batch * 100 + n, session)) for n in range(100)]
            header = encode_header(Header(1, info, batch * 100 + 1, 100))
            socket.send_multipart([header, b"[" + b",".join(spans) + b"]"])
        socket.setsockopt(zmq.LINGER, -1)
    return batch * 100


def blocks(db: str) -> int:
    with contextlib.closing(sqlite3.connect(db)) as connection:
        return int(connection.execute("SELECT count(*) FROM blocks").fetchone()[0])


def hidden(db: str) -> int:
    with contextlib.closing(sqlite3.connect(db)) as connection:
        return int(connection.execute("SELECT count(*) FROM sessions WHERE id IS NULL").fetchone()[0])


def test_retention_and_export_beside_ingest_lose_nothing(
    home: Path, old_sessions: str, start_collector: Callable[..., Any], tmp_path: Path
) -> None:
    (home / "settings.json").write_text(json.dumps(LIMITS))
    collector = start_collector(db=old_sessions)
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(push, collector.addr, "new", 200, ended)
        try:
            collector.wait_for(lambda reader: reader.session("new") is not None)
            exported = tmp_path / "pinned.jsonl"
            assert flowscope("export", "--session", "pinned", "-o", str(exported)).returncode == 0
            # Spans never pause, and yet limits are kept, what went is swept, and the index advances.
            collector.wait_for(lambda reader: {row.id for row in reader.sessions()} == {"new", "pinned"})
            collector.wait_for(lambda reader: not hidden(old_sessions))
            collector.wait_for(lambda reader: blocks(old_sessions) > 10)
            assert not sent.done()
        finally:
            ended.set()
        spans = sent.result()
    collector.wait_for(lambda reader: (row := reader.session("new")) is not None and row.spans == spans)
    with contextlib.closing(collector.reader()) as reader:
        assert (reader.health().gaps, reader.health().refused, reader.health().dropped) == (0, 0, 0)
        new = reader.session("new")
        assert new is not None
        assert {one.id for one in reader.records(new.key)} == {f"{number:016x}" for number in range(spans)}
    assert len(exported.read_text().splitlines()) == 5_000
    # Then everything that stays is indexed, and what went leaves nothing behind.
    collector.wait_for(lambda reader: blocks(old_sessions) == spans // 64 + 5_000 // 64)
    collector.wait_for(lambda reader: len(reader.matching(new.key, "value 1234.")) == 1)
    assert collector.stop() == 0
    with contextlib.closing(sqlite3.connect(old_sessions)) as connection:
        assert connection.execute("SELECT count(*) FROM spans").fetchone() == (spans + 5_000,)
        assert connection.execute("SELECT count(*) FROM payloads").fetchone() == (spans + 5_000,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("held", [False, True], ids=["alone", "through the collector"])
def test_pruning_deletes_what_its_dry_run_named(
    home: Path, old_sessions: str, start_collector: Callable[..., Any], held: bool
) -> None:
    if held:
        start_collector(db=old_sessions)
    said = flowscope("sessions", "--prune", "--dry-run", "--days", "30")
    assert said.returncode == 0, said.stderr
    assert [line.split()[0] for line in said.stdout.splitlines()] == ["old", "older", "would"]
    assert "older than 30 days" in said.stdout
    with StoreReader(old_sessions) as reader:
        assert len(reader.sessions()) == 3
    done = flowscope("sessions", "--prune", "--days", "30")
    assert done.stdout.splitlines()[:2] == said.stdout.splitlines()[:2]
    with StoreReader(old_sessions) as reader:
        assert [row.id for row in reader.sessions()] == ["pinned"]
    assert flowscope("sessions", "--unpin", "pinned").returncode == 0
    assert flowscope("sessions", "--prune", "--days", "30").stdout.startswith("pinned ")
    assert flowscope("sessions", "--prune", "--days", "30").stdout == "deleted 0 sessions, about 0 B\n"


def test_pins_are_set_through_the_collector_and_shown(home: Path, collector: Any) -> None:
    push(collector.addr, "s", 1)
    collector.wait_spans(100)
    assert flowscope("sessions", "--pin", "s").returncode == 0
    assert "s (pinned)" in flowscope("sessions").stdout
    with contextlib.closing(collector.reader()) as reader:
        row = reader.session("s")
        assert row is not None and row.pinned
    refused = request(control_of(collector.addr), {"cmd": "pin_session", "session": "s", "pinned": "yes"}, PATIENCE)
    assert refused["ok"] is False
    missing = flowscope("sessions", "--pin", "nobody")
    assert missing.returncode == 1 and missing.stderr.count("\n") == 1 and "nobody" in missing.stderr


def test_pruning_with_no_limit_says_so(home: Path) -> None:
    (home / "settings.json").write_text(json.dumps({"version": 1, "settings": {"retention.gigabytes": 0}}))
    done = flowscope("sessions", "--prune")
    assert done.returncode == 1 and "no limit is set" in done.stderr and done.stderr.count("\n") == 1
    assert not (home / "flowscope.db").exists()
