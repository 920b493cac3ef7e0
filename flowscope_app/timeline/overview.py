"""How busy a session was over time: a histogram of the work under way, by kind, with errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.index import Int64, Rows
from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.spans.table import NO_END, SpanTable
from flowscope_app.timeline.drawlist import Mask

_KINDS = max(Kind) + 1
_BLOCK = 1 << 16  # rows at a time: what is worked out about them stays in the processor's cache


@dataclass(frozen=True)
class Density:
    """`busy[k, c]`: spans of kind k at work in column c, on average; `errors[c]` of the `started[c]` there failed."""

    t0: int
    t1: int
    busy: NDArray[np.float64]
    started: NDArray[np.int64]
    errors: NDArray[np.int64]

    @property
    def total(self) -> NDArray[np.float64]:
        """Spans at work in each column, of all kinds."""
        return np.asarray(self.busy.sum(axis=0), np.float64)


@dataclass(frozen=True)
class Work:
    """What of a table is counted, as it is now; to count it in another thread."""

    start: Int64
    end: Int64
    parent: Rows
    kind: NDArray[np.int8]
    status: NDArray[np.int8]
    now: int  # ns, where pending spans end
    mask: Mask | None

    @classmethod
    def of(cls, table: SpanTable, now: int, mask: Mask | None = None) -> Work:
        """Take it off a table, in the thread that owns it."""
        return cls(table.start, table.end, table.parent, table.kind, table.status, now, mask)


def density(work: Work, t0: int, t1: int, columns: int) -> Density:
    """Count the work in `columns` equal parts of `t0..t1` (ns).

    Only spans without children count, and failed ones: that a parent waits for its children is not work.
    """
    n = len(work.start)
    leaf = np.ones(n + 1, np.bool_)  # one more, which -1 points to
    for begin in range(0, n, _BLOCK):
        leaf[np.minimum(work.parent[begin : begin + _BLOCK], n)] = False  # the table may have grown meanwhile
    leaf = leaf[:-1]
    scale = columns / max(t1 - t0, 1)
    rise = np.zeros(_KINDS * (columns + 2), np.float64)
    errors, started = np.zeros(columns, np.int64), np.zeros(columns, np.int64)
    for begin in range(0, n, _BLOCK):
        block = slice(begin, begin + _BLOCK)
        works, failed = leaf[block], work.status[block] == Status.ERROR
        if work.mask is not None:
            works, failed = works & work.mask[block], failed & work.mask[block]
        rows = np.flatnonzero(works) + begin
        start = np.asarray(np.clip((work.start[rows] - t0) * scale, 0, columns), np.float64)
        end = work.end[rows]
        end = np.where(end == NO_END, work.now, end)
        stop = np.asarray(np.clip((end - t0) * scale, start, columns), np.float64)
        kind = np.clip(work.kind[rows], 0, _KINDS - 1).astype(np.int64)
        rise += _rise(start, stop, kind, columns)
        errors += _starts(work.start[block][failed], t0, scale, columns)
        started += _starts(work.start[block][works | failed], t0, scale, columns)
    busy = np.clip(np.cumsum(rise.reshape(_KINDS, columns + 2), axis=1)[:, :columns], 0, None)
    return Density(t0, t1, busy, started, errors)


def _starts(start: Int64, t0: int, scale: float, columns: int) -> NDArray[np.int64]:
    at = ((start - t0) * scale).astype(np.int64)
    return np.bincount(at[(at >= 0) & (at < columns)], minlength=columns)


def _rise(
    start: NDArray[np.float64], end: NDArray[np.float64], kind: NDArray[np.int64], columns: int
) -> NDArray[np.float64]:
    """By how much the number of intervals rises from column to column, by kind: summed up it is their mean number."""
    width = columns + 2
    first, last = start.astype(np.int64), end.astype(np.int64)
    size = _KINDS * width
    # An interval adds (c + 1 - start) to column c where it starts, 1 to each after it, and takes it back at its end.
    rise = np.bincount(kind * width + first, weights=first + 1 - start, minlength=size)
    rise += np.bincount(kind * width + first + 1, weights=start - first, minlength=size)[:size]
    rise -= np.bincount(kind * width + last, weights=last + 1 - end, minlength=size)
    rise -= np.bincount(kind * width + last + 1, weights=end - last, minlength=size)[:size]
    return np.asarray(rise, np.float64)
