"""Faults that pass: a collector that stands still, a database that takes no writes. Then all is stored."""

from __future__ import annotations

import resource
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import delivery
import pytest
from patience import PATIENCE

from flowscope_app.collector import client

SPANS = 30_000
SECONDS = 5.0


def fault(collector: Any) -> str:
    """What the collector says is wrong with its database."""
    return str(client.request(client.control_of(collector.addr), {"cmd": "status"}, PATIENCE)["fault"])


def assert_all_stored(program: subprocess.Popen[str], db: str, spans: int = SPANS) -> None:
    assert delivery.finish(program) == ["made", "flushed True"]
    assert delivery.account(db) == delivery.Account(spans, spans, 0, 0)


@pytest.mark.slow
def test_a_frozen_collector_loses_nothing(collector: Any) -> None:
    chance = delivery.dice()
    program = delivery.produce(collector.addr, SPANS, SECONDS)
    for _ in range(2):
        delivery.pause(chance.uniform(0.0, 0.5))
        collector.process.send_signal(signal.SIGSTOP)
        try:
            delivery.pause(chance.uniform(1.0, 3.0))
        finally:
            collector.process.send_signal(signal.SIGCONT)
    assert_all_stored(program, collector.db)


@pytest.mark.slow
def test_a_collector_that_is_killed_while_frozen_loses_nothing(start_collector: Callable[..., Any]) -> None:
    collector = start_collector()
    program = delivery.produce(collector.addr, SPANS, SECONDS)
    delivery.pause(0.5)
    collector.process.send_signal(signal.SIGSTOP)
    delivery.pause(2.0)
    collector.process.kill()
    collector.process.wait(PATIENCE)
    collector = start_collector(addr=collector.addr, db=collector.db)
    assert_all_stored(program, collector.db)


@pytest.mark.slow
def test_nothing_is_acknowledged_while_another_program_locks_the_database(collector: Any) -> None:
    with closing(sqlite3.connect(collector.db, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        program = delivery.run(
            """
            import flowscope
            with flowscope.trace("first"):
                pass
            print(flowscope.flush(1.0), flush=True)
            print(flowscope.flush(600), flush=True)
            """,
            addr=collector.addr,
        )
        busy = delivery.produce(collector.addr, SPANS, SECONDS)
        assert delivery.line(program) == "False"
        collector.wait_for(lambda _: "locked" in fault(collector))
        delivery.pause(4.0)
        assert delivery.account(collector.db).stored == 0
        other.execute("ROLLBACK")
    assert delivery.line(program) == "True"
    delivery.finish(program)
    assert delivery.finish(busy) == ["made", "flushed True"]
    assert delivery.account(collector.db) == delivery.Account(SPANS + 1, SPANS + 1, 0, 0)
    assert fault(collector) == ""


@pytest.mark.slow
def test_a_file_that_must_not_grow_loses_nothing(collector: Any) -> None:
    program = delivery.produce(collector.addr, SPANS, SECONDS, size=500)
    collector.wait_spans(1)
    allowed = resource.prlimit(collector.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(collector.process.pid, resource.RLIMIT_FSIZE, (1 << 20, allowed[1]))
    try:
        collector.wait_for(lambda _: fault(collector) != "")
        delivery.pause(5.0)
        assert fault(collector) != ""
    finally:
        resource.prlimit(collector.process.pid, resource.RLIMIT_FSIZE, allowed)
    assert_all_stored(program, collector.db)


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A file system of 16 MB, where this user may mount one."""
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.slow
def test_a_full_disk_loses_nothing(start_collector: Callable[..., Any], tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        filler = disk / "filler"
        filler.write_bytes(bytes(13 << 20))
        collector = start_collector(db=str(disk / "a.db"))
        try:
            program = delivery.produce(collector.addr, 10_000, 2.0)
            collector.wait_for(lambda _: "disk is full" in fault(collector))
            delivery.pause(5.0)
            assert "disk is full" in fault(collector)
            filler.unlink()
            assert_all_stored(program, collector.db, 10_000)
        finally:
            collector.stop()
