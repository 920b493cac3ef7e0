"""A JSON value as a tree that folds, with the value under the cursor readable in full below it."""

from __future__ import annotations

from typing import Any

import orjson
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QAction, QColor, QGuiApplication, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QMenu,
    QSplitter,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from flowscope_app import theme
from flowscope_app.qtmodels.json_model import JsonModel, KeyRole, TypeRole, ValueTextRole
from flowscope_app.spans.kinds import Kind
from flowscope_app.spans.parts import json_text
from flowscope_app.spans.skim import CutStr
from flowscope_app.views.common.plain import describe
from flowscope_app.views.common.text_view import TextView

_EXPANDED = 60  # rows opened without being asked
_LONG = 60  # characters, from which on a string is also shown below


class JsonDelegate(QStyledItemDelegate):
    """Draws `name: value`, the value in the colour of its type; the type shows in its form too."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(80, 20)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        self.initStyleOption(option, index)
        option.text = ""
        widget = option.widget
        widget.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, widget)
        tokens = theme.current()
        painter.save()
        painter.setFont(theme.mono_font())
        metrics = painter.fontMetrics()
        room: QRect = option.rect.adjusted(4, 0, -4, 0)
        key = str(index.data(KeyRole))
        if key:
            ranged = index.data(TypeRole) == "range"
            label = metrics.elidedText(key, Qt.TextElideMode.ElideRight, room.width())
            painter.setPen(tokens.dim if ranged else tokens.text)
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, label)
            room.setLeft(room.left() + metrics.horizontalAdvance(label))
            if not ranged:
                painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, ": ")
                room.setLeft(room.left() + metrics.horizontalAdvance(": "))
        if room.width() > 8:
            selected = bool(option.state & QStyle.StateFlag.State_Selected)
            painter.setPen(_colour(str(index.data(TypeRole)), selected))
            value = metrics.elidedText(str(index.data(ValueTextRole)), Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, value)
        painter.restore()


def _colour(kind: str, selected: bool) -> QColor:
    tokens = theme.current()
    named = {"string": Kind.RETRIEVER, "number": Kind.LLM, "constant": Kind.EMBEDDING}
    colour = tokens.kind(named[kind]) if kind in named else tokens.warn if kind == "cut" else tokens.dim
    return theme.ink(colour, tokens.selection if selected else tokens.panel, tokens.text)


class JsonTree(QWidget):
    """The tree and, below it, the current string when it is too long for a row."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = JsonModel(parent=self)
        self.tree = _Tree(self)
        self.tree.setModel(self.model)
        describe(self.tree, name)
        self.detail = TextView("Value", mono=True)
        self.detail.edit.viewport().setAutoFillBackground(False)
        self._detail_box = QWidget()
        box = QVBoxLayout(self._detail_box)
        box.setContentsMargins(8, 8, 4, 4)
        box.addWidget(self.detail)
        self._detail_box.hide()
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(self.tree)
        split.addWidget(self._detail_box)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(split)
        self._whole: bytes | None = None
        self.tree.selectionModel().currentChanged.connect(self._current_changed)
        theme.signals().changed.connect(self.tree.viewport().update)

    def show_value(self, value: Any, whole: bytes | None = None) -> None:
        """Show a decoded value; `whole` is its JSON when `value` is only the beginning of it."""
        self._whole = whole
        opened = self._opened_paths() if self.model.value() is not None else None
        bar = self.tree.verticalScrollBar().value()
        self.model.set_value(value)
        self._detail_box.hide()
        if opened is None:
            self._open_first()
        else:
            self._reopen(opened)
            self.tree.verticalScrollBar().setValue(bar)

    def whole_text(self) -> str:
        """All of the value as JSON text."""
        if self._whole is not None:
            return self._whole.decode("utf-8", "replace")
        return to_text(self.model.value())

    def visible_rows(self) -> int:
        """How many rows are unfolded, counted up to some dozens."""
        count, index = 0, self.model.index(0, 0)
        while index.isValid() and count < _EXPANDED:
            count += 1
            index = self.tree.indexBelow(index)
        return count

    def _current_changed(self, current: QModelIndex) -> None:
        value = self.model.value_of(current) if current.isValid() else None
        long = isinstance(value, str) and (len(value) > _LONG or "\n" in value)
        self._detail_box.setVisible(long)
        if isinstance(value, str) and long:
            size = value.whole if isinstance(value, CutStr) else len(value.encode("utf-8", "replace"))
            self.detail.show_text(value, size, (lambda: self._whole or b"") if isinstance(value, CutStr) else None)

    def _open_first(self) -> None:
        """Open level by level as long as what opens is looked over in one glance."""
        level = [QModelIndex()]
        shown = self.model.rowCount()
        while level:
            below = [self.model.index(row, 0, parent) for parent in level for row in range(self.model.rowCount(parent))]
            level = []
            for index in below:
                if index.data(TypeRole) not in ("object", "array") or not self.model.hasChildren(index):
                    continue
                shown += self.model.rowCount(index)
                if shown > _EXPANDED:
                    return
                self.tree.expand(index)
                level.append(index)

    def _opened_paths(self) -> set[str]:
        found: set[str] = set()
        index = self.model.index(0, 0)
        while index.isValid() and len(found) < 500:
            if self.tree.isExpanded(index):
                found.add(self.model.path_of(index))
            index = self.tree.indexBelow(index)
        return found

    def _reopen(self, paths: set[str]) -> None:
        index = self.model.index(0, 0)
        while index.isValid() and paths:
            path = self.model.path_of(index)
            if path in paths:
                paths.discard(path)
                self.tree.expand(index)
            index = self.tree.indexBelow(index)


class _Tree(QTreeView):
    """The tree itself: keyboard, copying, context menu."""

    def __init__(self, owner: JsonTree) -> None:
        super().__init__(owner)
        self._owner = owner
        self.setHeaderHidden(True)
        self.setUniformRowHeights(True)
        self.setItemDelegate(JsonDelegate(self))
        self.setIndentation(14)
        self.setAnimated(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy(to_text(self._owner.model.value_of(self.currentIndex())))
            return
        super().keyPressEvent(event)

    def _menu(self, at: QPoint) -> None:
        index = self.indexAt(at)
        model = self._owner.model
        menu = QMenu(self)
        if index.isValid():
            self._add(menu, "Copy value", lambda: to_text(model.value_of(index)))
            self._add(menu, "Copy path", lambda: model.path_of(index))
        self._add(menu, "Copy all as JSON", self._owner.whole_text)
        menu.addSeparator()
        menu.addAction("Unfold all below").triggered.connect(lambda: self.expandRecursively(index, 4))
        menu.addAction("Fold all").triggered.connect(self.collapseAll)
        menu.exec(self.viewport().mapToGlobal(at))
        menu.deleteLater()

    def _add(self, menu: QMenu, name: str, text: Any) -> None:
        action = QAction(name, menu)
        action.triggered.connect(lambda: self._copy(text()))
        menu.addAction(action)

    @staticmethod
    def _copy(text: str) -> None:
        QGuiApplication.clipboard().setText(text)


def to_text(value: Any) -> str:
    """A value for the clipboard: a string as it is, anything else as indented JSON."""
    if isinstance(value, str):
        return str(value)
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except (TypeError, ValueError, RecursionError):
        return json_text(value)
