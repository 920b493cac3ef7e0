"""Calls from one track to another: which of them are seen in a viewport."""

from __future__ import annotations

import numpy as np

from flowscope_app.spans.index import Int64, Rows
from flowscope_app.spans.table import Applied
from flowscope_app.timeline.grouping import Groups
from flowscope_app.timeline.layout import Columns, Layout
from flowscope_app.timeline.viewport import Viewport


class Links:
    """Rows whose parent lies on another track, by start."""

    def __init__(self, groups: Groups, columns: Columns | None = None) -> None:
        self._groups, self._table = groups, groups.table
        self._rows: Rows = np.empty(0, np.int32)
        self._starts: Int64 = np.empty(0, np.int64)
        self._n = 0
        self._own: tuple[tuple[int, ...], set[int]] = (), set()  # what `of` found last
        columns = columns or Columns.of(groups)
        self._n = len(columns.start)
        # `up` is the parent on the same track, if there is one
        other = (columns.parent >= 0) & (columns.parent < self._n) & (columns.up < 0)
        rows = np.flatnonzero(other).astype(np.int32)
        order = np.argsort(columns.start[rows], kind="stable")
        self._rows, self._starts = rows[order], columns.start[rows[order]]

    def apply(self, applied: Applied) -> None:
        """Follow what a delta did to the table: other rows than those it names are as they were."""
        self._own = (), set()
        table, touched = self._table, np.union1d(applied.changed, applied.reparented)
        stay = np.isin(self._rows, touched, invert=True)
        if not stay.all():
            self._rows, self._starts = self._rows[stay], self._starts[stay]
        self._put(np.concatenate((touched, np.arange(self._n, table.n))).astype(np.int32))
        self._n = table.n

    def _put(self, rows: Rows) -> None:
        """Add those of some rows whose parent lies on another track."""
        table = self._table
        parent = table.parent[rows]
        rows = rows[(parent >= 0) & (self._groups.of(parent) != self._groups.of(rows))]
        if not len(rows):
            return
        rows = np.concatenate((self._rows, rows))
        starts = table.start[rows]
        order = np.argsort(starts, kind="stable")
        self._rows, self._starts = rows[order], starts[order]

    def __len__(self) -> int:
        return len(self._rows)

    def of(self, rows: tuple[int, ...], *, most: int = 200) -> set[int]:
        """Children of the calls that begin or end at one of `rows`, the first `most` of them."""
        if self._own[0] == rows:
            return self._own[1]
        found: set[int] = set()
        for row in rows:
            if 0 <= row < self._n:
                under = self._rows[self._table.parent[self._rows] == row] if len(self._rows) else self._rows
                found.update(under[:most].tolist())
                parent = int(self._table.parent[row])
                own, above = self._groups.of(np.array([row, parent], np.int32)).tolist()
                if parent >= 0 and own != above:
                    found.add(row)
        self._own = rows, found
        return found

    def seen(self, layout: Layout, lanes: set[int], view: Viewport, *, most: int = 64) -> Rows:
        """Children in the viewport with both ends in `lanes`; none at all where there are too many to tell apart."""
        a, b = self._starts.searchsorted(np.array([view.t0, view.t1], np.int64)).tolist()
        if b - a > 16 * most:
            return self._rows[:0]
        rows = self._rows[a:b]
        parents = self._table.parent[rows]
        both = [
            layout.lane_of(child) in lanes and layout.lane_of(parent) in lanes
            for child, parent in zip(rows.tolist(), parents.tolist(), strict=True)
        ]
        rows = rows[np.array(both, np.bool_)]
        return rows if len(rows) <= most else rows[:0]
