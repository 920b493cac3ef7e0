"""W, A, S and D: the view glides, frame by frame, for as long as they are held."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from flowscope_app.timeline.motion import Motion, Way

_FRAME_MS = 16

WAYS: Mapping[int, Way] = MappingProxyType(
    {
        Qt.Key.Key_W: "zoom in",
        Qt.Key.Key_S: "zoom out",
        Qt.Key.Key_A: "pan left",
        Qt.Key.Key_D: "pan right",
    }
)


class Glide(QObject):
    """Watches a widget's keys; says by how much to move."""

    panned = Signal(float)  # widths to the right
    zoomed = Signal(float)  # factor of the time seen

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._motion = Motion()
        self._frames = QTimer(self, interval=_FRAME_MS, timerType=Qt.TimerType.PreciseTimer)
        self._frames.timeout.connect(self._step)
        widget.installEventFilter(self)

    @property
    def resting(self) -> bool:
        """Whether nothing moves."""
        return self._motion.resting

    def stop(self) -> None:
        """Stand still."""
        self._motion.stop()
        self._frames.stop()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            return self._key(event)
        if event.type() in (QEvent.Type.FocusOut, QEvent.Type.Hide):
            self.stop()  # the key goes up elsewhere, and nobody tells
        return False

    def _key(self, event: QKeyEvent) -> bool:
        way = WAYS.get(event.key())
        if way is None:
            return False
        if event.type() == QEvent.Type.KeyRelease:
            if not event.isAutoRepeat():
                self._motion.release(way)
            return True
        if event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier:
            return False
        if not event.isAutoRepeat():
            self._motion.press(way, time.perf_counter())
            self._frames.start()
        event.accept()
        return True

    def _step(self) -> None:
        widths, factor = self._motion.step(time.perf_counter())
        if self._motion.resting:
            self._frames.stop()
        if widths:
            self.panned.emit(widths)
        if factor != 1:
            self.zoomed.emit(factor)
