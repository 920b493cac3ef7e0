"""The metrics' tab: follows session, time range and filter; a click filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from flowscope_app import theme
from flowscope_app.analysis.metrics import Grouping, Metrics, measure
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.base import format as fmt
from flowscope_app.qtmodels.background import Background
from flowscope_app.qtmodels.metrics_model import Column, MetricsModel
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans import query
from flowscope_app.views.common.empty_state import EmptyState
from flowscope_app.views.common.labels import PlainLabel
from flowscope_app.views.common.plain import describe
from flowscope_app.views.common.switch import Switch
from flowscope_app.views.metrics.delegate import MetricsDelegate

if TYPE_CHECKING:
    from flowscope_app.qtmodels.queries import Queries

_ROW_HEIGHT = 26
_WIDTHS = {
    Column.CALLS: 58,
    Column.ERRORS: 60,
    Column.RATE: 80,
    Column.ABANDONED: 56,
    Column.SHARE: 126,
    Column.TOKENS_IN: 84,
    Column.TOKENS_OUT: 90,
}
_WIDTH = 70  # of the other figures
_LEAST_NAME = 180  # a narrower window scrolls sideways


class _Table(QTableView):
    """A table whose rows are chosen by a click or by Enter."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.clicked.connect(lambda index: self.chosen.emit(index.row()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        figures = sum(self.columnWidth(column) for column in list(Column)[1:])
        self.setColumnWidth(Column.NAME, max(self.viewport().width() - figures, _LEAST_NAME))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.chosen.emit(self.currentIndex().row())
        else:
            super().keyPressEvent(event)


class MetricsView(QWidget):
    """Figures per operation or model. `corner` is the switch for the right end of the tab bar."""

    def __init__(self, state: ViewState, _queries: Queries | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._stale = True
        self._work: Background[tuple[Metrics, dict[int, str]]] = Background(self)
        self._work.done.connect(self._show)
        self.corner = Switch("Metrics", ("by operation", "by model"))
        self.corner.chosen.connect(lambda: self._refresh(at_once=True))
        self.model = MetricsModel(self)
        self.table = _Table()
        self.table.chosen.connect(self._filter)
        self._note = PlainLabel(role="dim")
        self._note.setContentsMargins(12, 4, 12, 6)
        self._empty = EmptyState()
        self._build()
        state.session_changed.connect(self._reset)
        for signal in (state.table_changed, state.filter_changed, state.range_changed):
            signal.connect(self._changed)
        theme.signals().changed.connect(self.table.viewport().update)
        self._reset()

    def _build(self) -> None:
        table = self.table
        table.setModel(self.model)
        table.setItemDelegate(MetricsDelegate(_ROW_HEIGHT, table))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setMouseTracking(True)
        table.setCornerButtonEnabled(False)
        table.setTabKeyNavigation(False)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        describe(table, "Metrics", "A click or Enter shows only that operation or model; again, all")
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(48)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        for column in list(Column)[1:]:
            table.setColumnWidth(column, _WIDTHS.get(column, _WIDTH))
        header.setSectionsClickable(True)
        header.sectionClicked.connect(self._sort)  # the model writes the arrow: Qt's own covers a narrow title
        self._lay_out()

    def _lay_out(self) -> None:
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.table, 1)
        column.addWidget(self._note)
        self._pages = QStackedLayout()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(shown)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addStretch(1)
        head.addWidget(self.corner)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(head)
        whole.addLayout(self._pages, 1)
        self.setFocusProxy(self.table)
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    @property
    def idle(self) -> bool:
        """Whether the figures are as new as what they were made from."""
        return self._work.idle

    @property
    def note(self) -> str:
        """What is said below the figures of what they are of."""
        return self._note.text()

    @property
    def says(self) -> str:
        """What is said instead of a table, "" while there is one."""
        return "" if self._pages.currentIndex() else self._empty.title()

    @property
    def grouping(self) -> Grouping:
        """What a row is."""
        return "model" if self.corner.choice else "operation"

    def _reset(self) -> None:
        """Another session."""
        self._work.forget()
        self.model.clear()
        self._refresh(at_once=True)

    def _changed(self, _what: object = None) -> None:
        self._refresh()

    def _refresh(self, *, at_once: bool = False) -> None:
        """Ask for new figures; a hidden tab waits until it is seen."""
        if self._state.table.n == 0:
            self._say_empty()
        elif not self.isVisible():
            self._stale = True
        else:
            self._stale = False
            self._work.ask(self._prepare, at_once=at_once)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._refresh(at_once=True)

    def _prepare(self) -> Callable[[], tuple[Metrics, dict[int, str]]]:
        state, grouping = self._state, self.grouping
        snapshot, mask = Snapshot.of(state.table, state.now()), state.mask
        span = state.range

        def work() -> tuple[Metrics, dict[int, str]]:
            within = snapshot.matching(mask)
            if span[1] > span[0]:
                within &= snapshot.overlapping(*span)
            return measure(snapshot, grouping, within), dict(snapshot.names)

        return work

    def _show(self, answer: tuple[Metrics, dict[int, str]]) -> None:
        metrics, names = answer
        if metrics.grouping != self.grouping:
            return
        self._keeping(lambda: self.model.take(metrics, names))
        self._tell_range()
        if metrics.n:
            self._pages.setCurrentIndex(1)
        else:
            self._say_empty()

    def _sort(self, column: int) -> None:
        self._keeping(lambda: self.model.sort_by(column))

    def _keeping(self, change: Callable[[], None]) -> None:
        """Change the model; what is current, by its name, and the scroll bar stay."""
        current = self.table.currentIndex()
        name = self.model.name(current.row()) if current.isValid() else None
        scrolled = self.table.verticalScrollBar().value()
        change()
        row = self.model.row_of(name) if name is not None else -1
        if row >= 0:
            self.table.setCurrentIndex(self.model.index(row, 0))
        self.table.verticalScrollBar().setValue(scrolled)

    def _tell_range(self) -> None:
        """Say it where the figures are of a part of the session only."""
        table, (first, last) = self._state.table, self._state.range
        part = last > first and (first > table.origin or last < table.latest)
        self._note.setVisible(part)
        if part:
            shown, whole = fmt.duration(last - first), fmt.duration(table.latest - table.origin)
            self._note.setText(f"Calls in the {shown} that the timeline shows, of {whole}.")

    def _say_empty(self) -> None:
        table = self._state.table
        if self._state.loading:
            self._empty.say("Reading the session …")
        elif table.n and self.grouping == "model" and not table.model.any():
            self._empty.say("No models", "None of the session's calls says which model it used.")
        elif table.n:
            self._empty.say("Nothing to measure", "No span in the timeline's range matches the filter.")
        elif self._state.session is None:
            self._empty.say("No session chosen", "Choose one at the left to see its figures.")
        else:
            self._empty.say("Nothing to measure yet", "Figures appear here as the program makes calls.")
        self._pages.setCurrentIndex(0)

    def _filter(self, row: int) -> None:
        """Let only what is in that row through, or, where that is so already, all."""
        field = "op" if self.grouping == "operation" else "model"
        term = query.term(field, self.model.name(row))
        self._state.set_filter("" if self._state.filter_text == term else term)
