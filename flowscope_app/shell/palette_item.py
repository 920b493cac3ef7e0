"""How a row of the command palette is drawn: the name left, the shortcut right."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from flowscope_app import theme

_HEIGHT, _PAD = 32, 12
Index = QModelIndex | QPersistentModelIndex


class PaletteDelegate(QStyledItemDelegate):
    """Draws name and shortcut on one line."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        rect: QRect = option.rect
        return QSize(rect.width(), _HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        tokens = theme.current()
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            painter.setBrush(tokens.selection if state & QStyle.StateFlag.State_Selected else tokens.hover)
            painter.drawRoundedRect(rect, 6, 6)
        inner = rect.adjusted(_PAD, 0, -_PAD, 0)
        painter.setFont(theme.ui_font())
        painter.setPen(tokens.text)
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, index.data())
        painter.setPen(tokens.text if state & QStyle.StateFlag.State_Selected else tokens.dim)
        keys = index.data(Qt.ItemDataRole.UserRole + 1)
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, keys)
        painter.restore()
