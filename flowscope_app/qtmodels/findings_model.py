"""Findings as a list of items, each with the spans that show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from flowscope_app.analysis.calls import with_notes
from flowscope_app.analysis.findings import Finding, clocks_apart, find
from flowscope_app.analysis.findings.dependence import needs
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.base import format as fmt
from flowscope_app.spans.notes import Notes
from flowscope_app.spans.table import Track
from flowscope_app.store.reader import StoreReader

Index = QModelIndex | QPersistentModelIndex
FoundRole = Qt.ItemDataRole.UserRole + 1

_LINE = 220  # characters of a title, which holds names out of the trace
_PAIRS = 12  # of calls one after the other that are read to tell whether one needed the other


@dataclass(frozen=True)
class Found:
    """A finding with the store's keys of its spans, in its order."""

    finding: Finding
    keys: NDArray[np.int64]
    at: int = -1  # which of them was shown last

    @property
    def identity(self) -> tuple[str, int]:
        """The same for a finding that has grown."""
        return self.finding.rule, int(self.keys[0])

    @property
    def lost(self) -> str:
        """What it costs, in short; "" where that is not known."""
        parts = []
        if self.finding.lost_usd > 0:
            parts.append(fmt.dollars(self.finding.lost_usd))
        if self.finding.lost_ns > 0:
            parts.append(fmt.duration(self.finding.lost_ns))
        return "  ".join(parts)

    @property
    def spans(self) -> str:
        """How many spans show it, and which of them is shown."""
        count = len(self.keys)
        if self.at >= 0 and count > 1:
            return f"{fmt.count(self.at + 1)} of {fmt.count(count)}"
        return "1 span" if count == 1 else f"{fmt.count(count)} spans"


def look(snapshot: Snapshot, notes: Notes, tracks: Mapping[int, Track]) -> list[Found]:
    """What there is to see in a session; first what makes its times look odd."""
    findings = [*clocks_apart(snapshot, tracks), *find(with_notes(snapshot, notes))]
    return [Found(finding, snapshot.key[finding.rows]) for finding in findings]


def independent(reader: StoreReader, found: Found) -> bool:
    """Whether most neighbours among a finding's calls do not need one another's answers, by what they say."""
    needed = looked_at = 0
    for one, other in zip(found.keys[:_PAIRS].tolist(), found.keys[1 : _PAIRS + 1].tolist(), strict=False):
        before, after = reader.payload(one), reader.payload(other)
        if before is not None and after is not None:
            looked_at += 1
            needed += needs(before.output, after.input)
    return needed * 2 < max(looked_at, 1)


class FindingsModel(QAbstractListModel):
    """One row a finding, first things first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._found: list[Found] = []

    def take(self, found: list[Found]) -> None:
        """Show these instead; where one was stepped through, it goes on from there."""
        at = {one.identity: one.at for one in self._found}
        self.beginResetModel()
        self._found = [Found(one.finding, one.keys, at.get(one.identity, -1)) for one in found]
        self.endResetModel()

    def found(self, row: int) -> Found:
        """The finding of a row."""
        return self._found[row]

    def row_of(self, identity: tuple[str, int]) -> int:
        """The row of a finding, -1 if it is not there any more."""
        return next((row for row, one in enumerate(self._found) if one.identity == identity), -1)

    def step(self, row: int, by: int = 1) -> int:
        """Go to a finding's next span, or another; the span's key. After the last comes the first."""
        found = self._found[row]
        at = (found.at + by) % len(found.keys) if found.at >= 0 else 0
        self._found[row] = Found(found.finding, found.keys, at)
        index = self.index(row)
        self.dataChanged.emit(index, index)
        return int(found.keys[at])

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._found)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._found):
            return None
        found = self._found[index.row()]
        if role == FoundRole:
            return found
        if role == Qt.ItemDataRole.DisplayRole:
            return fmt.one_line(found.finding.title, _LINE)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            told = (found.finding.concern, found.finding.title, found.finding.advice, found.lost, found.spans)
            return fmt.one_line(". ".join(part for part in told if part), 3 * _LINE)
        return None
