"""The timeline while 20,000 spans a second come in: frames, and how soon after its commit a span is seen."""

from __future__ import annotations

import argparse
import bisect
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from generated import ORIGIN, SESSION, Messages, session
from rig import say
from timeline_rig import Rig, Took, summary

from flowscope_app.store import StoreWriter

RATE = 20_000  # spans a second
EVERY_S = 0.05
FRAMES_A_SECOND = 60
SECONDS = 60.0
AT_FIRST = 1_000


def main() -> int:
    """Print one line a figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    arguments, _ = parser.parse_known_args()
    if arguments.write:
        write(arguments.write, arguments.seconds)
        return 0
    with tempfile.TemporaryDirectory(prefix="flowscope-bench-") as folder:
        path = Path(folder) / "bench.db"
        command = [sys.executable, __file__, "--seconds", str(arguments.seconds), "--write", str(path)]
        writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert writer.stdin is not None and writer.stdout is not None
        writer.stdout.readline()  # the first spans are in
        watch(path, writer, arguments.seconds)
    return 0


def watch(path: Path, writer: subprocess.Popen[str], seconds: float) -> None:
    """Pan to and fro over the whole of the session while it grows."""
    assert writer.stdin is not None and writer.stdout is not None
    rig = Rig(path)
    rig.open(SESSION)
    rig.state.set_range(ORIGIN - 10**9, ORIGIN + int((seconds + 1) * 1e9), user=True)
    seen: list[tuple[int, float]] = []  # how many spans a picture has, when it was there
    rig.on_painted = lambda: seen.append((rig.spans_painted, time.time()))
    writer.stdin.write("\n")
    writer.stdin.flush()
    took: list[Took] = []
    steps = itertools.count()

    def pan(_step: int) -> None:
        rig.pan(next(steps))

    while writer.poll() is None:
        took += rig.frames(pan, 1)
        rested = time.perf_counter() + max(0.0, 1 / FRAMES_A_SECOND - took[-1].wall)
        while time.perf_counter() < rested:
            rig.app.processEvents()
    commits = [(int(count), float(at)) for count, at in (line.split() for line in writer.stdout)]
    rig.until(lambda: rig.spans_painted >= commits[-1][0])
    counts = [count for count, _ in seen]
    late = sorted(
        (seen[bisect.bisect_left(counts, count)][1] - at) * 1e3 for count, at in commits if count <= counts[-1]
    )
    written = commits[-1][0] - AT_FIRST
    label = f"{written / (commits[-1][1] - commits[0][1]):,.0f} spans/s for {seconds:.0f} s"
    say("timeline_live", f"{label}, frames while panning", summary(took))
    say(
        "timeline_live",
        f"{label}, from commit to picture",
        f"median {late[len(late) // 2]:.0f} ms, p99 {late[int(len(late) * 0.99)]:.0f} ms, worst {late[-1]:.0f} ms",
    )
    rig.close()


def write(path: Path, seconds: float) -> None:
    """Store the session's spans in the order of their ends, RATE a second; say when how many are committed."""
    spans = int(RATE * seconds) + AT_FIRST
    messages = Messages(session(spans), lasting=int(seconds * 1e9))
    with StoreWriter.open(str(path)) as writer:

        def put(first: int, end: int) -> None:
            writer.write(messages.of(first, end))
            print(end, time.time(), flush=True)

        put(0, AT_FIRST)
        sys.stdin.readline()
        begun, done = time.perf_counter(), AT_FIRST
        while done < spans:
            time.sleep(max(0.0, begun + (done - AT_FIRST) / RATE + EVERY_S - time.perf_counter()))
            due = min(spans, AT_FIRST + int((time.perf_counter() - begun) * RATE))
            put(done, due)
            done = due


if __name__ == "__main__":
    sys.exit(main())
