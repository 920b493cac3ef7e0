"""Cells of the tree that are more than a text: the operation with its kind and status, the bar in its run."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyleOptionViewItem

from flowscope_app import theme
from flowscope_app.qtmodels.tree_model import Column, SpanTreeModel
from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.views.common.cells import CellDelegate

Index = QModelIndex | QPersistentModelIndex

_DOT = 8.0
_PAD = 6


class SpanDelegate(CellDelegate):
    """Paints all cells of the tree."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        if not isinstance(model, SpanTreeModel):
            return
        row = model.row_at(index)
        self.begin(painter, option, index)
        if index.column() == Column.OPERATION:
            self._operation(painter, option, model, row, str(index.data()))
        elif index.column() == Column.BAR:
            self._bar(painter, option, model, row)
        else:
            self._figure(painter, option, model, row, index)
        painter.restore()

    def _operation(
        self, painter: QPainter, option: QStyleOptionViewItem, model: SpanTreeModel, row: int, text: str
    ) -> None:
        tokens, rect = theme.current(), QRectF(option.rect)
        status = int(model.table.status[row])
        matches = model.matches(row)
        colour = _kind_colour(int(model.table.kind[row]))
        if not matches:
            colour = tokens.faint
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        dot = QRectF(rect.left() + 2, rect.center().y() - _DOT / 2, _DOT, _DOT)
        painter.drawRoundedRect(dot, 2, 2)
        left = rect.left() + _DOT + 2 + _PAD
        sign = {Status.ERROR: ("✕", tokens.error), Status.ABANDONED: ("∅", tokens.dim)}.get(Status(status))
        if sign is not None:
            painter.setPen(sign[1])
            painter.drawText(QPointF(left, _baseline(painter, rect)), sign[0])
            left += 14
        painter.setPen(tokens.error if status == Status.ERROR and matches else tokens.text if matches else tokens.dim)
        room = rect.right() - left - _PAD
        metrics = QFontMetrics(painter.font())
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(QPointF(left, _baseline(painter, rect)), shown)
        said = {Status.PENDING: "running …", Status.ABANDONED: "abandoned"}.get(Status(status), "")
        if said:
            left += metrics.horizontalAdvance(shown) + 8
            if rect.right() - left > metrics.horizontalAdvance(said):
                painter.setPen(tokens.success if status == Status.PENDING else tokens.dim)
                painter.drawText(QPointF(left, _baseline(painter, rect)), said)

    def _figure(
        self, painter: QPainter, option: QStyleOptionViewItem, model: SpanTreeModel, row: int, index: Index
    ) -> None:
        tokens = theme.current()
        quiet = index.column() == Column.START or not model.matches(row)
        painter.setPen(tokens.dim if quiet else tokens.text)
        rect = option.rect.adjusted(_PAD, 0, -_PAD, 0)
        painter.drawText(rect, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), str(index.data()))

    def _bar(self, painter: QPainter, option: QStyleOptionViewItem, model: SpanTreeModel, row: int) -> None:
        tokens = theme.current()
        rect = QRectF(option.rect).adjusted(_PAD, 0, -_PAD, 0)
        begin, end = model.within_run(row)
        status = int(model.table.status[row])
        colour = QColor(tokens.error if status == Status.ERROR else _kind_colour(int(model.table.kind[row])))
        if not model.matches(row):
            colour.setAlphaF(0.35)
        left = rect.left() + begin * rect.width()
        width = max((end - begin) * rect.width(), 2.0)  # a call is never invisible
        left = min(left, rect.right() - width)
        bar = QRectF(left, rect.center().y() - 3, width, 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(bar, min(2.0, width / 2), 2)


def _kind_colour(kind: int) -> QColor:
    return theme.current().kind(Kind(kind) if 0 <= kind < len(Kind) else Kind.OTHER)


def _baseline(painter: QPainter, rect: QRectF) -> float:
    metrics = QFontMetrics(painter.font())
    return rect.center().y() + (metrics.ascent() - metrics.descent()) / 2
