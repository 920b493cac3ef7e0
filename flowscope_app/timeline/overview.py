"""How busy a session was over time: a histogram of the work under way, by kind, with errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.index import Int64
from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.spans.table import NO_END, SpanTable
from flowscope_app.timeline.drawlist import Mask

_KINDS = max(Kind) + 1


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


def density(table: SpanTable, t0: int, t1: int, columns: int, now: int, mask: Mask | None = None) -> Density:
    """Count the work in `columns` equal parts of `t0..t1` (ns).

    Only spans without children count, and failed ones: that a parent waits for its children is not work.
    """
    leaf = np.ones(table.n, np.bool_)
    leaf[table.parent[table.parent >= 0]] = False
    if mask is not None:
        leaf &= mask
    rows = np.flatnonzero(leaf)
    scale = columns / max(t1 - t0, 1)
    start = np.asarray(np.clip((table.start[rows] - t0) * scale, 0, columns), np.float64)
    end = table.end[rows]
    end = np.where(end == NO_END, now, end)
    stop = np.asarray(np.clip((end - t0) * scale, start, columns), np.float64)
    kind = np.clip(table.kind[rows], 0, _KINDS - 1).astype(np.int64)
    busy = _coverage(start, stop, kind, columns)
    failed = table.status == Status.ERROR
    if mask is not None:
        failed = failed & mask
    errors = _starts(table.start[failed], t0, scale, columns)
    started = _starts(table.start[np.flatnonzero(leaf | failed)], t0, scale, columns)
    return Density(t0, t1, busy, started, errors)


def _starts(start: Int64, t0: int, scale: float, columns: int) -> NDArray[np.int64]:
    at = ((start - t0) * scale).astype(np.int64)
    return np.bincount(at[(at >= 0) & (at < columns)], minlength=columns)


def _coverage(
    start: NDArray[np.float64], end: NDArray[np.float64], kind: NDArray[np.int64], columns: int
) -> NDArray[np.float64]:
    """Mean number of intervals over each column, by kind: the integral of the count, differenced."""
    width = columns + 2
    first, last = start.astype(np.int64), end.astype(np.int64)
    size = _KINDS * width
    # An interval adds (c + 1 - start) to column c where it starts, 1 to each after it, and takes it back at its end.
    rise = np.bincount(kind * width + first, weights=first + 1 - start, minlength=size)
    rise += np.bincount(kind * width + first + 1, weights=start - first, minlength=size)[:size]
    rise -= np.bincount(kind * width + last, weights=last + 1 - end, minlength=size)
    rise -= np.bincount(kind * width + last + 1, weights=end - last, minlength=size)[:size]
    return np.clip(np.cumsum(rise.reshape(_KINDS, width), axis=1)[:, :columns], 0, None)
