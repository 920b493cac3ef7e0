"""The time axis: ticks with their labels to the right, flags of marks, signs of lost data; a drag selects a range."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPolygonF

from flowscope_app import theme
from flowscope_app.timeline.ticks import Ticks
from flowscope_app.timeline.viewport import Viewport
from flowscope_app.views.common.plain import tooltip
from flowscope_app.views.timeline.guard import guarded
from flowscope_app.views.timeline.overlays import Overlays

HEIGHT = 24
_NEAR = 8  # px around a sign


class TimeAxis(pg.AxisItem):  # type: ignore[misc]
    """Paints the ticks it is given; the canvas paints their grid lines."""

    swept = Signal(float, float, bool)  # from, to (x), whether the drag is over
    clicked = Signal(float)

    def __init__(self) -> None:
        super().__init__("top", showValues=True)
        self.setHeight(HEIGHT)
        self.enableAutoSIPrefix(False)  # it would make its label, which is not shown, anew with every range
        self.setStyle(tickLength=0, autoExpandTextSpace=False)
        self._ticks = Ticks(1, [], [])
        self._view = Viewport(0, 1, 1)
        self.overlays = Overlays()
        self.free_right = 0  # px at the right end that something else covers
        self.setAcceptHoverEvents(True)

    def show_ticks(self, ticks: Ticks, view: Viewport) -> None:
        """Paint these ticks for a viewport."""
        if ticks != self._ticks or view != self._view:
            self._ticks, self._view = ticks, view
            self.update()

    @guarded
    def paint(self, p: QPainter, _option: Any, _widget: Any = None) -> None:
        tokens = theme.current()
        bounds: QRectF = self.boundingRect()
        bottom, right = bounds.bottom(), bounds.right() - self.free_right
        p.setFont(theme.ui_font(11))
        metrics = p.fontMetrics()
        baseline = bounds.top() + (HEIGHT + metrics.ascent() - metrics.descent()) / 2
        p.setPen(tokens.dim)
        free = 4.0
        if self._ticks.anchor:
            p.setPen(tokens.text)
            p.drawText(QPointF(4, baseline), self._ticks.anchor)
            free = 12 + metrics.horizontalAdvance(self._ticks.anchor)
        for time, label in zip(self._ticks.times, self._ticks.labels, strict=True):
            x = round(self._view.x(time))
            p.fillRect(QRectF(x, bottom - 5, 1, 5), tokens.line)
            width = metrics.horizontalAdvance(label)
            if x + 4 >= free and x + 4 + width <= right:
                p.setPen(tokens.dim)
                p.drawText(QPointF(x + 4, baseline), label)
                free = x + 12 + width
        self._signs(p, bottom)

    def _signs(self, p: QPainter, bottom: float) -> None:
        """Flags of marks, and a triangle where data was lost."""
        tokens, view = theme.current(), self._view
        p.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        p.setPen(Qt.PenStyle.NoPen)
        for mark in self.overlays.marks:
            if view.t0 <= mark < view.t1:
                x = round(view.x(mark))
                p.setBrush(tokens.warn)
                p.drawPolygon(QPolygonF([QPointF(x, bottom - 13), QPointF(x + 9, bottom - 9), QPointF(x, bottom - 5)]))
                p.fillRect(QRectF(x, bottom - 13, 1, 13), tokens.warn)
        for gap in self.overlays.gaps:
            if view.t0 <= gap.time < view.t1:
                x = round(view.x(gap.time))
                p.setBrush(tokens.error)
                p.drawPolygon(
                    QPolygonF([QPointF(x, bottom - 12), QPointF(x + 6, bottom - 1), QPointF(x - 6, bottom - 1)])
                )
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def tip_at(self, x: float) -> str:
        """What the signs near a place say."""
        said = [gap.text for gap in self.overlays.gaps if abs(self._view.x(gap.time) - x) <= _NEAR]
        if any(abs(self._view.x(mark) - x) <= _NEAR for mark in self.overlays.marks):
            said.append("Mark: click goes there, M over it takes it away")
        return "\n".join(said)

    def hoverEvent(self, event: Any) -> None:
        if not event.isExit():
            self.setToolTip(tooltip(self.tip_at(event.pos().x())))

    def wheelEvent(self, event: Any) -> None:
        event.ignore()

    def mouseDragEvent(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        event.accept()
        self.swept.emit(event.buttonDownPos().x(), event.pos().x(), event.isFinish())

    def mouseClickEvent(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        event.accept()
        self.clicked.emit(event.pos().x())
