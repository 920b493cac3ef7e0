"""A timeline that follows a database as the window's does, and how long its frames take."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from flowscope_app import theme
from flowscope_app.qtmodels.feed import Feed
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.shell import qt_log
from flowscope_app.shell.turns import keep_turns_short
from flowscope_app.views.timeline import TimelineView
from flowscope_app.views.timeline.spans_item import SpansItem

WIDTH, HEIGHT = 1600, 900
PATIENCE_S = 120.0
_WAIT = QEventLoop.ProcessEventsFlag.WaitForMoreEvents


class Took(NamedTuple):
    """Seconds by the clock, and of processor."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s ({self.processor:.2f} s of processor)"


class Rig:
    """The view on its own, in a window of 1600x900; `painted` counts its pictures of spans."""

    def __init__(self, db: Path) -> None:
        qt_log.route()
        keep_turns_short()
        found = QApplication.instance() or QApplication([])
        assert isinstance(found, QApplication)
        self.app = found
        self._wakes = QTimer(interval=10)  # so that waiting ends
        self._wakes.start()
        theme.apply(self.app, "dark")
        self.painted = 0
        self.spans_painted = 0  # those of the session that the last picture is of
        self.on_painted: Callable[[], None] = lambda: None
        self._count_paints()
        self.state = ViewState()
        self.view = TimelineView(self.state, None)  # type: ignore[arg-type]
        self.view.resize(WIDTH, HEIGHT)
        self.view.show()
        self.feed = Feed(str(db), self.state)
        self.until(lambda: bool(self.state.sessions))

    def _count_paints(self) -> None:
        original, rig = SpansItem.paint, self

        def paint(item: SpansItem, *args: object) -> None:
            original(item, *args)
            rig.painted += 1
            rig.spans_painted = item.scene_shown.table.n if item.scene_shown is not None else 0
            rig.on_painted()

        SpansItem.paint = paint

    def until(self, done: Callable[[], bool]) -> None:
        """Let events happen until `done`."""
        patience = time.perf_counter() + PATIENCE_S
        while not done():
            if time.perf_counter() > patience:
                raise SystemExit("nothing happened for too long")
            self.app.processEvents(_WAIT)

    def open(self, name: str) -> tuple[Took, Took]:
        """From choosing a session until its picture is there, and until all of the view is and answers."""
        key = next(row.key for row in self.state.sessions if row.id == name)
        self.spans_painted, self.view.overview.bars.density = 0, None
        begun, spent = time.perf_counter(), time.process_time()
        self.state.choose_session(key)
        self.until(lambda: self.spans_painted > 0)
        first = Took(time.perf_counter() - begun, time.process_time() - spent)
        self.until(lambda: self.view.overview.bars.density is not None)
        self.frames(self.zoom, 1)
        return first, Took(time.perf_counter() - begun, time.process_time() - spent)

    def frames(self, act: Callable[[int], None], number: int) -> list[Took]:
        """From each input event until its frame is painted; of processor, what this thread took."""
        took = []
        for step in range(number):
            before = self.painted
            begun, spent = time.perf_counter(), time.thread_time()
            act(step)
            while self.painted == before and time.perf_counter() < begun + PATIENCE_S:
                self.app.processEvents(_WAIT)
            took.append(Took(time.perf_counter() - begun, time.thread_time() - spent))
        return took

    def wheel(self, x: int, y: int, delta: int, *, sideways: bool = False) -> None:
        """Turn the wheel at a point."""
        at = QPointF(x, y)
        angle = QPoint(delta, 0) if sideways else QPoint(0, delta)
        viewport = self.view.canvas.viewport()
        event = QWheelEvent(
            at, QPointF(viewport.mapToGlobal(at.toPoint())), QPoint(), angle, Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(viewport, event)

    def zoom(self, step: int) -> None:
        """Thirty notches in, thirty out, at places all over."""
        self.wheel(200 + step * 37 % (WIDTH - 400), 400, 120 if step % 60 < 30 else -120)

    def pan(self, step: int) -> None:
        """Ten notches one way, ten back."""
        self.wheel(800, 400, 60 if step % 20 < 10 else -60, sideways=True)

    def scroll(self, step: int) -> None:
        """From track to track."""
        bar = self.view.scroll_bar
        bar.setValue((step + 1) * 37 % max(1, bar.maximum()))

    def close(self) -> None:
        """End the threads."""
        self.feed.close()
        self.view.close()


def summary(took: Sequence[Took]) -> str:
    """Median, 99th percentile and worst, in ms; of processor too, which other programs disturb less."""
    wall, spent = (sorted(column) for column in zip(*took, strict=True))
    at = min(len(wall) - 1, round(len(wall) * 0.99))
    return (
        f"median {statistics.median(wall) * 1e3:.1f} ms, p99 {wall[at] * 1e3:.1f} ms, worst {wall[-1] * 1e3:.1f} ms"
        f" ({len(took)} frames; of processor p99 {spent[at] * 1e3:.1f} ms)"
    )
