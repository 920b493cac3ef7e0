"""The plots beside the table: how long calls took, and when they were made."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QVBoxLayout, QWidget

from flowscope_app import theme
from flowscope_app.analysis.distribution import Course, Durations, Spread
from flowscope_app.analysis.snapshot import Int
from flowscope_app.base import format as fmt
from flowscope_app.spans.kinds import Kind
from flowscope_app.timeline.ticks import ticks
from flowscope_app.views.common.labels import ElidedLabel
from flowscope_app.views.common.plain import describe, tooltip
from flowscope_app.views.metrics.plot import AXIS, BarPlot, Floats, said

_MANTISSAS = ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))
_MARK_NAME = 34  # px beside a mark
_MARKED = 1.42  # by the highest bar's height: the marks' names stand above it
_BARS = 12  # as many find room at least: a single one is no wall
_LABEL = 58  # px that a length takes below the bars


class _Title(ElidedLabel):
    """What a plot shows, and below it in importance what it says, which is left out where there is no room."""

    def __init__(self) -> None:
        super().__init__(role="dim")
        self._head = self._rest = ""

    def say(self, head: str, rest: str = "") -> None:
        """Show these, three spaces apart."""
        self._head, self._rest = head, rest
        self._choose()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._choose()

    def _choose(self) -> None:
        whole = f"{self._head}   {self._rest}".rstrip()
        fits = self.fontMetrics().horizontalAdvance(whole) <= self.contentsRect().width()
        self.setText(whole if fits else self._head)
        self.setAccessibleName(whole)
        if not fits:
            self.setToolTip(tooltip(whole))


class Plots(QWidget):
    """A histogram of lengths and a course over time, of one group's calls or of all."""

    durations_chosen = Signal(object, object)  # from, below: ns
    range_chosen = Signal(object, object)  # from, to: ns

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._spread: Spread | None = None
        self._name, self._origin = "", 0
        self._kind: Kind | None = None
        self._lengths, self._times = _Title(), _Title()
        self.histogram = BarPlot(
            "How long calls took", "A click on a bar shows only calls of that length", headroom=_MARKED, least=_BARS
        )
        self.course = BarPlot("When calls were made", "A click or a drag shows that time")
        self._marks = [pg.InfiniteLine(angle=90) for _ in range(2)]
        self._mark_names = [pg.TextItem("p50"), pg.TextItem("p95")]
        for item in (*self._marks, *self._mark_names):
            self.histogram.box.addItem(item, ignoreBounds=True)
        self._p95 = pg.PlotDataItem(connect="finite", symbol="o", symbolSize=4)
        self.course.box.addItem(self._p95, ignoreBounds=True)
        self.course.getPlotItem().showAxis("right")
        self.course.getAxis("right").setWidth(AXIS + 14)
        self.course.getAxis("right").setStyle(tickLength=0, tickTextOffset=5)
        self._drawn = pg.LinearRegionItem(movable=False)
        self._drawn.hide()
        self.course.box.addItem(self._drawn, ignoreBounds=True)
        self.layout_ = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self.layout_.setContentsMargins(12, 6, 8, 6)
        self.layout_.setSpacing(8)
        for label, plot in ((self._lengths, self.histogram), (self._times, self.course)):
            part = QVBoxLayout()
            part.setSpacing(2)
            part.addWidget(label)
            part.addWidget(plot, 1)
            self.layout_.addLayout(part, 1)
        describe(self, "Plots")
        self.histogram.box.clicked.connect(self._choose_length)
        self.course.box.clicked.connect(self._choose_time)
        self.course.box.drawn.connect(self._draw)
        theme.signals().changed.connect(self.dress)
        self.dress()

    @property
    def shown(self) -> Spread | None:
        """What is shown."""
        return self._spread

    def lie(self, *, beside: bool) -> None:
        """Put one plot `beside` the other, or below it."""
        direction = QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom
        self.layout_.setDirection(direction)

    def show_spread(self, found: Spread, name: str, kind: Kind | None, origin: int) -> None:
        """Show how calls spread: those called `name`, "" for all. `origin` is where time counts from, ns."""
        self._spread, self._name, self._origin = found, name, origin
        if kind != self._kind:
            self._kind = kind
            self.dress()
        self._show_durations(found.durations)
        self._show_course(found.course)

    def _show_durations(self, found: Durations) -> None:
        whose = fmt.one_line(self._name, 80) or "all calls"
        there = len(found.calls) > 0
        self.histogram.setVisible(there)
        if not there:
            self._lengths.say(f"Duration of {whose}: none has finished")
            return
        marks = f"p50 {fmt.duration(round(found.p50))} · p95 {fmt.duration(round(found.p95))}"
        self._lengths.say(f"Duration of {whose}", marks)
        edges = _logarithmic(found.edges)
        whole = f"{said(int(found.calls.sum()), int(found.errors.sum()))}, {marks}"
        height = self.histogram.show_bars(edges, found.calls, found.errors, self._tell_length, whole)
        width = self.histogram.plot_width()
        for number, value in enumerate((found.p50, found.p95)):
            place = min(max(math.log10(max(value, 1)), edges[0]), edges[-1])
            self._marks[number].setValue(place)
            name = self._mark_names[number]
            low, high = self.histogram.shown
            room = (high - place) / (high - low) * width
            name.setAnchor((0 if room > _MARK_NAME else 1, 0.1))
            name.setPos(place, height * (1 - number * 0.14))  # one below the other, however near they are
        self.histogram.label(_length_ticks(*self.histogram.shown, self.histogram.plot_width()))

    def _show_course(self, found: Course) -> None:
        edges = np.array([found.edge(at) - found.first for at in range(len(found.calls) + 1)], np.float64)
        errors = int(found.errors.sum())
        whole = said(int(found.calls.sum()), errors)
        slowest = float(np.nanmax(found.p95)) if np.isfinite(found.p95).any() else math.nan
        tail = "" if math.isnan(slowest) else f"   p95 to {fmt.duration(round(slowest))}"
        self._times.say("Calls over time", whole + tail)
        height = self.course.show_bars(edges, found.calls, found.errors, self._tell_time, whole)
        right: list[tuple[float, str]] = []
        if math.isnan(slowest):
            self._p95.setData([], [])
        else:
            scale = height / max(slowest, 1) / 1.08
            self._p95.setData((edges[:-1] + edges[1:]) / 2, found.p95 * scale)
            right = [
                (slowest * part * scale, fmt.duration(round(slowest * part)))
                for part in ((0.5, 1) if slowest else (1,))
            ]
        self.course.getAxis("right").setTicks([right])
        self.course.label(self._time_ticks(found))

    def _time_ticks(self, found: Course) -> list[tuple[float, str]]:
        if found.last - found.first <= len(found.calls):  # all in one instant, stretched so that a bar can be seen
            return [(0.0, fmt.offset(found.first - self._origin))]
        marks = ticks(found.first, found.last, self.course.plot_width() - AXIS - 14, self._origin, least_px=70)
        return [(float(time - found.first), label) for time, label in zip(marks.times, marks.labels, strict=True)]

    def _tell_length(self, at: int) -> str:
        assert self._spread is not None
        found = self._spread.durations
        low, high = (fmt.duration(int(edge)) for edge in found.edges[at : at + 2])
        return f"{low} to {high}: {said(int(found.calls[at]), int(found.errors[at]))}"

    def _tell_time(self, at: int) -> str:
        assert self._spread is not None
        found = self._spread.course
        slow = float(found.p95[at])
        tail = "" if math.isnan(slow) else f", p95 {fmt.duration(round(slow))}"
        since = fmt.offset(found.edge(at) - self._origin)
        return f"at {since}: {said(int(found.calls[at]), int(found.errors[at]))}{tail}"

    def _choose_length(self, x: float) -> None:
        at = self.histogram.bin_at(x)
        if self._spread is not None and at >= 0 and self._spread.durations.calls[at] > 0:
            low, high = self._spread.durations.edges[at : at + 2].tolist()
            self.durations_chosen.emit(low, high)

    def _choose_time(self, x: float) -> None:
        at = self.course.bin_at(x)
        if self._spread is not None and at >= 0:
            course = self._spread.course
            self.range_chosen.emit(course.edge(at), course.edge(at + 1))

    def _draw(self, a: float, b: float, done: bool) -> None:
        whole = self.course.edges[-1] if len(self.course.edges) else 0.0
        a, b = max(a, 0.0), min(b, whole)
        wide = b - a > 4 * self.course.box.viewPixelSize()[0]
        self._drawn.setRegion((a, b))
        self._drawn.setVisible(wide and not done)
        if done and wide and self._spread is not None:
            first = self._spread.course.first
            self.range_chosen.emit(first + round(a), first + round(b))

    def dress(self) -> None:
        """Take the colours of the theme that is on."""
        tokens = theme.current()
        colour = tokens.accent if self._kind is None else tokens.kind(self._kind)
        for plot in (self.histogram, self.course):
            plot.dress(colour)
        self._marks[0].setPen(pg.mkPen(tokens.text, width=1))
        self._marks[1].setPen(pg.mkPen(tokens.text, width=1, style=Qt.PenStyle.DashLine))
        for name in self._mark_names:
            name.setColor(tokens.text)
            name.setFont(theme.ui_font(11))
        self.course.getAxis("right").setTextPen(pg.mkPen(tokens.warn))
        faded = QColor(tokens.warn)
        faded.setAlphaF(0.6)
        self._p95.setPen(pg.mkPen(faded, width=1))
        self._p95.setSymbolBrush(pg.mkBrush(tokens.warn))
        self._p95.setSymbolPen(pg.mkPen(None))
        fill = QColor(tokens.accent)
        fill.setAlphaF(0.18)
        self._drawn.setBrush(fill)


def _logarithmic(edges: Int) -> Floats:
    """Where edges are drawn; one at 0 ns stands a bin's width before the next."""
    places: Floats = np.log10(np.maximum(edges, 1).astype(np.float64))
    if edges[0] == 0:
        places[0] = places[1] - (places[2] - places[1] if len(places) > 2 else 0.1)
    return places


def _length_ticks(low: float, high: float, width: int) -> list[tuple[float, str]]:
    """Round lengths between two, given as their logarithms, as many as find room; none below 1 ns."""
    low = max(low, 0.0)
    most = max(width // _LABEL, 2)
    found: list[float] = []
    for mantissas in _MANTISSAS:
        decades = range(math.floor(low), math.ceil(high) + 1)
        whole = [d + math.log10(m) for d in decades for m in mantissas if d or m == int(m)]
        round_ones = [place for place in whole if low <= place <= high]
        if len(found) > len(round_ones) < 2:
            break
        found = round_ones
        if len(found) <= most:
            break
    found = found[:: max(1, -(-len(found) // most))]
    if len(found) < 2:
        found = [low + (high - low) * part for part in (0.1, 0.9)]
    return [(place, fmt.duration(round(10**place))) for place in found]
