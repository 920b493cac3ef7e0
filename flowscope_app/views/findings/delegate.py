"""Draws a finding: its sign, what is so, what could be done, and what it costs."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from flowscope_app import theme
from flowscope_app.base import format as fmt
from flowscope_app.qtmodels.findings_model import Found, FoundRole
from flowscope_app.views.common.ground import paint_ground

HEIGHT = 52
_LEFT, _RIGHT, _LINE, _SIGN, _GAP = 12, 16, 20, 16, 12
_SIGNS = {"wrong": "warning", "slow": "clock", "dear": "coin"}
_VCENTER = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine

Index = QModelIndex | QPersistentModelIndex


class FindingDelegate(QStyledItemDelegate):
    """Two lines a finding."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(240, HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        found: Found | None = index.data(FoundRole)
        if found is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = paint_ground(painter, option)
        tokens, rect = theme.current(), option.rect
        concern = {"wrong": tokens.error, "slow": tokens.warn, "dear": tokens.accent}[found.finding.concern]
        colour = theme.ink(concern, ground, tokens.text).name()
        sign = theme.icon(_SIGNS[found.finding.concern], colour=colour)
        sign.paint(painter, QRect(rect.left() + _LEFT, rect.top() + 8, _SIGN, _SIGN))
        room = rect.adjusted(_LEFT + _SIGN + _GAP, 6, -_RIGHT, -6)
        first = QRect(room.left(), room.top(), room.width(), _LINE)
        second = QRect(room.left(), room.bottom() - _LINE + 1, room.width(), _LINE)
        dim = theme.ink(tokens.dim, ground, tokens.text)
        strong = theme.ui_font(weight=QFont.Weight.DemiBold)
        _line(painter, first, str(index.data()), found.lost, strong, tokens.text, tokens.text)
        _line(painter, second, fmt.one_line(found.finding.advice, 300), found.spans, theme.ui_font(12), dim, dim)
        painter.setPen(tokens.line)
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        painter.restore()


def _line(painter: QPainter, rect: QRect, text: str, right: str, font: QFont, ink: QColor, figure: QColor) -> None:
    """One line of text with a figure at its right end."""
    painter.setFont(theme.ui_font(font.pixelSize()))
    painter.setPen(figure)
    painter.drawText(rect, Qt.AlignmentFlag.AlignRight | _VCENTER, right)
    rect = rect.adjusted(0, 0, -QFontMetrics(painter.font()).horizontalAdvance(right) - 16, 0)
    painter.setFont(font)
    painter.setPen(ink)
    shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
    painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | _VCENTER, shown)
