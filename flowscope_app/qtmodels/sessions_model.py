"""The list of sessions as an item model that keeps its rows, and so the selection, while totals move."""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer

from flowscope_app.base import format as fmt
from flowscope_app.qtmodels.session_costs import SessionCosts
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.rows import SessionRow

Index = QModelIndex | QPersistentModelIndex

SessionRole = Qt.ItemDataRole.UserRole + 1  # the SessionRow
LiveRole = Qt.ItemDataRole.UserRole + 2  # whether it is live
WhenRole = Qt.ItemDataRole.UserRole + 3  # "live", "09:41", "yesterday"

CostRole = Qt.ItemDataRole.UserRole + 4  # "$0.011", "cost ?"; "" while it is not known, or nothing was to pay for

_TICK_MS = 1_000


class SessionsModel(QAbstractListModel):
    """One row a session, newest activity first, as the state has them."""

    def __init__(self, state: ViewState, costs: SessionCosts | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._costs = costs
        if costs is not None:
            costs.changed.connect(self._cost_changed)
        self._rows: list[SessionRow] = []
        self._now = time.time_ns()
        self._live: set[int] = set()
        self.settled = True  # false while rows move, when a view's current row says nothing of the user
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._time_passed)
        state.sessions_changed.connect(self._take)
        self._take()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return fmt.one_line(row.title)
        if role == SessionRole:
            return row
        if role == LiveRole:
            return row.key in self._live
        if role == WhenRole:
            return "live" if row.key in self._live else fmt.when(row.last_ns, self._now)
        cost = self._costs.of(row.key) if self._costs is not None else None
        if role == CostRole:
            return "" if cost is None else cost.short
        if role == Qt.ItemDataRole.ToolTipRole:
            return None if cost is None or not cost.unpriced else cost.spoken.capitalize()
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(row)
        return None

    def row_of(self, key: int | None) -> int:
        """The row of a session's key, or -1."""
        return next((at for at, row in enumerate(self._rows) if row.key == key), -1)

    def _spoken(self, row: SessionRow) -> str:
        parts = [
            fmt.one_line(row.title),
            "live" if row.key in self._live else fmt.when(row.last_ns, self._now),
        ]
        if row.pinned:
            parts.append("pinned")
        parts.append(f"{fmt.count(row.spans)} spans")
        if row.errors:
            parts.append(f"{fmt.count(row.errors)} errors")
        if row.abandoned:
            parts.append(f"{fmt.count(row.abandoned)} abandoned")
        tokens = row.tokens_in + row.tokens_out
        if tokens:
            parts.append(f"{fmt.count(tokens)} tokens")
        cost = self._costs.of(row.key) if self._costs is not None else None
        if cost is not None and cost.spoken:
            parts.append(cost.spoken)
        return ", ".join(parts)

    def _cost_changed(self, key: int) -> None:
        at = self.row_of(key)
        if at >= 0:
            self.dataChanged.emit(self.index(at), self.index(at))

    def _take(self) -> None:
        """Make the rows those of the state, by moves rather than a reset so that the selection stays."""
        wanted = self._state.sessions
        self.settled = False
        self._now = time.time_ns()
        live = {row.key for row in wanted if row.live(self._now)}
        keys = {row.key for row in wanted}
        for at in reversed(range(len(self._rows))):
            if self._rows[at].key not in keys:
                self.beginRemoveRows(QModelIndex(), at, at)
                del self._rows[at]
                self.endRemoveRows()
        for at, row in enumerate(wanted):
            self._put(at, row, row.key in self._live, row.key in live)
        self._live = live
        self.settled = True
        if live:
            self._tick.start()

    def _put(self, at: int, row: SessionRow, was_live: bool, is_live: bool) -> None:
        here = self._rows[at].key if at < len(self._rows) else None
        if here != row.key:
            old = self.row_of(row.key)
            if old < 0:
                self.beginInsertRows(QModelIndex(), at, at)
                self._rows.insert(at, row)
                self.endInsertRows()
                return
            self.beginMoveRows(QModelIndex(), old, old, QModelIndex(), at)
            self._rows.insert(at, self._rows.pop(old))
            self.endMoveRows()
        if self._rows[at] != row or was_live != is_live:
            self._rows[at] = row
            self._live = self._live | {row.key} if is_live else self._live - {row.key}
            self.dataChanged.emit(self.index(at), self.index(at))

    def _time_passed(self) -> None:
        """Sessions stop being live by the clock alone."""
        self._now = time.time_ns()
        live = {row.key for row in self._rows if row.live(self._now)}
        gone, self._live = self._live ^ live, live
        for at, row in enumerate(self._rows):
            if row.key in gone:
                self.dataChanged.emit(self.index(at), self.index(at))
        if not live:
            self._tick.stop()
