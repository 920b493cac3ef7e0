"""Calls from one track to another: which of them are seen in a viewport."""

from __future__ import annotations

import numpy as np

from flowscope_app.spans.index import Int64, Rows
from flowscope_app.spans.table import SpanTable
from flowscope_app.timeline.layout import Layout
from flowscope_app.timeline.viewport import Viewport


class Links:
    """Rows whose parent lies on another track, by start."""

    def __init__(self, table: SpanTable) -> None:
        self._table = table
        self._rows: Rows = np.empty(0, np.int32)
        self._starts: Int64 = np.empty(0, np.int64)
        self.refresh()

    def refresh(self) -> None:
        """Look through the table again, after it changed."""
        table = self._table
        crossing = (table.parent >= 0) & (table.strand[table.parent] != table.strand)
        rows = np.flatnonzero(crossing).astype(np.int32)
        order = np.argsort(table.start[rows], kind="stable")
        self._rows = rows[order]
        self._starts = table.start[self._rows]

    def __len__(self) -> int:
        return len(self._rows)

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
