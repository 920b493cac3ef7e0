"""What delegates of tables and trees have in common: row height, ground, and all of a text that was cut."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QFontMetrics, QHelpEvent, QPainter
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QToolTip

from flowscope_app import theme
from flowscope_app.views.common.plain import tooltip

Index = QModelIndex | QPersistentModelIndex

CELL_PAD = 8  # px at the left and the right of a cell's text
_MARK = 16  # px that a mark before the text takes


class CellDelegate(QStyledItemDelegate):
    """Paints cells itself, as plain text; the model bounds how long a text is."""

    def __init__(self, height: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._height = height

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(64, self._height)

    def begin(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Set the painter up and paint the ground; the caller restores the painter."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.ui_font())
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, theme.current().selection)
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, theme.current().hover)
        if _has_keys(option, index):
            rect = option.rect
            for y in (rect.top(), rect.bottom()):
                painter.fillRect(rect.left(), y, rect.width(), 1, theme.current().accent)

    def helpEvent(self, event: QHelpEvent, view: QAbstractItemView, option: QStyleOptionViewItem, index: Index) -> bool:
        text = str(index.data() or "")
        room = option.rect.width() - 2 * CELL_PAD - _MARK
        cut = QFontMetrics(theme.ui_font()).horizontalAdvance(text) > room
        more = str(index.data(Qt.ItemDataRole.ToolTipRole) or "")
        QToolTip.showText(event.globalPos(), tooltip(more or (text if cut else "")), view)
        return True


def _has_keys(option: QStyleOptionViewItem, index: Index) -> bool:
    """Whether the cell's row is the one that keys act on, for somebody who uses them: not after a click alone."""
    view = option.widget
    if not isinstance(view, QAbstractItemView) or not view.hasFocus():
        return False
    current = view.currentIndex()
    same = (index.row(), index.parent()) == (current.row(), current.parent())
    return same and view.window().testAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)
