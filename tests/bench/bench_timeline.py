"""Frame times of the timeline, from the input event to the painted frame: zoom and pan over a large session."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from flowscope_app import theme
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.spans.rows import SessionRow
from flowscope_app.spans.table import SPAN_DTYPE, SpanDelta, SpanTable, Track
from flowscope_app.timeline.drawlist import bars
from flowscope_app.timeline.layout import Layout
from flowscope_app.views.timeline import TimelineView
from flowscope_app.views.timeline.spans_item import SpansItem

SIZES = (100_000, 1_000_000)
TRACKS, ORIGIN = 24, 1_790_000_000_000_000_000
WIDTH, HEIGHT = 1600, 900
# One call of an agent: parent, share of the call from and to, kind. Its depth is six.
CALL = (
    (-1, 0.0, 1.0, Kind.AGENT), (0, 0.01, 0.33, Kind.CHAIN), (1, 0.02, 0.32, Kind.LLM), (0, 0.34, 0.75, Kind.CHAIN),
    (3, 0.35, 0.5, Kind.RETRIEVER), (4, 0.36, 0.4, Kind.EMBEDDING), (4, 0.41, 0.49, Kind.HTTP),
    (3, 0.51, 0.74, Kind.TOOL), (7, 0.52, 0.73, Kind.HTTP), (8, 0.55, 0.6, Kind.OTHER), (0, 0.76, 0.99, Kind.CHAIN),
    (10, 0.77, 0.98, Kind.LLM), (11, 0.78, 0.8, Kind.PROMPT), (11, 0.95, 0.97, Kind.PARSER),
)  # fmt: skip


def session(spans: int) -> SpanDelta:
    """A session on 24 tracks, calls of agents one after the other and, on a third of the tracks, side by side."""
    chance = np.random.default_rng(7)
    each, size = spans // TRACKS, len(CALL)
    at = np.arange(each)
    call, part = at // size, at % size
    above, begin, end, kind = (np.array(column)[part] for column in zip(*CALL, strict=True))
    rows = np.zeros(each * TRACKS, SPAN_DTYPE)
    for track in range(TRACKS):
        took = (chance.lognormal(0, 0.6, call[-1] + 1) * 1e8).astype(np.int64)
        pause = (chance.random(len(took)) * 4e7 - (2e7 if track % 3 == 0 else 0)).astype(np.int64)
        starts = np.cumsum(took + pause) - took
        mine = rows[track * each : (track + 1) * each]
        mine["start"] = ORIGIN + starts[call] + (begin * took[call]).astype(np.int64)
        mine["end"] = ORIGIN + starts[call] + (end * took[call]).astype(np.int64)
        mine["key"] = mine["id64"] = track * each + at + 1
        mine["parent64"] = np.where(above < 0, 0, track * each + call * size + above + 1)
        mine["kind"], mine["op"], mine["track"] = kind, chance.integers(1, 21, each), track + 1
        mine["status"] = np.where(chance.random(each) < 0.01, Status.ERROR, Status.SUCCESS)
    names = {number: f"operation_{number}" for number in range(1, 21)}
    tracks = {
        number + 1: Track(number + 1, f"worker-{number}", "python 3.12", f"p{number // 4}") for number in range(24)
    }
    return SpanDelta(rows[np.argsort(rows["start"], kind="stable")], names, tracks, 1)


painted = 0


def count_paints() -> None:
    """Have every painting of spans counted: a frame is over when its picture is there."""
    original = SpansItem.paint

    def paint(self: SpansItem, *args: object) -> None:
        global painted
        original(self, *args)
        painted += 1

    SpansItem.paint = paint


def say(name: str, figure: str) -> None:
    print(f"timeline.{name:<44} {figure}", flush=True)


def frames(app: QApplication, view: TimelineView, act: Callable[[int], None], number: int) -> list[float]:
    """Milliseconds from each input event until its frame is painted."""
    took = []
    for step in range(number):
        before = painted
        begun = time.perf_counter()
        act(step)
        while painted == before and time.perf_counter() < begun + 5:
            app.processEvents()
        took.append((time.perf_counter() - begun) * 1e3)
    return took


def summary(name: str, took: list[float]) -> None:
    ordered = sorted(took)
    p99 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
    say(
        name,
        f"median {statistics.median(took):.1f} ms, p99 {p99:.1f} ms, worst {ordered[-1]:.1f} ms ({len(took)} frames)",
    )


def wheel(view: TimelineView, x: int, y: int, delta: int, sideways: bool = False) -> None:
    at = QPointF(x, y)
    angle = QPoint(delta, 0) if sideways else QPoint(0, delta)
    where = QPointF(view.canvas.viewport().mapToGlobal(at.toPoint()))
    event = QWheelEvent(
        at, where, QPoint(), angle, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view.canvas.viewport(), event)


def run(app: QApplication, spans: int) -> None:
    label = f"{spans:,}"
    table = SpanTable()
    table.apply(session(spans))
    begun = time.perf_counter()
    layout = Layout(table)
    say(f"{label} spans, rows laid out", f"{(time.perf_counter() - begun) * 1e3:.0f} ms")
    del layout
    state = ViewState()
    state.set_sessions([SessionRow(1, "bench", "bench")])
    state.choose_session(1)
    view = TimelineView(state, None)  # type: ignore[arg-type]
    view.resize(WIDTH, HEIGHT)
    view.show()
    QTest.qWaitForWindowExposed(view)
    before = painted
    begun = time.perf_counter()
    state.set_table(table)
    while painted == before:
        app.processEvents()
    say(f"{label} spans, table to first frame", f"{(time.perf_counter() - begun) * 1e3:.0f} ms")
    chance = np.random.default_rng(1)
    xs = chance.integers(200, WIDTH - 200, 400).tolist()

    def zoom(step: int) -> None:
        wheel(view, xs[step % len(xs)], 400, 120 if step % 60 < 30 else -120)

    def pan(step: int) -> None:
        wheel(view, 800, 400, 60 if step % 20 < 10 else -60, sideways=True)

    def scroll(step: int) -> None:
        view.scroll_bar.setValue((step * 37) % max(1, view.scroll_bar.maximum()))

    frames(app, view, zoom, 60)
    summary(f"{label} spans, zoom", frames(app, view, zoom, 300))
    view.fit_all()
    frames(app, view, pan, 2)
    summary(f"{label} spans, pan, all in view", frames(app, view, pan, 160))
    view.fit_all()
    for _ in range(8):
        wheel(view, 800, 400, 120)
    summary(f"{label} spans, pan, a sixth in view", frames(app, view, pan, 160))
    view.fit_all()
    summary(f"{label} spans, scroll, all in view", frames(app, view, scroll, 120))
    scene = view._scene
    begun = time.perf_counter()
    for x in xs:
        scene.hit(x, 300)
    say(f"{label} spans, hit test", f"{(time.perf_counter() - begun) / len(xs) * 1e3:.3f} ms")
    begun = time.perf_counter()
    for step in range(20):
        bars(scene.layout, scene.rows, scene.view.panned(step), 0, HEIGHT, scene.now)
    say(f"{label} spans, draw list, all in view", f"{(time.perf_counter() - begun) / 20 * 1e3:.1f} ms")
    view.close()


def main() -> None:
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    theme.apply(app, "dark")
    count_paints()
    for spans in SIZES:
        run(app, spans)


if __name__ == "__main__":
    main()
