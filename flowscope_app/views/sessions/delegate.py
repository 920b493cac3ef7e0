"""Draws a session: its name and when, then what is in it."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from flowscope_app import theme
from flowscope_app.base import format as fmt
from flowscope_app.qtmodels.sessions_model import CostRole, LiveRole, SessionRole, WhenRole
from flowscope_app.spans.rows import SessionRow
from flowscope_app.views.common.ground import paint_ground

HEIGHT = 52
_LEFT, _RIGHT, _LINE = 16, 14, 20
_DOT = 7
_PIN = 14
_APART = 12  # px between two figures


class SessionDelegate(QStyledItemDelegate):
    """Two lines a session."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(200, HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row: SessionRow | None = index.data(SessionRole)
        if row is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect: QRect = option.rect
        room = rect.adjusted(_LEFT, 6, -_RIGHT, -6)
        first = QRect(room.left(), room.top(), room.width(), _LINE)
        second = QRect(room.left(), room.bottom() - _LINE + 1, room.width(), _LINE)
        ground = paint_ground(painter, option)
        live, when = bool(index.data(LiveRole)), str(index.data(WhenRole))
        _first_line(painter, first, str(index.data()), live, when, row.pinned, ground)
        _second_line(painter, second, row, str(index.data(CostRole) or ""), ground)
        painter.restore()


def _first_line(painter: QPainter, rect: QRect, name: str, live: bool, when: str, pinned: bool, ground: QColor) -> None:
    tokens = theme.current()
    painter.setFont(theme.ui_font())
    painter.setPen(theme.ink(tokens.success if live else tokens.dim, ground, tokens.text))
    painter.drawText(rect, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, when)
    rect = rect.adjusted(0, 0, -QFontMetrics(painter.font()).horizontalAdvance(when) - 10, 0)
    if pinned:
        ink = theme.ink(tokens.dim, ground, tokens.text).name()
        place = QRect(rect.right() - _PIN, rect.center().y() - _PIN // 2, _PIN, _PIN)
        theme.icon("pin", colour=ink, size=_PIN).paint(painter, place)
        rect = rect.adjusted(0, 0, -_PIN - 6, 0)
    if live:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens.success)
        painter.drawEllipse(QRectF(rect.left(), rect.center().y() - _DOT / 2 + 1, _DOT, _DOT))
        rect = rect.adjusted(_DOT + 6, 0, 0, 0)
    painter.setFont(theme.ui_font(weight=QFont.Weight.DemiBold))
    painter.setPen(tokens.text)
    shown = QFontMetrics(painter.font()).elidedText(name, Qt.TextElideMode.ElideRight, rect.width())
    painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)


def _second_line(painter: QPainter, rect: QRect, row: SessionRow, cost: str, ground: QColor) -> None:
    """Spans and what became of them at the left; tokens and cost at the right, the cost where there is room."""
    tokens = theme.current()
    dim = theme.ink(tokens.dim, ground, tokens.text)
    font = theme.ui_font(12)
    painter.setFont(font)
    width = QFontMetrics(font).horizontalAdvance
    left = [("1 span" if row.spans == 1 else f"{fmt.count(row.spans)} spans", dim)]
    if row.errors:
        left.append((f"{fmt.short_count(row.errors)} ✕", theme.ink(tokens.error, ground, tokens.text)))
    if row.abandoned:
        left.append((f"{fmt.short_count(row.abandoned)} ∅", dim))
    total = row.tokens_in + row.tokens_out
    right = [cost, fmt.tokens(total)] if cost and total else [fmt.tokens(total) if total else "–"]
    if sum(width(text) + _APART for text in (*(text for text, _ink in left), *right)) - _APART > rect.width():
        right = right[-1:]
    painter.setPen(dim)
    place = QRect(rect)
    for text in right:
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        place.adjust(0, 0, -width(text) - _APART, 0)
    for text, ink in left:
        _left(painter, place, text, ink)
        place.adjust(width(text) + _APART, 0, 0, 0)


def _left(painter: QPainter, rect: QRect, text: str, colour: QColor) -> None:
    painter.setPen(colour)
    painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
