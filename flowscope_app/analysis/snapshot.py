"""The columns of a session as they are at one moment, for work off the GUI thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.table import NO_END, SpanTable

Int = NDArray[np.int64]
Int32 = NDArray[np.int32]
Int8 = NDArray[np.int8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Snapshot:
    """Columns of length `n`, one row a span; times in ns. Costs no copy but for the ends and the parents.

    The table may replace rows in place while a worker reads: a figure can then be one update behind, and the
    update's own signal asks for it again.
    """

    key: Int
    start: Int
    end: Int  # those of pending spans at `now`; never before the start
    op: Int32
    model: Int32
    framework: Int32
    track: Int32  # key into the table's tracks
    parent: Int32  # a row of this snapshot, or -1
    strand: Int32  # the track it is drawn on
    kind: Int8
    status: Int8
    tokens_in: Int32
    tokens_out: Int32
    pending: Mask
    names: dict[int, str]
    now: int

    @staticmethod
    def of(table: SpanTable, now: int) -> Snapshot:
        """The table as it is; `now` (ns) ends what is pending."""
        n = table.n
        # A parent that arrives while we work has a row beyond ours.
        parent = np.where(table.parent[:n] < n, table.parent[:n], np.int32(-1))
        end = table.end_or(now)[:n]
        return Snapshot(
            key=table.key[:n],
            start=table.start[:n],
            end=np.maximum(end, table.start[:n]),
            op=table.op[:n],
            model=table.model[:n],
            framework=table.framework[:n],
            track=table.track[:n],
            parent=parent,
            strand=table.strand[:n],
            kind=table.kind[:n],
            status=table.status[:n],
            tokens_in=table.tokens_in[:n],
            tokens_out=table.tokens_out[:n],
            pending=table.end[:n] == NO_END,
            names=table.names,
            now=now,
        )

    @property
    def n(self) -> int:
        """How many spans there are."""
        return len(self.key)

    def overlapping(self, first: int, last: int) -> Mask:
        """Which spans have a moment in common with `first`..`last` (ns)."""
        return (self.start <= last) & (self.end >= first)

    def matching(self, mask: Mask | None) -> Mask:
        """A filter's mask, or all where there is none; spans that the filter has not seen yet do not match."""
        matching = np.zeros(self.n, bool)
        if mask is None:
            matching[:] = True
        else:
            matching[: len(mask)] = mask[: self.n]
        return matching
