"""Export and import of a million spans, in each format that has both ways, each in a process of its own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from bench_ingest import BATCH, record

from flowscope.protocol import Header, ProducerInfo
from flowscope_app.store import Incoming, StoreWriter, decode_entries

SPANS = 1_000_000
FORMATS = ("flowscope", "jsonl", "json")


def fill(db: str, spans: int) -> None:
    """A database with one session of `spans` spans."""
    info = ProducerInfo("bench-producer", "bench", "bench.py", os.getpid(), "", "python", "python", "")
    with StoreWriter.open(db) as writer:
        for first in range(5, spans + 5, 20 * BATCH):
            items = []
            for seq in range(first, min(first + 20 * BATCH, spans + 5), BATCH):
                texts = list(map(record, range(seq, min(seq + BATCH, spans + 5))))
                entries = decode_entries(b"[" + b",".join(texts) + b"]")
                items.append(Incoming(Header(1, info, seq - 4, len(texts)), entries or ()))
            writer.write(items)


def timed(*arguments: str) -> tuple[float, float, int]:
    """Seconds, seconds of processor time and peak memory in MiB of a `flowscope` command."""
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "flowscope_app", *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"failed: flowscope {' '.join(arguments)}")
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss >> 10


def main(spans: int) -> int:
    """Print one line a figure."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FLOWSCOPE_HOME"] = folder
        db = str(Path(folder) / "bench.db")
        fill(db, spans)
        for name in FORMATS:
            file = str(Path(folder) / f"bench.{name}")
            imported = str(Path(folder) / f"{name}.db")
            for what, arguments in (
                ("export", ("export", "--db", db, "--all", "-o", file)),
                ("import", ("import", "--db", imported, file)),
            ):
                took, processor, memory = timed(*arguments)
                print(
                    f"{what} of {spans:,} spans, {name}: {spans / took:,.0f} spans/s,"
                    f" processor {processor / spans * 1e6:.1f} us a span, {memory} MiB at most",
                    flush=True,
                )
            Path(imported).unlink()
            Path(file).unlink()
    return 0


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else SPANS))
