"""A session's table as it is at one moment, for another thread to look through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.index import Int64, Rows
from flowscope_app.spans.table import NO_END, SpanTable, Track


@dataclass(frozen=True)
class StillTable:
    """Columns of `n` rows as in `SpanTable`, of which they are no copies; names and tracks are.

    The table may replace rows in place meanwhile: what is found can then be one update behind.
    """

    n: int
    origin: int
    key: Int64
    start: Int64
    end: Int64
    op: Rows
    framework: Rows
    language: Rows
    model: Rows
    track: Rows
    tokens_in: Rows
    tokens_out: Rows
    kind: NDArray[np.int8]
    status: NDArray[np.int8]
    in_order: bool  # whether keys ascend
    names: dict[int, str]
    tracks: dict[int, Track]

    @staticmethod
    def of(table: SpanTable) -> StillTable:
        """Take it, in the thread that owns the table."""
        return StillTable(
            n=table.n,
            origin=table.origin,
            key=table.key,
            start=table.start,
            end=table.end,
            op=table.op,
            framework=table.framework,
            language=table.language,
            model=table.model,
            track=table.track,
            tokens_in=table.tokens_in,
            tokens_out=table.tokens_out,
            kind=table.kind,
            status=table.status,
            in_order=table.in_order,
            names=dict(table.names),
            tracks=dict(table.tracks),
        )

    def rows_of(self, keys: Int64) -> Rows:
        """The row of each of the store's keys, -1 where there is none."""
        if not self.n:
            return np.full(len(keys), -1, np.int32)
        order = None if self.in_order else np.argsort(self.key, kind="stable")
        places = np.minimum(self.key.searchsorted(keys, sorter=order), self.n - 1)
        rows = places if order is None else order[places]
        return np.where(self.key[rows] == keys, rows, -1).astype(np.int32)

    def end_or(self, now: int) -> Int64:
        """Ends of all rows, those of pending ones at `now` (never before their start), ns."""
        return np.where(self.end == NO_END, np.maximum(self.start, now), self.end)
