"""What a row of two lines stands on: chosen, under the pointer, with the keys, or plain."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from flowscope_app import theme


def paint_ground(painter: QPainter, option: QStyleOptionViewItem) -> QColor:
    """Paint what the text stands on, and return its colour."""
    tokens, rect = theme.current(), option.rect
    ground = tokens.panel
    if option.state & QStyle.StateFlag.State_Selected:
        ground = tokens.selection
        painter.fillRect(rect, ground)
        painter.fillRect(rect.left(), rect.top(), 3, rect.height(), tokens.accent)
    elif option.state & QStyle.StateFlag.State_MouseOver:
        ground = tokens.hover
        painter.fillRect(rect, ground)
    if option.state & QStyle.StateFlag.State_HasFocus and option.state & QStyle.StateFlag.State_KeyboardFocusChange:
        painter.setPen(tokens.accent)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5))
    return ground
