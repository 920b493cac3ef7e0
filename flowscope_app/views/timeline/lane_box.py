"""The pyqtgraph view box under the timeline: turns wheel, drag, click and hover into what they mean here."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal

_NOTCH = 120  # a wheel's step, in eighths of a degree
_ZOOM = 0.8  # a notch forward shows so much of the time
_PAN = 100  # px a notch


class LaneBox(pg.ViewBox):  # type: ignore[misc]
    """Says where and how far, in its own logical pixels; what is shown is the timeline's matter."""

    zoomed = Signal(float, float)  # x, factor of the time seen
    panned = Signal(float, float)  # px that the content moves right and down
    clicked = Signal(float, float)
    double_clicked = Signal(float, float)
    hovered = Signal(float, float)
    left = Signal()
    dragging = Signal(bool)
    swept = Signal(float, float, bool, bool)  # from, to (x), whether to zoom there, whether the drag is over

    def __init__(self) -> None:
        super().__init__(enableMenu=False, invertY=True)
        self.disableAutoRange()
        self._sweeping = Qt.KeyboardModifier.NoModifier

    def wheelEvent(self, ev: Any, axis: int | None = None) -> None:
        notches = ev.delta() / _NOTCH
        sideways = ev.orientation() == Qt.Orientation.Horizontal or ev.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if sideways:
            self.panned.emit(notches * _PAN, 0.0)
        else:
            self.zoomed.emit(ev.pos().x(), _ZOOM**notches)
        ev.accept()

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        if ev.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            ev.ignore()
            return
        ev.accept()
        box, choose = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
        if ev.isStart():
            self._sweeping = ev.modifiers() & (box | choose)
        if self._sweeping:
            self.swept.emit(ev.buttonDownPos().x(), ev.pos().x(), bool(self._sweeping & box), ev.isFinish())
            return
        way = ev.pos() - (ev.buttonDownPos() if ev.isStart() else ev.lastPos())
        self.dragging.emit(not ev.isFinish())
        self.panned.emit(way.x(), way.y())

    def mouseClickEvent(self, ev: Any) -> None:
        if ev.button() == Qt.MouseButton.LeftButton:
            ev.accept()
            (self.double_clicked if ev.double() else self.clicked).emit(ev.pos().x(), ev.pos().y())

    def hoverEvent(self, ev: Any) -> None:
        if ev.isExit():
            self.left.emit()
        elif ev.buttons() == Qt.MouseButton.NoButton:
            self.hovered.emit(ev.pos().x(), ev.pos().y())

    def keyPressEvent(self, ev: Any) -> None:
        ev.ignore()
