"""The list of completions: what would be inserted, and what it is."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from flowscope_app import theme
from flowscope_app.base import format as fmt
from flowscope_app.spans.query_complete import Option
from flowscope_app.views.common.plain import describe

Index = QModelIndex | QPersistentModelIndex
_ROW, _WIDTH = 24, 380


class OptionsModel(QAbstractListModel):
    """The options as items."""

    _options: tuple[Option, ...] = ()

    def show_options(self, options: tuple[Option, ...]) -> None:
        """Show other options."""
        self.beginResetModel()
        self._options = options
        self.endResetModel()

    def option(self, row: int) -> Option | None:
        """The option of a row."""
        return self._options[row] if 0 <= row < len(self._options) else None

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._options)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        option = self.option(index.row())
        if option is None:
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return fmt.one_line(option.insert)
        if role == Qt.ItemDataRole.UserRole:
            return option.detail
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{fmt.one_line(option.insert)}, {option.detail}"
        return None


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(_WIDTH, _ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        tokens = theme.current()
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, tokens.selection)
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, tokens.hover)
        room = option.rect.adjusted(10, 0, -10, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        detail = str(index.data(Qt.ItemDataRole.UserRole))
        painter.setFont(theme.ui_font(12))
        painter.setPen(tokens.dim)
        painter.drawText(room, middle | Qt.AlignmentFlag.AlignRight, detail)
        room.setRight(room.right() - QFontMetrics(painter.font()).horizontalAdvance(detail) - 12)
        painter.setFont(theme.mono_font())
        painter.setPen(tokens.text)
        shown = painter.fontMetrics().elidedText(str(index.data()), Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, middle | Qt.AlignmentFlag.AlignLeft, shown)
        painter.restore()


class OptionsPopup(QListView):
    """The popup that a completer shows the options in."""

    def dress(self) -> None:
        """Give it its looks; a completer that takes a popup puts a delegate of its own on it."""
        self.setObjectName("completions")
        self.setItemDelegate(_Delegate(self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setMinimumWidth(_WIDTH)
        describe(self, "Completions")
