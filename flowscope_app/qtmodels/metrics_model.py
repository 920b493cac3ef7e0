"""Metrics as a sortable table of items."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from flowscope_app.analysis.metrics import Grouping, Metrics
from flowscope_app.base import format as fmt
from flowscope_app.spans.kinds import Kind

Index = QModelIndex | QPersistentModelIndex

KindRole = Qt.ItemDataRole.UserRole + 1
ShareRole = Qt.ItemDataRole.UserRole + 2  # of the greatest share, 0..1
_LABEL = 200  # characters


class Column(IntEnum):
    """What is measured."""

    NAME = 0
    CALLS = 1
    ERRORS = 2
    RATE = 3
    ABANDONED = 4
    P50 = 5
    P95 = 6
    P99 = 7
    TOTAL = 8
    SELF = 9
    SHARE = 10
    TOKENS_IN = 11
    TOKENS_OUT = 12
    COST = 13


_TITLES = {
    Column.CALLS: ("Calls", "How many there were, running ones too"),
    Column.ERRORS: ("Errors", "How many of them failed"),
    Column.RATE: ("Error rate", "Errors by calls"),
    Column.ABANDONED: ("∅", "How many of them were abandoned: their program ended without closing them"),
    Column.P50: ("p50", "Half of the finished calls took no longer"),
    Column.P95: ("p95", "95 of 100 finished calls took no longer"),
    Column.P99: ("p99", "99 of 100 finished calls took no longer"),
    Column.TOTAL: ("Total", "The time of all calls, what they called included"),
    Column.SELF: ("Self", "The time of all calls without what they called"),
    Column.SHARE: ("Share of self", "The part this has in all self time"),
    Column.TOKENS_IN: ("Tokens in", "Input tokens of all calls"),
    Column.TOKENS_OUT: ("Tokens out", "Output tokens of all calls"),
    Column.COST: ("Cost", "What the calls cost by their models' list prices, in US dollars"),
}
_NAMES: dict[Grouping, tuple[str, str]] = {
    "operation": ("Operation", "What was called"),
    "model": ("Model", "Which model"),
    "framework": ("Framework", "Through which framework"),
    "program": ("Program", "Which program made the calls"),
}


class MetricsModel(QAbstractTableModel):
    """One row a group, by most self time first until sorted otherwise."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._metrics: Metrics | None = None
        self._labels: list[str] = []
        self._order: NDArray[np.intp] = np.empty(0, np.intp)
        self._column = Column.SELF
        self._descending = True
        self.costed = True  # whether costs are worked out yet
        self.merged = False  # whether the errors' column tells their rate too

    def take(self, metrics: Metrics, names: dict[int, str]) -> None:
        """Show new figures; `names` are those of the groups. Where the rows stay, only their figures change."""
        labels = [names.get(group, "") for group in metrics.group.tolist()]
        order = self._ordered(metrics, labels)
        old = self._metrics
        stays = old is not None and old.grouping == metrics.grouping and len(order) == len(self._order)
        if stays and old is not None and (old.group[self._order] == metrics.group[order]).all():
            self._metrics, self._labels, self._order = metrics, labels, order
            if len(order):
                self.dataChanged.emit(self.index(0, 0), self.index(len(order) - 1, len(Column) - 1))
            return
        self.beginResetModel()
        self._metrics, self._labels, self._order = metrics, labels, order
        self.endResetModel()
        if old is None or old.grouping != metrics.grouping:
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, 0)

    def group(self, row: int) -> int:
        """The number that the metrics give the group in a row."""
        assert self._metrics is not None
        return int(self._metrics.group[self._order[row]])

    def row_of_group(self, group: int) -> int:
        """The row of a group, or -1."""
        return next((row for row in range(len(self._order)) if self.group(row) == group), -1)

    @property
    def sorted_by(self) -> Column:
        """The column that rows are in order of."""
        return self._column

    @property
    def any_abandoned(self) -> bool:
        """Whether there is a call that its program did not close."""
        return self._metrics is not None and bool(self._metrics.abandoned.any())

    @property
    def unpriced(self) -> int:
        """How many calls used tokens at an unknown price."""
        return 0 if self._metrics is None else int(self._metrics.unpriced.sum())

    def clear(self) -> None:
        """Show nothing."""
        self.beginResetModel()
        self._metrics, self._labels, self._order = None, [], np.empty(0, np.intp)
        self.endResetModel()

    def name(self, row: int) -> str:
        """The full name of the group in a row."""
        return self._labels[int(self._order[row])]

    def row_of(self, name: str) -> int:
        """The row of a name, or -1."""
        return next((row for row in range(len(self._order)) if self.name(row) == name), -1)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._column, self._descending = Column(column), order == Qt.SortOrder.DescendingOrder
        if self._metrics is not None:
            self.beginResetModel()
            self._order = self._ordered(self._metrics, self._labels)
            self.endResetModel()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(Column) - 1)

    def sort_by(self, column: int) -> None:
        """Sort as a click on the column's head asks: most first, names from A; again, the other way round."""
        again = column == self._column
        descending = not self._descending if again else column != Column.NAME
        self.sort(column, Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder)

    def _ordered(self, metrics: Metrics, labels: list[str]) -> NDArray[np.intp]:
        """Sort by the chosen column, equal ones by name; what is unknown comes last either way."""
        by_name = np.array(sorted(range(len(labels)), key=lambda at: labels[at].casefold()), np.intp)
        if self._column == Column.NAME:
            return by_name[::-1] if self._descending else by_name
        values = np.asarray(_values(metrics, self._column), float)[by_name]
        values = np.where(np.isnan(values), np.inf, -values if self._descending else values)
        return by_name[np.argsort(values, kind="stable")]

    # What Qt asks.

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(Column):
            return None
        if section == Column.NAME:
            grouping: Grouping = self._metrics.grouping if self._metrics is not None else "operation"
            title, tip = _NAMES[grouping]
        else:
            title, tip = _TITLES[Column(section)]
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{title} {'↓' if self._descending else '↑'}" if section == self._column else title
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip
        return _alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self._metrics is None or not index.isValid() or index.row() >= len(self._order):
            return None
        at, column = int(self._order[index.row()]), Column(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(at, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(filter(None, (self._text(at, column), self._tip(at, column))))
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(at, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == KindRole:
            kind = int(self._metrics.kind[at])
            return Kind(kind) if 0 <= kind < len(Kind) else Kind.OTHER
        if role == ShareRole:
            return float(self._metrics.share[at] / max(self._metrics.share.max(), 1e-12))
        return None

    def _text(self, at: int, column: Column) -> str:
        if column == Column.NAME:
            return fmt.one_line(self._labels[at], _LABEL) or "(no name)"
        assert self._metrics is not None
        value = _values(self._metrics, column)[at]
        if column == Column.COST:
            return self._cost(at)
        if column == Column.ERRORS and self.merged and value:
            return f"{fmt.count(int(value))} · {_percent(float(_values(self._metrics, Column.RATE)[at]))}"
        if column == Column.ABANDONED:
            return f"{fmt.count(int(value))} ∅" if value else "–"
        if column in (Column.P50, Column.P95, Column.P99):
            return "–" if math.isnan(value) else fmt.duration(round(value))
        if column in (Column.TOTAL, Column.SELF):
            return fmt.duration(int(value))
        if column in (Column.RATE, Column.SHARE):
            return _percent(float(value))
        return fmt.count(int(value)) if value or column == Column.CALLS else "–"

    def _cost(self, at: int) -> str:
        assert self._metrics is not None
        cost, unpriced = float(self._metrics.cost[at]), int(self._metrics.unpriced[at])
        if not self.costed:
            return "…" if self._metrics.tokens_in[at] or self._metrics.tokens_out[at] else "–"
        if math.isnan(cost):
            return "unknown" if unpriced else "–"
        return f"≥ {fmt.dollars(cost)}" if unpriced else fmt.dollars(cost)

    def _tip(self, at: int, column: Column) -> str:
        """What a cell can't say in its few characters; "" where there is nothing."""
        assert self._metrics is not None
        unpriced = int(self._metrics.unpriced[at])
        if column != Column.COST or not unpriced:
            return ""
        return unpriced_text(unpriced)


def unpriced_text(calls: int) -> str:
    """How many calls have no known price, in words."""
    return "1 call of unknown price" if calls == 1 else f"{fmt.count(calls)} calls of unknown price"


def _percent(share: float) -> str:
    if share == 0:
        return "–"
    return "< 0.1 %" if share < 0.001 else f"{share * 100:.1f} %" if share < 0.9995 else "100 %"


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column == Column.NAME else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter


def _values(metrics: Metrics, column: Column) -> NDArray[Any]:
    columns: dict[Column, NDArray[Any]] = {
        Column.CALLS: metrics.calls,
        Column.ERRORS: metrics.errors,
        Column.RATE: metrics.error_rate,
        Column.ABANDONED: metrics.abandoned,
        Column.P50: metrics.p50,
        Column.P95: metrics.p95,
        Column.P99: metrics.p99,
        Column.TOTAL: metrics.total,
        Column.SELF: metrics.self_time,
        Column.SHARE: metrics.share,
        Column.TOKENS_IN: metrics.tokens_in,
        Column.TOKENS_OUT: metrics.tokens_out,
        Column.COST: metrics.cost,
    }
    return columns[column]
