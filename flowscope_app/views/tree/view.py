"""The tree's tab: shares the selection, keeps what is expanded while spans arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QModelIndex, QObject, Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStackedLayout, QTreeView, QWidget

from flowscope_app import theme
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.qtmodels.tree_model import Column, SpanTreeModel
from flowscope_app.spans.table import Applied
from flowscope_app.views.common.empty_state import EmptyState
from flowscope_app.views.common.plain import describe
from flowscope_app.views.tree.delegates import SpanDelegate

if TYPE_CHECKING:
    from flowscope_app.qtmodels.queries import Queries

_TICK_MS = 200  # how often running times move on, and how often arriving spans are brought in
_ROW_HEIGHT = 24
_OPEN_UP_TO = 300  # spans of a session that is shown with all of it expanded
_WIDTHS = {Column.DURATION: 84, Column.START: 84, Column.TOKENS: 120}
_BAR = (140, 280)  # px: where there is less room, it goes first
_GIVEN_UP = (Column.BAR, Column.START, Column.TOKENS)  # for the name's sake, one after the other
_NAME = 220  # px that a name has at least, while something else can go


class TreeView(QWidget):
    """Every span below the one that called it."""

    def __init__(self, state: ViewState, _queries: Queries | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._waiting: list[Applied] = []  # what came since the model was brought up to date
        self._stale = False  # something came while the tab was hidden
        self._selecting = False
        self._unseen = False  # the selection changed while nobody looked
        self._open_all = True  # until the user closes something
        self._restoring = False
        self._filter = state.filter_text
        self.model = SpanTreeModel(state, self)
        self.tree = QTreeView()
        self._empty = EmptyState()
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._ticked)
        self._build()
        self._connect()
        self._reset()

    def _build(self) -> None:
        tree = self.tree
        tree.setModel(self.model)
        tree.setItemDelegate(SpanDelegate(_ROW_HEIGHT, tree))
        tree.setUniformRowHeights(True)  # without it a hundred thousand rows are measured one by one
        tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        tree.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        tree.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        tree.setIndentation(16)
        tree.setMouseTracking(True)
        describe(tree, "Tree of spans", "Right and left arrow expand and collapse, typing searches")
        header = tree.header()
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        header.setSectionResizeMode(Column.OPERATION, QHeaderView.ResizeMode.Stretch)
        for column, width in _WIDTHS.items():
            tree.setColumnWidth(column, width)
        tree.viewport().installEventFilter(self)
        self._fit()
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(tree)
        self.setFocusProxy(tree)
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._fit()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        """Show as many columns as leave the name its room."""
        room = self.tree.viewport().width() - _NAME - sum(_WIDTHS.values())
        for column in _GIVEN_UP:
            self.tree.setColumnHidden(column, room < (_BAR[0] if column == Column.BAR else 0))
            if column != Column.BAR and room < 0:
                room += _WIDTHS[column]
        self.tree.setColumnWidth(Column.BAR, min(max(room, _BAR[0]), _BAR[1]))

    def _connect(self) -> None:
        state = self._state
        state.session_changed.connect(self._reset)
        state.table_changed.connect(self._table_changed)
        state.filter_changed.connect(self._filter_changed)
        state.selection_changed.connect(self._show_selection)
        self.tree.selectionModel().currentRowChanged.connect(self._selected)
        self.tree.collapsed.connect(self._collapsed)
        self.model.rowsInserted.connect(self._inserted)
        theme.signals().changed.connect(self.tree.viewport().update)

    def _reset(self) -> None:
        """Another session, or all of it anew."""
        self._open_all = True
        self._anew(keep=False)

    def _anew(self, *, keep: bool) -> None:
        """Reset the model; `keep` opens again what was open."""
        opened = self._opened() if keep else []
        self._stale = False
        self._waiting.clear()
        self._selecting = True  # the reset clears the view's selection, which is not the user's doing
        self.model.reset()
        self._selecting = False
        self._restoring = True
        for row in opened:
            index = self.model.index_of(row)
            if index.isValid():
                self.tree.expand(index)
        self._restoring = False
        self._open_small(QModelIndex())
        self._say()
        self._show_selection()

    def _opened(self) -> list[int]:
        """Rows of expanded items, outer ones first."""
        found, todo = [], [QModelIndex()]
        while todo:
            above = todo.pop()
            for place in range(self.model.rowCount(above)):
                index = self.model.index(place, 0, above)
                if self.tree.isExpanded(index):
                    found.append(self.model.row_at(index))
                    todo.append(index)
        return found

    def _open_small(self, above: QModelIndex) -> None:
        """Expand all below an item, in a session (or among the matches of a filter) small enough to look at."""
        if self._open_all and self.model.shown <= _OPEN_UP_TO:
            if above.isValid():
                self.tree.expandRecursively(above)
            else:
                self.tree.expandAll()

    def _table_changed(self, applied: Applied | None) -> None:
        if applied is None:
            self._reset()
        elif not self.isVisible():
            self._stale = True
        else:
            self._waiting.append(applied)
            if not self._tick.isActive():
                self._ticked()

    def _ticked(self) -> None:
        """Bring in what arrived and let running times move on; rest when nothing runs."""
        if self._waiting:
            self._take()
        elif not self._state.has_pending or not self.isVisible():
            self._tick.stop()
            return
        self.model.now = self._state.now()
        self.tree.viewport().update()
        self._tick.start()

    def _take(self) -> None:
        waiting, self._waiting = self._waiting, []
        scroll = self.tree.verticalScrollBar().value()
        self._selecting = True
        self.model.update_rows(np.concatenate([applied.changed for applied in waiting]))
        self._selecting = False
        self._say()
        self._show_selection(reveal=False)
        self.tree.verticalScrollBar().setValue(scroll)

    def _inserted(self, above: QModelIndex, first: int, last: int) -> None:
        if self._restoring or last - first > _OPEN_UP_TO:
            return
        for place in range(first, last + 1):
            self._open_small(self.model.index(place, 0, above))
        if self._open_all and above.isValid() and self.model.shown <= _OPEN_UP_TO:
            self.tree.expand(above)

    def _collapsed(self, _index: QModelIndex) -> None:
        self._open_all = False

    def _filter_changed(self) -> None:
        if self._filter != self._state.filter_text or self._state.mask is None:
            self._filter = self._state.filter_text
            self._open_all = self._open_all or self._state.mask is not None
            self._anew(keep=True)
        else:
            self._selecting = True
            self.model.refilter()
            self._selecting = False
            self._say()
            self._show_selection(reveal=False)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._anew(keep=True)
        self._ticked()
        self._show_selection()
        if self._unseen:
            self._unseen = False
            self.tree.scrollTo(self.tree.currentIndex())

    @property
    def says(self) -> str:
        """What is said instead of a tree, "" while there is one."""
        return "" if self._pages.currentIndex() else self._empty.title()

    def _say(self) -> None:
        """Show the tree, or why there is none."""
        if self.model.rowCount():
            self._pages.setCurrentIndex(1)
            return
        if self._state.loading:
            self._empty.say("Reading the session …")
        elif self._state.session is None and not self._state.table.n:
            self._empty.say("No session chosen", "Choose one at the left to see its spans.")
        elif self._state.table.n:
            self._empty.say("No span matches the filter", "Change the filter above, or clear it to see all spans.")
        else:
            self._empty.say("No spans yet", "They appear here as the program makes them.")
        self._pages.setCurrentIndex(0)

    def _selected(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if not self._selecting and current.isValid():
            self._selecting = True
            self._state.select_row(self.model.row_at(current))
            self._selecting = False

    def _show_selection(self, *, reveal: bool = True) -> None:
        """Make the shared selection the current item."""
        if self._selecting:
            return
        row = self._state.selected_row
        current = self.tree.currentIndex()
        if row >= 0 and self.model.row_at(current) == row and current.isValid():
            return
        self._selecting = True
        index = self.model.index_of(row)
        self.tree.setCurrentIndex(index)
        if not index.isValid():
            self.tree.clearSelection()
        elif reveal and self.isVisible():
            self.tree.scrollTo(index)
        else:  # when it is seen: to scroll there, all rows above are laid out
            self._unseen |= reveal
        self._selecting = False
