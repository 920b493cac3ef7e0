"""Commit latency under full ingest: with nothing else to do, while sessions are deleted, and beside an export."""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from filling import fill
from rig import SESSION, Collector, Program, collecting, milliseconds, say, sending

SECONDS = 15.0
WARM_UP_S = 3.0
MOST_S = 90.0
OLD = 60_000  # spans of a session that is deleted
SESSIONS = 4
EXPORTED = 200_000


def main() -> int:
    """Print one line a figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=SECONDS)
    arguments, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="flowscope-") as folder:
        db = str(Path(folder) / "bench.db")
        fill(db, lambda number: f"old {min(SESSIONS, number // OLD)}", OLD * SESSIONS + EXPORTED)
        with collecting(db) as collector, sending(collector) as program:
            time.sleep(WARM_UP_S)
            return _measure(collector, program, arguments.seconds)


def _measure(collector: Collector, program: Program, seconds: float) -> int:
    quiet = _phase(collector, _lasting(seconds))
    for number in range(SESSIONS):
        collector.command(cmd="delete_session", session=f"old {number}")
    begun, stored = time.monotonic(), collector.status()["stored"]
    retention = _phase(collector, lambda: not _hidden(collector) or time.monotonic() > begun + MOST_S)
    took = time.monotonic() - begun
    came = (collector.status()["stored"] - stored) / took
    quiet = [one + other for one, other in zip(quiet, _phase(collector, _lasting(seconds)), strict=True)]
    exporter = _Exporter(collector, time.monotonic() + seconds)
    export = _phase(collector, exporter.done)
    p99 = milliseconds(quiet, 0.99)
    say("upkeep", "commits, quiet", _figures(quiet))
    say("upkeep", f"commits, while {OLD * SESSIONS:,} spans are deleted in {took:.1f} s", _figures(retention))
    say("upkeep", "spans deleted, while others come", f"{OLD * SESSIONS / took:,.0f} a second, {came:,.0f} a second")
    say("upkeep", f"commits, beside exports at {exporter.rate():,.0f} spans/s", _figures(export))
    say("upkeep", "99 %, against quiet, deleting", f"{milliseconds(retention, 0.99) / p99:.2f}")
    say("upkeep", "99 %, against quiet, exporting", f"{milliseconds(export, 0.99) / p99:.2f}")
    return _account(collector, program)


def _phase(collector: Collector, done: Callable[[], bool]) -> list[int]:
    """Commits by how long they took, until `done`."""
    before = collector.status()["commits"]
    while not done():
        time.sleep(0.1)
    return [now - then for now, then in zip(collector.status()["commits"], before, strict=True)]


def _lasting(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def _hidden(collector: Collector) -> int:
    """Sessions that are being deleted."""
    with contextlib.closing(sqlite3.connect(collector.db)) as connection:
        return int(connection.execute("SELECT count(*) FROM sessions WHERE id IS NULL").fetchone()[0])


class _Exporter:
    """Exports one session again and again, until it is time."""

    def __init__(self, collector: Collector, until: float) -> None:
        self._until = until
        self._command = [
            sys.executable, "-m", "flowscope_app", "export", "--db", collector.db, "--session", f"old {SESSIONS}",
            "--format", "jsonl", "-o", str(Path(collector.db).with_name("export.jsonl")),
        ]  # fmt: skip
        self._begun = time.monotonic()
        self._times = 0
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdout=subprocess.DEVNULL)

    def done(self) -> bool:
        """Whether the last one has ended."""
        if self._process.poll() is None:
            return False
        if self._process.returncode:
            raise SystemExit("an export failed")
        self._times += 1
        if time.monotonic() < self._until:
            self._process = self._start()
            return False
        self._took = time.monotonic() - self._begun
        return True

    def rate(self) -> float:
        """Spans a second, the start of its process included."""
        return self._times * EXPORTED / self._took


def _account(collector: Collector, program: Program) -> int:
    """Whether all spans that were made are stored."""
    program.signal()
    made, told = program.told(), program.told()
    with collector.reader() as reader:
        row = reader.session(SESSION)
    lost = made["made"] - (row.spans if row else 0)
    say("upkeep", "spans not stored", f"{lost} of {made['made']:,}, dropped by the SDK {told['dropped']}")
    return 1 if lost else 0


def _figures(commits: list[int]) -> str:
    return f"median {milliseconds(commits, 0.5):.1f} ms, 99 % {milliseconds(commits, 0.99):.1f} ms of {sum(commits):,}"


if __name__ == "__main__":
    sys.exit(main())
