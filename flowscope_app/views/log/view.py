"""The log's tab: asks the store for what is new while it is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt, QTimer
from PySide6.QtGui import QHideEvent, QPainter, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStackedLayout,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from flowscope_app import theme
from flowscope_app.qtmodels.log_model import Column, LogModel, ReportRole
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.rows import Report
from flowscope_app.views.common.cells import CELL_PAD, CellDelegate
from flowscope_app.views.common.empty_state import EmptyState
from flowscope_app.views.common.plain import describe

if TYPE_CHECKING:
    from flowscope_app.qtmodels.queries import Queries

Index = QModelIndex | QPersistentModelIndex

_POLL_MS = 1_000  # a report changes no span, so that nothing else tells of it
_ROW_HEIGHT = 26
_DOT = 8.0
_WIDTHS = {Column.TIME: 130, Column.KIND: 150, Column.COUNT: 88, Column.SESSION: 130}


class _Reader(Protocol):
    """The part of the store's reader that the log needs."""

    def reports(self, since: int = 0) -> list[Report]: ...


class LogView(QWidget):
    """What was refused, dropped or lost, newest first."""

    def __init__(self, state: ViewState, queries: Queries, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._queries = queries
        self.model = LogModel(self)
        self.table = QTableView()
        self._empty = EmptyState("Nothing was refused, dropped or lost", "What the collector can't take is told here.")
        self._poll = QTimer(self)
        self._poll.setInterval(_POLL_MS)
        self._poll.timeout.connect(self._ask)
        self._build()
        theme.signals().changed.connect(self.table.viewport().update)

    def _build(self) -> None:
        table = self.table
        table.setModel(self.model)
        table.setItemDelegate(_Delegate(_ROW_HEIGHT, table))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setMouseTracking(True)
        table.setTabKeyNavigation(False)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        table.horizontalHeader().setHighlightSections(False)
        table.horizontalHeader().setSectionResizeMode(Column.DETAIL, QHeaderView.ResizeMode.Stretch)
        for column, width in _WIDTHS.items():
            table.setColumnWidth(column, width)
        describe(table, "Log", "What the collector refused, dropped or missed, newest first")
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(table)
        self.setFocusProxy(table)
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._ask()
        self._poll.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._poll.stop()

    @property
    def says(self) -> str:
        """What is said instead of a list, "" while there is one."""
        return "" if self._pages.currentIndex() else self._empty.title()

    def _ask(self) -> None:
        newest = self.model.newest
        read: Callable[[_Reader], list[Report]] = lambda reader: reader.reports(newest)  # noqa: E731
        self._queries.run(read, self._take, slot="log")

    def _take(self, reports: list[Report]) -> None:
        self.model.add(reports, {row.id: row.name for row in self._state.sessions})
        self._pages.setCurrentIndex(1 if self.model.rowCount() else 0)


class _Delegate(CellDelegate):
    """Paints the cells: plain text, what is lost with a mark of its colour."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        tokens = theme.current()
        column = index.column()
        self.begin(painter, option)
        rect = QRectF(option.rect).adjusted(CELL_PAD, 0, -CELL_PAD, 0)
        if column == Column.KIND:
            kind = index.data(ReportRole).kind
            sign = {"filled": tokens.success, "connection": tokens.warn}.get(kind, tokens.error)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(sign)
            painter.drawRoundedRect(QRectF(rect.left(), rect.center().y() - _DOT / 2, _DOT, _DOT), 2, 2)
            rect.setLeft(rect.left() + _DOT + 6)
        painter.setPen(tokens.dim if column in (Column.TIME, Column.SESSION) else tokens.text)
        text = painter.fontMetrics().elidedText(str(index.data()), Qt.TextElideMode.ElideRight, int(rect.width()))
        side = Qt.AlignmentFlag.AlignRight if column == Column.COUNT else Qt.AlignmentFlag.AlignLeft
        painter.drawText(rect, int(side | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine), text)
        painter.restore()
