"""The timeline at 1,000,000 and 10,000,000 spans: opening, frames from the input event to painted, hits, memory."""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from generated import SESSION, SMALL, session, store
from rig import say
from timeline_rig import HEIGHT, WIDTH, Rig, Took, summary

from flowscope_app.timeline.grouping import Grouping

SIZES = (1_000_000, 10_000_000)


def main() -> int:
    """Print one line a figure; each size in a process of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--spans", type=int, help="only this many")
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    arguments, _ = parser.parse_known_args()
    if arguments.open:
        measure(arguments.open, arguments.spans)
        return 0
    failed = 0
    for spans in (arguments.spans,) if arguments.spans else SIZES:
        with tempfile.TemporaryDirectory(prefix="flowscope-bench-") as folder:
            path = Path(folder) / "bench.db"
            store(path, session(spans))
            failed |= subprocess.call([sys.executable, __file__, "--spans", str(spans), "--open", str(path)])
    return failed


def measure(path: Path, spans: int) -> None:
    """Open the session, use it, and say how it went."""
    rig, process = Rig(path), psutil.Process()
    rig.open(SMALL)  # what is loaded for any session is loaded
    gc.collect()
    before = process.memory_info().rss
    first, whole = rig.open(SESSION)
    gc.collect()
    memory = process.memory_info().rss - before
    label = f"{spans:,} spans"
    tell(label, "opened, to its first picture", str(first))
    tell(label, "opened, until all is there and answers", str(whole))
    tell(label, "memory", f"{memory / spans:.0f} bytes a span")
    rig.frames(rig.zoom, 60)
    tell(label, "zoom", summary(rig.frames(rig.zoom, 300)))
    rig.view.fit_all()
    rig.frames(rig.pan, 2)
    tell(label, "pan, all in view", summary(rig.frames(rig.pan, 200)))
    for _ in range(8):
        rig.wheel(800, 400, 120)
    tell(label, "pan, a sixth in view", summary(rig.frames(rig.pan, 200)))
    rig.view.fit_all()
    tell(label, "scroll, all in view", summary(rig.frames(rig.scroll, 120)))
    rig.state.set_mask(rig.state.table.op % 2 == 1)
    rig.frames(rig.pan, 20)
    tell(label, "pan, filtered, all in view", summary(rig.frames(rig.pan, 100)))
    rig.state.set_mask(None)
    rig.frames(rig.pan, 1)
    overlaid(rig, label)
    regrouped(rig, label)
    scene, chance = rig.view.canvas.item.scene_shown, np.random.default_rng(1)
    assert scene is not None
    took = []
    for x, y in zip(chance.integers(0, WIDTH, 400).tolist(), chance.integers(0, HEIGHT, 400).tolist(), strict=True):
        begun = time.perf_counter()
        scene.hit(x, y)
        took.append((time.perf_counter() - begun) * 1e3)
    p99 = sorted(took)[round(len(took) * 0.99)]
    tell(label, "hit test", f"median {np.median(took):.3f} ms, p99 {p99:.3f} ms, worst {max(took):.3f} ms")
    rig.close()


def overlaid(rig: Rig, label: str) -> None:
    """The same movements with the critical path, a search's matches, marks and a selected range over the spans."""
    table, tools = rig.state.table, rig.view.tools
    first, last = int(table.origin), int(table.latest)
    for at in range(1, 41):
        rig.state.marks.toggle(first + (last - first) * at // 41)
    rig.state.set_mask(table.op % 2 == 1)
    tools.choose_range(first + (last - first) // 4, first + (last - first) // 3)
    begun = time.perf_counter()
    tools.toggle_critical()
    rig.until(lambda: tools.shown.path is not None)
    tell(label, "critical path", f"{time.perf_counter() - begun:.2f} s")
    rig.view.fit_all()
    rig.frames(rig.zoom, 60)
    tell(label, "zoom, with all that lies over spans", summary(rig.frames(rig.zoom, 300)))
    rig.view.fit_all()
    rig.frames(rig.pan, 2)
    tell(label, "pan, with all that lies over spans", summary(rig.frames(rig.pan, 200)))
    tools.toggle_critical()
    tools.clear_range()
    rig.state.marks.clear()
    rig.state.set_mask(None)
    rig.view.fit_all()
    rig.frames(rig.pan, 2)


def regrouped(rig: Rig, label: str) -> None:
    """From choosing other tracks to their picture, and the frames meanwhile."""
    meanwhile: list[Took] = []
    item = rig.view.canvas.item
    for grouping in (Grouping.PROGRAM, Grouping.THREAD, Grouping.TASK, Grouping.CALLER):
        rig.view.fit_all()
        rig.frames(rig.pan, 2)
        begun, spent = time.perf_counter(), time.process_time()
        rig.state.set_grouping(grouping)
        while item.scene_shown is None or item.scene_shown.grouping is not grouping:
            step = len(meanwhile)  # on and back: at the edge there would be nothing to paint
            meanwhile += rig.frames(lambda _, step=step: rig.pan(step), 1)
        tell(label, f"tracks by {grouping}", str(Took(time.perf_counter() - begun, time.process_time() - spent)))
    tell(label, "pan, while tracks are grouped", summary(meanwhile))


def tell(label: str, name: str, figure: str) -> None:
    """One line."""
    say("timeline", f"{label}, {name}", figure)


if __name__ == "__main__":
    sys.exit(main())
