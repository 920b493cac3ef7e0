"""The log's tab: asks the store for what is new while it is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QFont, QFontMetrics, QHideEvent, QPainter, QResizeEvent, QShowEvent, QTextLayout
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
_MARK = _DOT + 6  # px that the mark before a word takes
_SESSION_WIDTH = 120
_LEAST_REASON = 220  # px; where there is less, what matters less makes way for it
_MAKE_WAY = (Column.SESSION, Column.TIME)
_MOST_LINES = 3  # of a reason; what is cut is told by its tip
_FIT_MS = 0  # once for all that changes at a time


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
        for column in (Column.TIME, Column.KIND, Column.COUNT):
            table.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        table.setColumnWidth(Column.SESSION, _SESSION_WIDTH)
        self._fit = QTimer(self, singleShot=True, interval=_FIT_MS)
        self._fit.timeout.connect(self._fit_rows)
        table.horizontalHeader().sectionResized.connect(lambda *_: self._fit.start())
        self.model.rowsInserted.connect(lambda *_: self._fit.start())
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

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit.start()

    def _fit_columns(self) -> None:
        """Leave out what there is no room for beside the reasons."""
        table, header = self.table, self.table.horizontalHeader()
        widths = {column: max(header.sectionSizeHint(column), table.sizeHintForColumn(column)) for column in Column}
        widths[Column.SESSION] = _SESSION_WIDTH
        room = table.viewport().width() - sum(widths[column] for column in Column if column != Column.DETAIL)
        for column in _MAKE_WAY:
            table.setColumnHidden(column, room < _LEAST_REASON)
            room += widths[column] if room < _LEAST_REASON else 0

    def _fit_rows(self) -> None:
        """Make each row as high as its reason needs in the room that there is."""
        self._fit_columns()
        room = self.table.columnWidth(Column.DETAIL) - 2 * CELL_PAD
        font = theme.ui_font()
        spacing = QFontMetrics(font).lineSpacing()
        for row in range(self.model.rowCount()):
            text = str(self.model.index(row, Column.DETAIL).data())
            height = _ROW_HEIGHT + max(0, len(lines_of(text, font, room)) - 1) * spacing
            if self.table.rowHeight(row) != height:
                self.table.setRowHeight(row, height)

    def _ask(self) -> None:
        newest = self.model.newest
        read: Callable[[_Reader], list[Report]] = lambda reader: reader.reports(newest)  # noqa: E731
        self._queries.run(read, self._take, slot="log")

    def _take(self, reports: list[Report]) -> None:
        self.model.add(reports, {row.id: row.name for row in self._state.sessions})
        self._pages.setCurrentIndex(1 if self.model.rowCount() else 0)


def lines_of(text: str, font: QFont, room: int) -> list[str]:
    """A reason as it stands in `room` pixels, on three lines at most; the last one holds all the rest."""
    layout = QTextLayout(text, font)
    lines: list[str] = []
    layout.beginLayout()
    while len(lines) < _MOST_LINES and (line := layout.createLine()).isValid():
        line.setLineWidth(max(room, 1))
        start = line.textStart()
        lines.append(text[start:] if len(lines) == _MOST_LINES - 1 else text[start : start + line.textLength()])
    layout.endLayout()
    return lines


class _Delegate(CellDelegate):
    """Paints the cells: plain text, what is lost with a mark of its colour, a reason on as many lines as it takes."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        width = QFontMetrics(theme.ui_font()).horizontalAdvance(str(index.data())) + 2 * CELL_PAD
        return QSize(int(width + _MARK) if index.column() == Column.KIND else width, _ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        tokens = theme.current()
        column = index.column()
        self.begin(painter, option, index)
        rect = QRectF(option.rect).adjusted(CELL_PAD, 0, -CELL_PAD, 0)
        if column == Column.DETAIL:
            painter.setPen(tokens.text)
            self._reason(painter, rect.toRect(), str(index.data()))
            painter.restore()
            return
        rect.setHeight(_ROW_HEIGHT)  # beside the first line of the reason
        if column == Column.KIND:
            kind = index.data(ReportRole).kind
            sign = {"filled": tokens.success, "connection": tokens.warn}.get(kind, tokens.error)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(sign)
            painter.drawRoundedRect(QRectF(rect.left(), rect.center().y() - _DOT / 2, _DOT, _DOT), 2, 2)
            rect.setLeft(rect.left() + _MARK)
        painter.setPen(tokens.dim if column in (Column.TIME, Column.SESSION) else tokens.text)
        text = painter.fontMetrics().elidedText(str(index.data()), Qt.TextElideMode.ElideRight, int(rect.width()) + 1)
        side = Qt.AlignmentFlag.AlignRight if column == Column.COUNT else Qt.AlignmentFlag.AlignLeft
        painter.drawText(rect, int(side | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine), text)
        painter.restore()

    def _reason(self, painter: QPainter, rect: QRect, text: str) -> None:
        """Draw a reason's lines; the last that there is room for ends in an ellipsis if there are more."""
        metrics = painter.fontMetrics()
        base = rect.top() + (_ROW_HEIGHT - metrics.lineSpacing()) / 2 + metrics.ascent()
        for number, line in enumerate(lines_of(text, painter.font(), rect.width())):
            said = metrics.elidedText(line, Qt.TextElideMode.ElideRight, rect.width() + 1)
            painter.drawText(QPointF(rect.left(), base + number * metrics.lineSpacing()), said)
