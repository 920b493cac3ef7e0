"""Cells of the metrics table: the name with its kind, figures, the bar behind a share."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyleOptionViewItem

from flowscope_app import theme
from flowscope_app.qtmodels.metrics_model import Column, KindRole, ShareRole
from flowscope_app.views.common.cells import CELL_PAD, CellDelegate

Index = QModelIndex | QPersistentModelIndex

_DOT = 8.0
_SHARE_TEXT = 54  # px that the share's figure takes


class MetricsDelegate(CellDelegate):
    """Paints all cells of the table."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        tokens = theme.current()
        column = index.column()
        self.begin(painter, option, index)
        rect = QRectF(option.rect).adjusted(CELL_PAD, 0, -CELL_PAD, 0)
        text = str(index.data())
        if column == Column.NAME:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.kind(index.data(KindRole)))
            painter.drawRoundedRect(QRectF(rect.left(), rect.center().y() - _DOT / 2, _DOT, _DOT), 2, 2)
            rect.setLeft(rect.left() + _DOT + 6)
            text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, int(rect.width()))
        elif column == Column.SHARE:
            self._bar(painter, rect, index)
        failed = column in (Column.ERRORS, Column.RATE) and text != "–"
        quiet = text in ("–", "unknown")
        painter.setPen(tokens.error if failed else tokens.dim if quiet else tokens.text)
        side = Qt.AlignmentFlag.AlignLeft if column == Column.NAME else Qt.AlignmentFlag.AlignRight
        painter.drawText(rect, int(side | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine), text)
        painter.restore()

    def _bar(self, painter: QPainter, rect: QRectF, index: Index) -> None:
        tokens = theme.current()
        whole = QRectF(rect.left(), rect.center().y() - 3, max(rect.width() - _SHARE_TEXT, 0), 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens.raised)
        painter.drawRoundedRect(whole, 2, 2)
        share = float(index.data(ShareRole))
        if share > 0:
            painter.setBrush(tokens.kind(index.data(KindRole)))
            painter.drawRoundedRect(QRectF(whole.left(), whole.top(), max(whole.width() * share, 2), 6), 2, 2)
