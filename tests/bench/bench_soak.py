"""A minute of as many spans as are taken: rate, lag, memory, losses, and the search index behind them."""

from __future__ import annotations

import argparse
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field

from rig import SESSION, Collector, Program, collecting, say, sending

from flowscope_app.store import StoreReader

SECONDS = 60.0
POLL_S = 0.02
MEMORY_AT_S = (10, 30, 60)
BEHIND = "SELECT count(*) FROM spans s JOIN sessions e ON e.key = s.session WHERE e.id = ? AND s.change > e.indexed"
BLOCK = 64
CATCH_UP_S = 240.0


@dataclass
class Seen:
    """What a reader saw while spans came. Lags are in seconds, from a span's end to the poll that saw it."""

    begun: float
    spans: int = 0
    lags: list[float] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)  # from send to commit, by the collector's account
    collector: dict[int, float] = field(default_factory=dict)
    program: dict[int, float] = field(default_factory=dict)


def main() -> int:
    """Print one line a figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=SECONDS)
    arguments, _ = parser.parse_known_args()
    with collecting() as collector, sending(collector) as program:
        while not (collector.status()["stored"]):
            time.sleep(POLL_S)
        with collector.reader() as reader:
            seen = _watch(collector, program, reader, arguments.seconds)
            spent = collector.seconds_of_processor()
            program.signal()
            return _finish(collector, program, reader, seen, spent)


def _watch(collector: Collector, program: Program, reader: StoreReader, seconds: float) -> Seen:
    """Poll as a window does, for so long."""
    row = reader.session(SESSION)
    before = row.spans if row else 0
    seen = Seen(time.time())
    marks = [mark for mark in MEMORY_AT_S if mark < seconds] + [int(seconds)]
    while (passed := time.time() - seen.begun) < seconds:
        row = reader.session(SESSION)
        now = time.time()
        if row is not None and row.end_ns is not None:
            seen.spans = row.spans - before
            seen.lags.append(now - row.end_ns / 1e9)
        if passed >= len(seen.sent) + 1:
            seen.sent.append((collector.status()["health"]["lag_ms"] or 0.0) / 1e3)
        if marks and passed >= marks[0]:
            seen.collector[marks[0]], seen.program[marks.pop(0)] = collector.memory(), program.memory()
        time.sleep(POLL_S)
    for mark in marks:
        seen.collector[mark], seen.program[mark] = collector.memory(), program.memory()
    say("soak", f"sustained for {seconds:.0f} s, from socket to visible", f"{seen.spans / seconds:,.0f} spans/s")
    return seen


def _finish(collector: Collector, program: Program, reader: StoreReader, seen: Seen, spent: float) -> int:
    made = program.told()
    while (row := reader.session(SESSION)) is None or row.spans < made["made"]:
        if collector.process.poll() is not None or time.time() > made["last"] + 120:
            break
        time.sleep(0.005)
    visible = time.time()
    begun = time.perf_counter()
    found = len(reader.matching(row.key, program.word)) if row else 0
    searched = time.perf_counter() - begun
    waiting = _behind(collector)
    told = program.told()
    status = collector.status()
    stored = row.spans if row else 0
    lags = sorted(seen.lags)
    size = collector.status()["health"]["database_bytes"] / max(1, stored)
    say("soak", "collector's processor time", f"{spent / max(1, stored) * 1e6:.1f} us a span")
    say("soak", "lag at the end, from the last span to visible", f"{visible - made['last']:.2f} s")
    sent = f"{seen.sent[-1]:.2f}, {max(seen.sent):.2f} s" if seen.sent else "-"
    say("soak", "lag, last and greatest, from send to commit", sent)
    say("soak", "lag, median and greatest, from a span's end to visible", f"{_of(lags, 0.5)}, {_of(lags, 1)} s")
    say("soak", "commit latency, median and 99 %", _commits(status))
    for mark in seen.collector:
        say("soak", f"memory after {mark} s, collector and program", _mib(seen.collector[mark], seen.program[mark]))
    lost = made["made"] - stored
    counts = f"{lost} of {made['made']:,}, dropped {status['dropped']}, gaps {status['gaps']}"
    say("soak", "spans not stored", f"{counts}, refused {status['refused']}, dropped by the SDK {told['dropped']}")
    say("soak", "database", f"{size:,.0f} bytes a span")
    say("soak", f"a word of the very last span, found with {waiting:,} spans not indexed", f"{searched:.2f} s")
    _catch_up(collector, waiting)
    good = lost == 0 and found == 1 and told["stored"] and not (status["dropped"] or status["gaps"])
    if not good:
        print(f"soak: spans are missing, or the last one was found {found} times", file=sys.stderr)
    return 0 if good else 1


def _behind(collector: Collector) -> int:
    """Spans that the search index does not cover yet."""
    with closing(sqlite3.connect(collector.db)) as connection:
        return int(connection.execute(BEHIND, (SESSION,)).fetchone()[0])


def _catch_up(collector: Collector, waiting: int) -> None:
    """How fast the index is filled, once nothing comes."""
    begun, before = time.perf_counter(), _behind(collector)
    left, took = before, 0.0
    while left >= BLOCK and took < CATCH_UP_S:
        time.sleep(0.25)
        left, took = _behind(collector), time.perf_counter() - begun
    rate = (before - left) / took if took else 0.0
    state = f"{took:.1f} s" if left < BLOCK else f"not within {took:.0f} s"
    say("soak", f"search index, {waiting:,} spans behind at the end, caught up", f"{state}, {rate:,.0f} spans/s")


def _of(ordered: list[float], share: float) -> str:
    return f"{ordered[int(share * (len(ordered) - 1))]:.2f}" if ordered else "-"


def _commits(status: dict[str, dict[str, float]]) -> str:
    health = status["health"]
    return f"{health['commit_median_ms']} ms, {health['commit_p99_ms']} ms"


def _mib(collector: float, program: float) -> str:
    return f"{collector:.0f} MiB, {program:.0f} MiB"


if __name__ == "__main__":
    sys.exit(main())
