"""Export and import of a million spans, in each format that has both ways, each in a process of its own."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from filling import fill

SPANS = 1_000_000
FORMATS = ("flowscope", "jsonl", "json")


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
        fill(db, lambda number: "bench", spans, index=False)
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=SPANS)
    sys.exit(main(parser.parse_args().spans))
