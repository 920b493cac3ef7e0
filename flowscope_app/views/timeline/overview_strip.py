"""The whole session at a glance, with a brush over the part that the timeline shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QGraphicsItem, QWidget

from flowscope_app import theme
from flowscope_app.spans.kinds import Kind
from flowscope_app.timeline.overview import Density
from flowscope_app.views.common.plain import describe
from flowscope_app.views.timeline.guard import guarded
from flowscope_app.views.timeline.paints import mixed
from flowscope_app.views.timeline.shapes import RectPainter

HEIGHT = 52
COLUMN = 4  # px: a bar of three and a gap
_LEAST_BRUSH = 6  # px: a smaller range is shown, and grasped, as wide as this


class _Bars(pg.GraphicsObject):  # type: ignore[misc]
    """Paints a density, in the view box's logical pixels."""

    def __init__(self, box: pg.ViewBox) -> None:
        super().__init__(box)
        self.density: Density | None = None
        self._box = box
        self._rects = RectPainter()
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)  # the brush above it moves with every frame
        box.sigResized.connect(lambda *_: self.prepareGeometryChange())

    def boundingRect(self) -> QRectF:
        return QRectF(self._box.rect())

    @guarded
    def paint(self, p: QPainter, _option: Any, _widget: Any = None) -> None:
        tokens = theme.current()
        width, height = self._box.rect().width(), self._box.rect().height()
        p.fillRect(QRectF(0, height - 1, width, 1), tokens.line)
        found = self.density
        if found is None or (not found.started.any() and not found.total.any()):
            return
        columns = found.busy.shape[1]
        left = np.arange(columns) * (width / columns)
        room = height - 6
        base = np.full(columns, height - 1.0)
        # One call at a time is half the height: full means that calls run side by side.
        scaled = found.total / max(float(found.total.max()), 2.0) * room
        scaled = np.where(found.total > 0, np.maximum(scaled, 1), 0)
        share = found.busy / np.maximum(found.total, 1e-12)
        for kind in Kind:
            tall = np.round(share[kind] * scaled, 1)
            rects = np.stack((left, base - tall, np.full(columns, COLUMN - 1.0), tall), axis=1)
            self._rects.draw(p, rects[tall > 0], mixed(tokens.kind(kind), tokens.window, 0.62))
            base -= tall
        instant = (found.started > 0) & (scaled == 0)  # calls that took no time at all
        rects = np.stack((left, base - 2, np.full(columns, COLUMN - 1.0), np.full(columns, 2.0)), axis=1)
        self._rects.draw(p, rects[instant], tokens.faint)
        failed = found.errors > 0
        tall = np.maximum(scaled, 8.0) * found.errors / np.maximum(found.started, 1)
        tall = np.maximum(tall, 5.0)  # even one of a thousand is seen
        rects = np.stack((left, height - 1 - tall, np.full(columns, COLUMN - 1.0), tall), axis=1)
        self._rects.draw(p, rects[failed], tokens.error)


class _Brush(pg.LinearRegionItem):  # type: ignore[misc]
    """pyqtgraph's region with a frame around it."""

    def paint(self, p: QPainter, *args: Any) -> None:
        super().paint(p, *args)
        p.setPen(pg.mkPen(theme.current().accent, width=1, cosmetic=True))
        p.setBrush(Qt.BrushStyle.NoBrush)
        p.drawRect(self.boundingRect())


class _Box(pg.ViewBox):  # type: ignore[misc]
    """Drawing on free ground makes a range, a click moves the brush there."""

    drawn = Signal(float, float, bool)  # from, to (x of the view), whether the drag is over
    clicked = Signal(float)
    fitted = Signal()

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        if ev.button() != Qt.MouseButton.LeftButton:
            ev.ignore()
            return
        ev.accept()
        a, b = (self.mapToView(point).x() for point in (ev.buttonDownPos(), ev.pos()))
        self.drawn.emit(min(a, b), max(a, b), ev.isFinish())

    def mouseClickEvent(self, ev: Any) -> None:
        if ev.button() == Qt.MouseButton.LeftButton:
            ev.accept()
            if ev.double():
                self.fitted.emit()
            else:
                self.clicked.emit(self.mapToView(ev.pos()).x())

    def wheelEvent(self, ev: Any, axis: int | None = None) -> None:
        ev.ignore()


class OverviewStrip(pg.PlotWidget):  # type: ignore[misc]
    """Density of the session `first..last` (ns) and a brush; asks for ranges by `asked`."""

    asked = Signal(object, object)  # start, end: ns, as Python integers of any size
    fit_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        self.box = _Box(enableMenu=False, enableMouse=False, defaultPadding=0)
        super().__init__(parent, viewBox=self.box, enableMenu=False)
        plot = self.getPlotItem()
        plot.hideButtons()
        plot.hideAxis("left")
        plot.hideAxis("bottom")
        plot.layout.setContentsMargins(0, 0, 0, 0)
        self.setFixedHeight(HEIGHT)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        describe(self, "Overview", "How busy the whole session was; the frame is what the timeline shows")
        self._first, self._last = 0, 1
        self._shown = self._real = (0, 1)  # the brush as it is drawn, and the range it stands for; from `_first`
        self.bars = _Bars(self.box)
        self.brush = _Brush(movable=True)
        self.brush.setZValue(10)
        self.box.addItem(self.brush, ignoreBounds=True)
        self.box.disableAutoRange()
        self.brush.sigRegionChanged.connect(self._brushed)
        self.box.drawn.connect(self._drawn)
        self.box.clicked.connect(self._clicked)
        self.box.fitted.connect(self.fit_asked)
        theme.signals().changed.connect(self.dress)
        self.dress()

    @property
    def columns(self) -> int:
        """How many columns a density for this widget has."""
        return max(1, int(self.width()) // COLUMN)

    def dress(self) -> None:
        """Take the colours of the theme that is on."""
        tokens = theme.current()
        self.setBackground(tokens.window)
        fill = QColor(tokens.accent)
        fill.setAlphaF(0.13)
        grasped = QColor(tokens.accent)
        grasped.setAlphaF(0.2)
        self.brush.setBrush(fill)
        self.brush.setHoverBrush(grasped)
        for line in self.brush.lines:
            line.setPen(pg.mkPen(tokens.accent, width=1))
            line.setHoverPen(pg.mkPen(tokens.accent, width=3))
        self.bars.update()

    def show_density(self, density: Density) -> None:
        """Show another density; its range is the whole session's."""
        self._first, self._last = density.t0, max(density.t1, density.t0 + 1)
        self.bars.density = density
        self.box.setRange(xRange=(0, float(self._last - self._first)), yRange=(0, 1), padding=0)
        self.bars.update()

    def show_range(self, start: int, end: int) -> None:
        """Put the brush on a range, ns; nothing is asked."""
        whole = self._last - self._first
        a, b = start - self._first, end - self._first
        least = whole * _LEAST_BRUSH // max(1, self.width())
        self._real = (a, b)
        if b - a < least:
            middle = min(max((a + b) // 2, least // 2), max(whole - least // 2, 0))
            a, b = middle - least // 2, middle + least // 2
        self._shown = (min(max(a, 0), whole), max(min(b, whole), 0))
        self.brush.blockSignals(True)
        self.brush.setRegion((float(self._shown[0]), float(self._shown[1])))
        self.brush.blockSignals(False)

    def _brushed(self) -> None:
        a, b = (round(value) for value in self.brush.getRegion())
        moved, grown = a - self._shown[0], (b - a) - (self._shown[1] - self._shown[0])
        if abs(grown) <= 1 + (self._last - self._first) // 1_000_000:  # moved as a whole: keep the true width
            a, b = self._real[0] + moved, self._real[1] + moved
        self.asked.emit(self._first + a, self._first + max(b, a + 1))

    def _drawn(self, a: float, b: float, _done: bool) -> None:
        if self.box.viewPixelSize()[0] * 3 < b - a:  # less than three pixels is a click gone astray
            self.asked.emit(self._first + round(a), self._first + round(b))

    def _clicked(self, x: float) -> None:
        half = (self._real[1] - self._real[0]) // 2
        middle = self._first + round(x)
        self.asked.emit(middle - half, middle + half)
