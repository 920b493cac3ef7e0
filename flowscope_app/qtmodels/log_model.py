"""What the collector refused, dropped or missed, newest first, as a table of items."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from flowscope_app.base import format as fmt
from flowscope_app.spans.rows import Report

Index = QModelIndex | QPersistentModelIndex

ReportRole = Qt.ItemDataRole.UserRole + 1
MAX_REPORTS = 1_000  # the store keeps no more either
_DETAIL = 300  # characters
WORDS = {
    "refused": "Refused",
    "dropped": "Dropped",
    "gap": "Missing",
    "filled": "Came after all",
    "connection": "Connection refused",
    "limited": "Slowed down",
    "claimed": "Id used twice",
}


class Column(IntEnum):
    """What a report says."""

    TIME = 0
    KIND = 1
    COUNT = 2
    SESSION = 3
    DETAIL = 4


_TITLES = ("Time", "What", "How many", "Session", "Why")


class LogModel(QAbstractTableModel):
    """One row a report. All texts are of one bounded line."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reports: list[Report] = []
        self._names: Mapping[str, str] = {}

    @property
    def newest(self) -> int:
        """The key of the newest report, 0 if there is none."""
        return self._reports[0].key if self._reports else 0

    def add(self, reports: Sequence[Report], names: Mapping[str, str]) -> None:
        """Take newer reports, oldest first; `names` are the sessions' by id."""
        self._names = names
        new = [report for report in reports if report.key > self.newest][::-1][:MAX_REPORTS]
        if new:
            self.beginInsertRows(QModelIndex(), 0, len(new) - 1)
            self._reports[:0] = new
            self.endInsertRows()
        if len(self._reports) > MAX_REPORTS:
            self.beginRemoveRows(QModelIndex(), MAX_REPORTS, len(self._reports) - 1)
            del self._reports[MAX_REPORTS:]
            self.endRemoveRows()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._reports)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(Column):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        return _alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._reports):
            return None
        report = self._reports[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._text(report, index.column())
        if role == ReportRole:
            return report
        return _alignment(index.column()) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def _text(self, report: Report, column: int) -> str:
        if column == Column.TIME:
            day, clock = fmt.when(report.time_ns, time.time_ns()), fmt.clock(report.time_ns)
            return clock if ":" in day else f"{day} {clock}"
        if column == Column.KIND:
            return WORDS.get(report.kind, fmt.one_line(report.kind, 40))
        if column == Column.COUNT:
            return fmt.count(report.count)
        if column == Column.SESSION:
            return fmt.one_line(self._names.get(report.session) or report.session or "–", 80)
        return fmt.one_line(report.detail, _DETAIL)


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column == Column.COUNT else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
