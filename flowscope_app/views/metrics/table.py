"""The table of figures: as many columns as there is room for, the most telling ones first."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from flowscope_app.qtmodels.metrics_model import Column, MetricsModel
from flowscope_app.views.common.plain import describe
from flowscope_app.views.metrics.delegate import MetricsDelegate

_ROW_HEIGHT = 26
_WIDTHS = {
    Column.CALLS: 64,
    Column.ERRORS: 66,
    Column.RATE: 84,
    Column.ABANDONED: 56,
    Column.SHARE: 126,
    Column.TOKENS_IN: 92,
    Column.TOKENS_OUT: 96,
    Column.COST: 86,
}
_WIDTH = 72  # of the other figures
_MERGED = 92  # of errors that tell their rate too
_LEAST_NAME = 112
_GOOD_NAME = 180
# What goes first where there is no room; what is sorted by stays.
_DROPPED = (
    Column.ABANDONED, Column.SHARE, Column.P99, Column.TOTAL, Column.RATE, Column.TOKENS_OUT, Column.TOKENS_IN,
    Column.P50, Column.P95, Column.COST, Column.ERRORS,
)  # fmt: skip


class MetricsTable(QTableView):
    """A table whose rows are chosen by a click or by Enter; Escape leaves the current row."""

    chosen = Signal(int)
    current_changed = Signal()

    def __init__(self, model: MetricsModel) -> None:
        super().__init__()
        self._metrics = model
        self._fitted: tuple[int, frozenset[Column]] = (-1, frozenset())
        self.clicked.connect(lambda index: self.chosen.emit(index.row()))
        self.setModel(model)
        self.setItemDelegate(MetricsDelegate(_ROW_HEIGHT, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setMouseTracking(True)
        self.setCornerButtonEnabled(False)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        describe(self, "Metrics", "A click or Enter shows only what is in that row; again, all")
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(48)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionsClickable(True)  # the model writes the arrow: Qt's own covers a narrow title
        self.selectionModel().currentRowChanged.connect(lambda *_: self.current_changed.emit())
        model.modelReset.connect(self.fit)
        model.headerDataChanged.connect(lambda *_: self.fit())

    def shown_columns(self) -> list[Column]:
        """The columns there is room for, in order."""
        return [column for column in Column if not self.isColumnHidden(column)]

    def fit(self) -> None:
        """Show as many columns as there is room for."""
        room = self.viewport().width()
        hidden = self._hidden(room)
        if (room, hidden) == self._fitted:
            return
        self._fitted = room, hidden
        self._metrics.merged = Column.RATE in hidden
        figures = 0
        for column in list(Column)[1:]:
            width = _width(column, merged=self._metrics.merged)
            self.setColumnHidden(column, column in hidden)
            self.setColumnWidth(column, width)
            figures += 0 if column in hidden else width
        self.setColumnWidth(Column.NAME, max(room - figures, _LEAST_NAME))
        self.updateGeometries()  # the scroll bar goes by the old widths otherwise

    def _hidden(self, room: int) -> frozenset[Column]:
        hidden: set[Column] = set()
        if not self._metrics.any_abandoned:
            hidden.add(Column.ABANDONED)
        for column in _DROPPED:
            merged = Column.RATE in hidden
            figures = sum(_width(one, merged=merged) for one in list(Column)[1:] if one not in hidden)
            if figures + (_LEAST_NAME if merged else _GOOD_NAME) <= room:
                break
            if column != self._metrics.sorted_by:
                hidden.add(column)
        return frozenset(hidden)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.chosen.emit(self.currentIndex().row())
        elif event.key() == Qt.Key.Key_Escape and self.currentIndex().isValid():
            self.selectionModel().clear()
        else:
            super().keyPressEvent(event)


def _width(column: Column, *, merged: bool) -> int:
    return _MERGED if merged and column == Column.ERRORS else _WIDTHS.get(column, _WIDTH)
