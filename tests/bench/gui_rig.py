"""What the benchmarks of the window share: waiting in its event loop, and how long that loop stands still."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication

_TICK_MS = 2


class Watch:
    """Ticks in the GUI thread; the longest pause between two is what the window waited.

    `longest` is in seconds by the clock; `own`, of them, what the GUI thread itself computed, whatever else the
    machine does.
    """

    def __init__(self) -> None:
        self._timer = QTimer(timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(_TICK_MS)
        self.fresh()

    def _tick(self) -> None:
        now, used = time.perf_counter(), time.thread_time()
        self.longest, self._last = max(self.longest, now - self._last), now
        self.own, self._used = max(self.own, used - self._used), used

    def fresh(self) -> None:
        """Forget what was."""
        self.longest = self.own = 0.0
        self._last, self._used = time.perf_counter(), time.thread_time()

    def rest(self, seconds: float) -> None:
        """Let the window be, then forget what was."""
        end = time.perf_counter() + seconds
        until(lambda: time.perf_counter() >= end)
        self.fresh()

    def told(self) -> str:
        """In words, with ms."""
        return f"the window waited at most {self.longest * 1e3:.1f} ms, {self.own * 1e3:.1f} of them at work"


def until(done: Callable[[], bool]) -> None:
    """Let the window live until it is so; a `Watch` keeps the loop turning."""
    while not done():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
