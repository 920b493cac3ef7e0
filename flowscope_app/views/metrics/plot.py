"""A plot of bars over one axis: what the histogram of lengths and the course over time have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent
from PySide6.QtWidgets import QToolTip, QWidget

from flowscope_app import theme
from flowscope_app.base import format as fmt
from flowscope_app.views.common.plain import describe, tooltip

Floats = NDArray[np.float64]

AXIS = 38  # px for the figures beside a plot
_HEADROOM = 1.18  # above the highest bar, for the errors' sign
_OVERHANG = 30  # px that a figure below the bars may reach beyond them


class _Box(pg.ViewBox):  # type: ignore[misc]
    """Says where it was clicked and what was drawn over; a wheel scrolls what is around it."""

    clicked = Signal(float)
    drawn = Signal(float, float, bool)  # from, to (x of the view), whether the drag is over

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
            self.clicked.emit(self.mapToView(ev.pos()).x())

    def wheelEvent(self, ev: Any, axis: int | None = None) -> None:
        ev.ignore()


class BarPlot(pg.PlotWidget):  # type: ignore[misc]
    """Bars with the failed part of each in the errors' colour and a cross above it."""

    def __init__(
        self, name: str, description: str, *, headroom: float = _HEADROOM, least: int = 1, parent: QWidget | None = None
    ) -> None:
        """`headroom`, by the highest bar's height; a bar is never wider than one of `least` beside one another."""
        self._headroom, self._least = headroom, least
        self.box = _Box(enableMenu=False, enableMouse=False, defaultPadding=0)
        super().__init__(parent, viewBox=self.box, enableMenu=False)
        self._description = description
        self.edges: Floats = np.zeros(0)
        self.shown: tuple[float, float] = (0.0, 1.0)  # x at the left and right end
        self._tip: Callable[[int], str] = lambda _bin: ""
        plot = self.getPlotItem()
        plot.hideButtons()
        plot.layout.setContentsMargins(0, 0, 4, 0)
        plot.getAxis("left").setWidth(AXIS)
        plot.getAxis("bottom").setHeight(22)
        for side in ("left", "bottom"):
            plot.getAxis(side).setStyle(tickLength=0, tickTextOffset=5)
        plot.getAxis("bottom").setStyle(hideOverlappingLabels=_OVERHANG)
        self.bars = pg.BarGraphItem(x0=[0], x1=[0], height=[0])
        self.failed = pg.BarGraphItem(x0=[0], x1=[0], height=[0])
        self.signs = pg.ScatterPlotItem(symbol="x", size=7)
        for item in (self.bars, self.failed, self.signs):
            self.box.addItem(item, ignoreBounds=True)
        self.box.disableAutoRange()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumHeight(56)
        describe(self, name, description)

    def bin_at(self, x: float) -> int:
        """The bin at x of the view, -1 for none."""
        at = int(np.searchsorted(self.edges, x, "right")) - 1
        return at if 0 <= at < len(self.edges) - 1 else -1

    def show_bars(
        self, edges: Floats, calls: NDArray[np.int64], errors: NDArray[np.int64], tip: Callable[[int], str], says: str
    ) -> float:
        """Show bins between `edges`; returns the height of the view. `says` is all of it in a few words."""
        self.edges, self._tip = edges, tip
        left, right = edges[:-1], edges[1:]
        gap = min(self.box.viewPixelSize()[0], 0.0) if len(edges) < 2 else (right - left) * 0.08
        left, right = left + gap, right - gap
        top = max(float(calls.max(initial=0)), 1.0)
        self.bars.setOpts(x0=left, x1=right, y0=errors, height=calls - errors)
        self.failed.setOpts(x0=left, x1=right, y0=np.zeros(len(left)), height=errors)
        some = np.flatnonzero(errors)
        self.signs.setData((left[some] + right[some]) / 2, calls[some] + top * 0.08)
        height = top * self._headroom
        whole = float(edges[-1] - edges[0])
        beside = max(self._least / len(left) - 1, 0) * whole / 2  # so that few bars stand in the middle
        self.shown = (float(edges[0]) - beside, float(edges[-1]) + beside)
        self.box.setRange(xRange=self.shown, yRange=(0, height), padding=0)
        self.getAxis("left").setTicks([_count_ticks(top)])
        describe(self, self.accessibleName(), f"{says}. {self._description}")
        return height

    def label(self, ticks: Sequence[tuple[float, str]]) -> None:
        """Show these ticks below the bars."""
        self.getAxis("bottom").setTicks([list(ticks)])

    def plot_width(self) -> int:
        """Pixels that the bars have."""
        return max(int(self.width()) - AXIS - 4, 1)

    def dress(self, colour: QColor) -> None:
        """Take the colours of the theme that is on, `colour` for calls that went well."""
        tokens = theme.current()
        self.setBackground(tokens.panel)
        self.bars.setOpts(brush=pg.mkBrush(colour), pen=pg.mkPen(None))
        self.failed.setOpts(brush=pg.mkBrush(tokens.error), pen=pg.mkPen(None))
        self.signs.setPen(pg.mkPen(tokens.error, width=1.6))
        self.signs.setBrush(pg.mkBrush(None))
        for side in ("left", "bottom", "right"):
            axis = self.getAxis(side)
            axis.setPen(pg.mkPen(tokens.line))
            axis.setTextPen(pg.mkPen(tokens.dim))
            axis.setTickFont(theme.ui_font(11))

    def viewportEvent(self, ev: QEvent) -> bool:
        if ev.type() != QEvent.Type.ToolTip or not isinstance(ev, QHelpEvent):
            return bool(super().viewportEvent(ev))
        at = self.box.mapSceneToView(self.mapToScene(ev.pos()))
        found = self.bin_at(at.x())
        QToolTip.showText(ev.globalPos(), tooltip(self._tip(found)) if found >= 0 else "", self)
        return True


def said(calls: int, errors: int) -> str:
    """`12 calls, 1 error`."""
    words = [f"{fmt.count(calls)} call{'' if calls == 1 else 's'}"]
    if errors:
        words.append(f"{fmt.count(errors)} error{'' if errors == 1 else 's'}")
    return ", ".join(words)


def _count_ticks(top: float) -> list[tuple[float, str]]:
    whole = int(top)
    marks = [0, whole] if whole < 2 else [0, whole // 2, whole]
    return [(float(mark), fmt.short_count(mark)) for mark in marks]
