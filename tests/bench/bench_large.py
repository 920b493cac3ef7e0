"""The rate with ten million spans stored against that into an empty database, and what a window asks for there."""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from filling import batches
from rig import SESSION, collecting, say, sending

from flowscope_app.store import StoreReader, StoreWriter

SPANS = 10_000_000
SECONDS = 15.0
WARM_UP_S = 2.0
A_SESSION = 100_000
BYTES_A_SPAN = 1_000  # with what SQLite needs beside it
TIMES = 5


def main() -> int:
    """Print one line a figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--spans", type=int, default=SPANS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    arguments, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="flowscope-") as folder:
        free = shutil.disk_usage(folder).free
        if free < arguments.spans * BYTES_A_SPAN:
            print(f"large: {folder} has only {free >> 30} GiB free; set TMPDIR, or give --spans", file=sys.stderr)
            return 1
        empty = _rate(str(Path(folder) / "empty.db"), arguments.seconds)
        db = str(Path(folder) / "bench.db")
        _fill(db, arguments.spans)
        _queries(db, arguments.spans)
        full = _rate(db, arguments.seconds)
    number = f"{arguments.spans:,}"
    say("large", "socket to visible, empty database", f"{empty[0]:,.0f} spans/s, {empty[1]:.1f} us of processor a span")
    say("large", f"the same, {number} spans stored", f"{full[0]:,.0f} spans/s, {full[1]:.1f} us of processor a span")
    say("large", f"rate with {number} spans against empty", f"{full[0] / empty[0]:.0%}")
    return 0


def _rate(db: str, seconds: float) -> tuple[float, float]:
    """Spans a second as a reader sees them while one program sends all it can, and the collector's CPU us a span."""
    with collecting(db) as collector, sending(collector), collector.reader() as reader:
        time.sleep(WARM_UP_S)
        first, spent, begun = _spans(reader), collector.seconds_of_processor(), time.perf_counter()
        time.sleep(seconds)
        stored, took = _spans(reader) - first, time.perf_counter() - begun
        return stored / took, (collector.seconds_of_processor() - spent) / max(1, stored) * 1e6


def _spans(reader: StoreReader) -> int:
    row = reader.session(SESSION)
    return row.spans if row else 0


def _fill(db: str, spans: int) -> None:
    """Write all by the ordinary writer, and index them as they come."""
    writing = indexing = 0.0
    with StoreWriter.open(db) as writer:
        for batch in batches(lambda number: f"session {number // A_SESSION}", spans):
            begun = time.perf_counter()
            writer.write([batch])
            writing += time.perf_counter() - begun
            begun = time.perf_counter()
            while writer.index(0.5):
                pass
            indexing += time.perf_counter() - begun
        size = writer.size()
    say("large", f"{spans:,} spans written in transactions of 10,000", f"{spans / writing:,.0f} spans/s")
    say("large", "and indexed for search", f"{spans / indexing:,.0f} spans/s")
    say("large", "database", f"{size / spans:,.0f} bytes a span")


def _queries(db: str, spans: int) -> None:
    """Times of what the window asks for."""
    name = f"session {spans // 2 // A_SESSION}"
    with StoreReader(db) as reader:
        row = reader.session(name)
        assert row is not None
        page = reader.spans_since(row.key, 0)
        middle = int(page.rows["key"][len(page.rows) // 2])
        asked: dict[str, Callable[[], object]] = {
            "the list of sessions": reader.sessions,
            "one session": lambda: reader.session(name),
            "totals": reader.health,
            f"structure of a session of {len(page.rows):,} spans": lambda: reader.spans_since(row.key, 0),
            "payload of a span": lambda: reader.payload(middle),
            "search in a session, one span says it": lambda: reader.matching(row.key, f"Tuesday. {middle - 1}"),
            "search in a session, none says it": lambda: reader.matching(row.key, "no such words"),
        }
        for what, ask in asked.items():
            say("large", f"{spans:,} spans stored, {what}", f"{_median(ask):.1f} ms")


def _median(ask: Callable[[], object]) -> float:
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        ask()
        took.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(took)


if __name__ == "__main__":
    sys.exit(main())
