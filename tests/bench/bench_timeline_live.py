"""The timeline while 20,000 spans a second come in: frames, and how soon after its commit a span is seen."""

from __future__ import annotations

import argparse
import bisect
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from generated import ORIGIN, PROGRAMS, SESSION, producer, session
from rig import say
from timeline_rig import Rig, Took, summary

from flowscope.protocol import Header, Record
from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.store import Incoming, StoreWriter

RATE = 20_000  # spans a second
EVERY_S = 0.05
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
    while writer.poll() is None:
        took += rig.frames(rig.pan, 20)
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
    found = session(spans)
    rows = found.rows
    scale = seconds * 1e9 / (int(rows["end"].max()) - ORIGIN)
    columns = [rows[name].tolist() for name in ("id64", "parent64", "op", "track", "kind", "status")]
    begins = (ORIGIN + (rows["start"] - ORIGIN) * scale).astype("i8").tolist()
    ends = (ORIGIN + (rows["end"] - ORIGIN) * scale).astype("i8").tolist()

    def record(at: int) -> Record:
        number, parent, op, track, kind, status = (column[at] for column in columns)
        failed = status == Status.ERROR
        return Record(
            f"{number:016x}", SESSION, f"{parent:016x}" if parent else None, f"operation_{op}", "custom", "python",
            begins[at], max(begins[at], ends[at]), metadata={"flowscope.kind": Kind(kind).label,
            "flowscope.thread": f"worker-{track}"}, status="error" if failed else "success",
            error="failed" if failed else None,
        )  # fmt: skip

    sent = [1] * PROGRAMS
    with StoreWriter.open(str(path)) as writer:

        def put(first: int, end: int) -> None:
            shares: list[list[Record]] = [[] for _ in range(PROGRAMS)]
            for at in range(first, end):
                shares[columns[3][at] % PROGRAMS].append(record(at))
            items = []
            for number, records in enumerate(shares):
                items.append(Incoming(Header(1, producer(number), sent[number], len(records)), records))
                sent[number] += len(records)
            writer.write(items)
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
