"""What lies over the bars: first tokens, the critical path, a selected range, marks, and where data was lost."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter

from flowscope_app.analysis.critical_path import CriticalPath
from flowscope_app.spans.kinds import Kind
from flowscope_app.spans.notes import Notes
from flowscope_app.timeline.drawlist import DIM, Bars
from flowscope_app.timeline.rows import BAR
from flowscope_app.timeline.scene import Scene
from flowscope_app.views.timeline.paints import Paints
from flowscope_app.views.timeline.shapes import RectPainter

_LEAST_STREAMED = 8  # px of a bar in which a first token can be told
_MOST_STREAMED = 400
_MOST_STRETCHES = 1_500  # of the critical path; with more in view its spans' colours tell it alone
_PATH = 3  # px


@dataclass(frozen=True)
class Gap:
    """Records that never came or were dropped: when that was noticed (ns), how many, and what to say of them."""

    time: int
    count: int
    text: str


@dataclass
class Overlays:
    """What is to be shown besides spans; times in ns since the epoch."""

    notes: Notes = field(default_factory=Notes)
    path: CriticalPath | None = None
    chosen: tuple[int, int] | None = None  # the selected range
    zooming: tuple[int, int] | None = None  # the box being drawn
    marks: tuple[int, ...] = ()
    gaps: tuple[Gap, ...] = ()


class OverlayPainter:
    """Paints overlays in the view box's logical pixels."""

    def __init__(self) -> None:
        self._rects = RectPainter()

    def first_tokens(self, p: QPainter, scene: Scene, paints: Paints, bars: Bars, notes: Notes) -> None:
        """A line where a streamed answer began, and a thin one under the time it was waited for."""
        if not len(notes.rows) or not len(bars):
            return
        at = np.flatnonzero((bars.kind == Kind.LLM) & (bars.count == 1) & (bars.width >= _LEAST_STREAMED))
        if len(at) > _MOST_STREAMED:
            at = at[np.argpartition(-bars.width[at], _MOST_STREAMED)[:_MOST_STREAMED]]
        row = bars.row[at]
        first = notes.of(scene.table.key[row])["first"]
        known = first > 0
        at, row, first = at[known], row[known], first[known]
        if not len(at):
            return
        right = bars.x[at] + bars.width[at]
        x = np.clip(np.round(scene.view.xs(scene.table.start[row] + first)), bars.x[at], right)
        seen = (x > bars.x[at]) & (x < right) & (bars.style[at] & DIM == 0)
        at, x = at[seen], x[seen]
        n, y = len(at), bars.y[at].astype(np.float64)
        ink = QColor(paints.tokens.panel)
        ink.setAlphaF(0.75)
        self._rects.draw(p, np.stack((x, y, np.full(n, 2.0), np.full(n, float(BAR))), axis=1), ink)
        ink.setAlphaF(0.5)
        waited = np.stack((bars.x[at], y + BAR - 3, x - bars.x[at], np.full(n, 3.0)), axis=1)
        self._rects.draw(p, waited, ink)

    def critical_path(self, p: QPainter, scene: Scene, paints: Paints, path: CriticalPath) -> None:
        """The path as a line along the lower edge of its spans, stepping from one to the next."""
        a = int(np.searchsorted(path.last, scene.view.t0, side="right"))
        b = int(np.searchsorted(path.first, scene.view.t1))
        if not 0 < b - a <= _MOST_STRETCHES:
            return
        layout, tops = scene.layout, dict(zip(scene.rows.lanes.tolist(), scene.rows.tops.tolist(), strict=True))
        edge = scene.view.width + 16.0
        left = np.clip(np.round(scene.view.xs(path.first[a:b])), -16.0, edge).tolist()
        right = np.clip(np.round(scene.view.xs(path.last[a:b])), -16.0, edge).tolist()
        lines: list[tuple[float, float, float, float]] = []
        before: float | None = None
        for row, x, until in zip(path.row[a:b].tolist(), left, right, strict=True):
            top = tops.get(layout.lane_of(row)) if row >= 0 else None
            if top is None:
                before = None
                continue
            y = float(top + BAR - 1)  # in the gap between rows, so that it crosses no text
            lines.append((x, y, max(until - x, 1.0), _PATH))
            if before is not None and before != y:
                lines.append((x - 1, min(before, y), 2, abs(y - before) + _PATH))
            before = y
        self._rects.draw(p, np.array(lines, np.float64).reshape(-1, 4), paints.tokens.text)

    def times(self, p: QPainter, scene: Scene, paints: Paints, shown: Overlays) -> None:
        """Columns over all rows: gaps, the selected range, the box being drawn, marks."""
        tokens, view, height = paints.tokens, scene.view, float(scene.height)
        for gap in shown.gaps:
            if view.t0 <= gap.time < view.t1:
                x = round(view.x(gap.time))
                brush = QColor(tokens.error)
                brush.setAlphaF(0.6)
                p.fillRect(QRectF(x - 4, 0, 8, height), QBrush(brush, Qt.BrushStyle.BDiagPattern))
        for box, ground in ((shown.chosen, 0.10), (shown.zooming, 0.22)):
            if box is None:
                continue
            left, right = max(view.x(box[0]), -16.0), min(view.x(box[1]), view.width + 16.0)
            fill = QColor(tokens.accent)
            fill.setAlphaF(ground)
            p.fillRect(QRectF(left, 0, max(right - left, 1), height), fill)
            for edge in (left, right):
                p.fillRect(QRectF(round(edge), 0, 1, height), tokens.accent)
        for mark in shown.marks:
            if view.t0 <= mark < view.t1:
                p.fillRect(QRectF(round(view.x(mark)), 0, 1, height), tokens.warn)
