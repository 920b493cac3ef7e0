"""Paints a scene: grid, track headers, bars, links, selection. Arrays go to the painter whole; text is bounded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPainterPath

from flowscope_app import theme
from flowscope_app.base import format as fmt
from flowscope_app.spans.kinds import Status
from flowscope_app.spans.table import Track
from flowscope_app.timeline.drawlist import ABANDONED, DIM, ERROR, PENDING, Bars, strip
from flowscope_app.timeline.rows import BAR, HEADER, Band
from flowscope_app.timeline.scene import Scene
from flowscope_app.timeline.ticks import Ticks
from flowscope_app.views.timeline.guard import guarded
from flowscope_app.views.timeline.labels import Labels
from flowscope_app.views.timeline.overlays import OverlayPainter, Overlays
from flowscope_app.views.timeline.paints import Paints, paints_of
from flowscope_app.views.timeline.shapes import RectPainter, Rects

_ROUND_FROM = 9  # px wide
_MOST_ROUND = 3_000  # bars; beyond that they are too small to tell
_PAD = 6  # px between a bar's edge and its label
_SIGN = 12  # px for the cross of an error
_MOST_PENDING = 200


class SpansItem(pg.GraphicsObject):  # type: ignore[misc]
    """The picture of a scene, in the view box's own logical pixels."""

    def __init__(self, box: pg.ViewBox) -> None:
        super().__init__(box)
        self.scene_shown: Scene | None = None
        self.ticks = Ticks(1, [], [])
        self.selected = -1  # rows of the table
        self.hovered = -1
        self.overlays = Overlays()
        self._over = OverlayPainter()
        self.clocks: dict[str, str] = {}  # what is said of a program's clock, by its producer's id
        self._box = box
        self._rects = RectPainter()
        self._labels = Labels(theme.ui_font(12))
        self._small = Labels(theme.ui_font(11))
        box.sigResized.connect(self._resized)

    def _resized(self) -> None:
        self.prepareGeometryChange()

    def boundingRect(self) -> QRectF:
        return QRectF(self._box.rect())

    @guarded
    def paint(self, p: QPainter, _option: Any, _widget: Any = None) -> None:
        scene = self.scene_shown
        if scene is None:
            return
        paints = paints_of(theme.current())
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        self._grid(p, scene, paints)
        headers = scene.header_tops()
        for band, y in headers:
            if y == band.top - scene.top:
                self._header(p, scene, paints, band, y)
        bars = scene.bars
        p.save()
        p.translate(0, -scene.top)
        self._bars(p, scene, paints, bars)
        self._pending(p, scene, paints, bars)
        self._abandoned(p, paints, bars)
        self._selection(p, scene, paints)
        self._over.first_tokens(p, scene, paints, bars, self.overlays.notes)
        self._texts(p, scene, paints, bars)
        self._links(p, scene, paints)
        if self.overlays.path is not None:
            self._over.critical_path(p, scene, paints, self.overlays.path)
        p.restore()
        self._over.times(p, scene, paints, self.overlays)
        for band, y in headers:  # those that stay lie over the bars that pass under them
            if y != band.top - scene.top:
                self._header(p, scene, paints, band, y)

    def _grid(self, p: QPainter, scene: Scene, paints: Paints) -> None:
        lines = np.array([[round(scene.view.x(time)), 0, 1, scene.height] for time in self.ticks.times], np.float64)
        self._rects.draw(p, lines.reshape(-1, 4), paints.grid.color())

    def _header(self, p: QPainter, scene: Scene, paints: Paints, band: Band, y: int) -> None:
        tokens, width = paints.tokens, scene.view.width
        p.fillRect(QRectF(0, y, width, HEADER), tokens.raised)
        self._chevron(p, paints, 8, y + HEADER / 2, band.collapsed)
        track = scene.tracks.get(band.track)
        label = fmt.one_line(track.label, 120) if track is not None and track.label else "unnamed track"
        detail = fmt.one_line(track.detail, 120) if track is not None else ""
        p.setFont(self._labels.font)
        p.setPen(tokens.text)
        label = self._labels.elided(label, width - 32)
        baseline = y + HEADER / 2 + self._labels.baseline
        p.drawText(QPointF(20, baseline), label)
        p.setFont(self._small.font)
        told = self._clock(p, paints, track, QPointF(36 + self._labels.width(label), baseline), width - 10)
        room = width - told - 40  # what is odd is worth more than which process it is
        detail = self._small.elided(detail, room) if room > 40 else ""
        p.setPen(tokens.dim)
        p.drawText(QPointF(width - 10 - self._small.width(detail), baseline), detail)
        if band.collapsed:
            busy, errors = strip(scene.layout, band.track, scene.view, scene.now)
            self._rects.draw(p, _lines(busy[:, 0], busy[:, 1], y + HEADER - 3, 3), tokens.faint)
            self._rects.draw(p, _lines(errors, np.full(len(errors), 2.0), y + HEADER - 4, 4), tokens.error)

    def _clock(self, p: QPainter, paints: Paints, track: Track | None, at: QPointF, right: float) -> float:
        """Say, before a track's detail, that its clock is not the other programs'; returns where that ends, px."""
        note = self.clocks.get(track.producer, "") if track is not None else ""
        if not note or right - at.x() < 60:
            return at.x() - 16
        note = self._small.elided(f"⚠ {fmt.one_line(note, 120)}", right - at.x())
        p.setPen(theme.ink(paints.tokens.warn, paints.tokens.raised, paints.tokens.text))
        p.drawText(at, note)
        return at.x() + self._small.width(note)

    def _chevron(self, p: QPainter, paints: Paints, x: float, y: float, collapsed: bool) -> None:
        points = [(0, -3.5), (3.5, 0), (0, 3.5)] if collapsed else [(-1.5, -2), (2, 1.5), (5.5, -2)]
        path = QPainterPath(QPointF(x + points[0][0], y + points[0][1]))
        for dx, dy in points[1:]:
            path.lineTo(x + dx, y + dy)
        p.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        p.setPen(pg.mkPen(paints.tokens.dim, width=1.2))
        p.setBrush(Qt.BrushStyle.NoBrush)
        p.drawPath(path)
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _bars(self, p: QPainter, scene: Scene, paints: Paints, bars: Bars) -> None:
        large: list[Rects] = []
        for style, kind, rects in bars.groups():
            if style & ERROR:  # a failed call too narrow for its sign is told by its height
                narrow = rects[:, 2] < _ROUND_FROM
                rects[narrow, 1] -= 1
                rects[narrow, 3] += 2
            self._rects.draw(p, rects, paints.bar(style, kind).brush)
            large.append(rects[rects[:, 2] >= _ROUND_FROM])
        wide = np.concatenate(large) if large else np.empty((0, 4))
        if len(wide) <= _MOST_ROUND:
            self._rects.round(p, wide, paints.tokens.panel, scene.scale)

    def _pending(self, p: QPainter, scene: Scene, paints: Paints, bars: Bars) -> None:
        """Hatching and an end cap say that a bar still grows."""
        for at in np.flatnonzero((bars.style & ~np.uint8(DIM)) == PENDING)[:_MOST_PENDING].tolist():
            paint = paints.bar(int(bars.style[at]), int(bars.kind[at]))
            x, y, width = float(bars.x[at]), float(bars.y[at]), float(bars.width[at])
            p.fillRect(QRectF(x, y, max(width - 3, 0), BAR), QBrush(paints.hatch, Qt.BrushStyle.BDiagPattern))
            p.fillRect(QRectF(x + width - min(3, width), y, min(3, width), BAR), paint.edge)

    def _abandoned(self, p: QPainter, paints: Paints, bars: Bars) -> None:
        """Hatching the other way, on grey: nobody closed it, and nobody will."""
        brush = QBrush(paints.left, Qt.BrushStyle.FDiagPattern)
        for at in np.flatnonzero((bars.style & ~np.uint8(DIM)) == ABANDONED)[:_MOST_PENDING].tolist():
            p.fillRect(QRectF(float(bars.x[at]), float(bars.y[at]), float(bars.width[at]), BAR), brush)

    def _texts(self, p: QPainter, scene: Scene, paints: Paints, bars: Bars) -> None:
        p.setFont(self._labels.font)
        for at in bars.labelled(scene.view.width).tolist():
            row, style = int(bars.row[at]), int(bars.style[at])
            paint = paints.bar(style, int(bars.kind[at]))
            left, y = max(float(bars.x[at]), 0.0), float(bars.y[at])
            right = min(float(bars.x[at] + bars.width[at]), scene.view.width)
            text_colour = paints.tokens.text if row == self.selected else paint.text
            x = left + _PAD + (3 if row == self.selected else 0)  # the selected bar has a stripe
            if style & ERROR:
                self._cross(p, paints.tokens.error if row == self.selected else text_colour, x + 3.5, y + BAR / 2)
                x += _SIGN
            elif style & ABANDONED:
                self._left_open(p, text_colour, x + 3.5, y + BAR / 2)
                x += _SIGN
            text = self._labels.bar(scene.table, row, scene.end(row), right - x - _PAD)
            p.setPen(text_colour)
            p.drawText(QPointF(x, y + BAR / 2 + self._labels.baseline), text)

    def _cross(self, p: QPainter, colour: Any, x: float, y: float) -> None:
        p.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        p.setPen(pg.mkPen(colour, width=1.5))
        p.drawLine(QPointF(x - 2.8, y - 2.8), QPointF(x + 2.8, y + 2.8))
        p.drawLine(QPointF(x - 2.8, y + 2.8), QPointF(x + 2.8, y - 2.8))
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _left_open(self, p: QPainter, colour: Any, x: float, y: float) -> None:
        p.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        p.setPen(pg.mkPen(colour, width=1.2))
        p.setBrush(Qt.BrushStyle.NoBrush)
        p.drawEllipse(QPointF(x, y), 2.8, 2.8)
        p.drawLine(QPointF(x - 3.4, y + 3.4), QPointF(x + 3.4, y - 3.4))
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def place(self, row: int) -> QRectF | None:
        """Where a span's bar is, from the top of all rows; None if it is not in the viewport's time or is collapsed."""
        scene = self.scene_shown
        top = scene.top_of(row) if scene is not None and 0 <= row < scene.layout.n else None
        if scene is None or top is None:
            return None
        left = scene.view.x(int(scene.table.start[row]))
        right = scene.view.x(scene.end(row))
        if right < 0 or left > scene.view.width:
            return None
        left, right = max(left, -16.0), min(right, scene.view.width + 16.0)
        return QRectF(round(left), top, max(round(right) - round(left) - 1, 1), BAR)

    def _selection(self, p: QPainter, scene: Scene, paints: Paints) -> None:
        tokens = paints.tokens
        p.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        if self.hovered != self.selected and (place := self.place(self.hovered)) is not None:
            p.setPen(paints.hover)
            p.setBrush(Qt.BrushStyle.NoBrush)
            p.drawRoundedRect(place.adjusted(0.5, 0.5, -0.5, -0.5), 2.5, 2.5)
        if (place := self.place(self.selected)) is not None:
            row = self.selected
            wide = place.width() >= _ROUND_FROM
            p.setPen(paints.outline)
            p.setBrush(tokens.selection if wide else Qt.BrushStyle.NoBrush)
            p.drawRoundedRect(place.adjusted(-1, -1, 1, 1) if wide else place.adjusted(-2, -2, 2, 2), 4, 4)
            if wide:
                style = {Status.ERROR: ERROR, Status.ABANDONED: ABANDONED}.get(Status(int(scene.table.status[row])), 0)
                edge = paints.bar(style, int(scene.table.kind[row])).edge
                pending = int(scene.table.end[row]) < 0
                x = place.right() - 3 if pending else place.left() + 1
                p.setRenderHint(QPainter.RenderHint.Antialiasing, False)
                p.fillRect(QRectF(x, place.top() + 1, 3, BAR - 2), edge)
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _links(self, p: QPainter, scene: Scene, paints: Paints) -> None:
        p.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        p.setBrush(Qt.BrushStyle.NoBrush)
        named = (self.selected, self.hovered)
        own = scene.links.of(named)
        for child in {*scene.links_seen().tolist(), *own}:
            a, b = self.place(int(scene.table.parent[child])), self.place(child)
            if a is None or b is None:
                continue
            down = b.top() > a.top()
            x = min(max(b.left(), a.left()), a.right())
            start = QPointF(x + min(12.0, max(0.0, a.right() - x)), a.bottom() if down else a.top())
            end = QPointF(b.left() + 4, b.top() if down else b.bottom())
            bend = (end.y() - start.y()) / 2
            path = QPainterPath(start)
            path.cubicTo(start + QPointF(0, bend), end - QPointF(0, bend), end)
            p.setPen(paints.own_link if child in own else paints.link)
            p.drawPath(path)
            way = -4.5 if down else 4.5
            head = QPainterPath(end + QPointF(-3.5, way))
            head.lineTo(end)
            head.lineTo(end + QPointF(3.5, way))
            p.setPen(paints.own_link)
            p.drawPath(head)
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _lines(x: np.ndarray[Any, np.dtype[np.float64]], width: Any, y: float, height: float) -> Rects:
    rects = np.empty((len(x), 4), np.float64)
    rects[:, 0], rects[:, 1], rects[:, 2], rects[:, 3] = x, y, width, height
    return rects
