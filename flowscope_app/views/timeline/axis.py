"""The time axis: pyqtgraph's axis with this session's ticks, its labels right of their ticks."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter

from flowscope_app import theme
from flowscope_app.timeline.ticks import Ticks
from flowscope_app.timeline.viewport import Viewport
from flowscope_app.views.timeline.guard import guarded

HEIGHT = 24


class TimeAxis(pg.AxisItem):  # type: ignore[misc]
    """Paints the ticks it is given; the canvas paints their grid lines."""

    def __init__(self) -> None:
        super().__init__("top", showValues=True)
        self.setHeight(HEIGHT)
        self.enableAutoSIPrefix(False)  # it would make its label, which is not shown, anew with every range
        self.setStyle(tickLength=0, autoExpandTextSpace=False)
        self._ticks = Ticks(1, [], [])
        self._view = Viewport(0, 1, 1)

    def show_ticks(self, ticks: Ticks, view: Viewport) -> None:
        """Paint these ticks for a viewport."""
        if ticks != self._ticks or view != self._view:
            self._ticks, self._view = ticks, view
            self.update()

    @guarded
    def paint(self, p: QPainter, _option: Any, _widget: Any = None) -> None:
        tokens = theme.current()
        bounds: QRectF = self.boundingRect()
        bottom, right = bounds.bottom(), bounds.right()
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

    def wheelEvent(self, event: Any) -> None:
        event.ignore()

    def mouseDragEvent(self, event: Any) -> None:
        event.ignore()

    def mouseClickEvent(self, event: Any) -> None:
        event.ignore()
