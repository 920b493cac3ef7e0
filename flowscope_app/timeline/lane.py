"""One lane: spans that never overlap, by start, in arrays that grow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.index import Int64, Rows
from flowscope_app.spans.kinds import Status
from flowscope_app.timeline.lanes import OPEN

Mask = NDArray[np.bool_]

_NEVER = -(1 << 62)


class Lane:
    """Rows of the span table by start, with their starts beside them for searching."""

    __slots__ = (
        "_errors",
        "_kept",
        "_kept_by",
        "_rows",
        "_scanned",
        "_starts",
        "above",
        "below",
        "last_end",
        "last_start",
        "n",
        "track",
    )

    def __init__(self, track: int, above: int, rows: Rows | None = None, starts: Int64 | None = None) -> None:
        self.track = track
        self.above = above  # number of the lane it hangs below, or -1
        self.below: list[int] = []
        self._rows: Rows = rows if rows is not None else np.empty(4, np.int32)
        self._starts: Int64 = starts if starts is not None else np.empty(4, np.int64)
        self.n = 0 if rows is None else len(rows)
        self.last_start = self.last_end = _NEVER
        self._errors: Rows = np.empty(0, np.int32)
        self._scanned = 0
        self._kept_by: Mask | None = None  # the filter's mask that `_kept` is of
        self._kept: tuple[Rows, Rows] = (self._errors, self._errors)

    @property
    def rows(self) -> Rows:
        """Rows of the table, by start."""
        return self._rows[: self.n]

    @property
    def starts(self) -> Int64:
        """Starts of those rows, ns."""
        return self._starts[: self.n]

    def set_last(self, end: int) -> None:
        """Say when the last span ends, ns (`OPEN` while it is pending)."""
        self.last_start = int(self._starts[self.n - 1]) if self.n else _NEVER
        self.last_end = end if self.n else _NEVER

    def position(self, start: int) -> int:
        """Where a span of that start would stand."""
        return int(self.starts.searchsorted(start))

    def fits(self, start: int, end: int, ends: Int64) -> bool:
        """Whether `start..end` meets nothing here; `ends` are the table's ends (-1 while pending)."""
        if start >= self.last_end:
            return True
        if start >= self.last_start:
            return False
        at = self.position(start)
        if at < self.n and int(self._starts[at]) < end:
            return False
        return at == 0 or closed(int(self._starts[at - 1]), int(ends[self._rows[at - 1]])) <= start

    def add(self, row: int, start: int, end: int) -> None:
        """Put a span that fits in its place."""
        if self.n == len(self._rows):
            room = max(8, self.n + self.n // 2)
            self._rows, self._starts = np.resize(self._rows, room), np.resize(self._starts, room)
        self._kept_by = None
        if start >= self.last_start:
            at = self.n
            self.last_start, self.last_end = start, end
        else:
            at = self.position(start)
            self._rows[at + 1 : self.n + 1] = self._rows[at : self.n].copy()
            self._starts[at + 1 : self.n + 1] = self._starts[at : self.n].copy()
            self._scanned = min(self._scanned, at)
        self._rows[at] = row
        self._starts[at] = start
        self.n += 1

    def find(self, row: int, start: int) -> int:
        """The position of a span that was put here with that start; -1 if it is not here."""
        at = self.position(start)
        while at < self.n and int(self._starts[at]) == start:
            if int(self._rows[at]) == row:
                return at
            at += 1
        return -1

    def remove(self, at: int, ends: Int64) -> None:
        """Take out the span at a position."""
        self._rows[at : self.n - 1] = self._rows[at + 1 : self.n].copy()
        self._starts[at : self.n - 1] = self._starts[at + 1 : self.n].copy()
        self.n -= 1
        self._kept_by = None
        self._scanned = min(self._scanned, at)
        if at == self.n:
            last = self.n - 1
            self.set_last(closed(int(self._starts[last]), int(ends[self._rows[last]])) if self.n else _NEVER)

    def touch(self, at: int) -> None:
        """Note that the status of the span at a position changed."""
        self._kept_by = None
        self._scanned = min(self._scanned, at)

    def errors(self, status: NDArray[np.int8]) -> Rows:
        """Positions of spans that failed; only what is new or touched is looked at."""
        if self._scanned < self.n:
            known = self._errors[: self._errors.searchsorted(self._scanned)]
            found = np.flatnonzero(status[self._rows[self._scanned : self.n]] == Status.ERROR) + self._scanned
            self._errors = np.concatenate((known, found.astype(np.int32)))
            self._scanned = self.n
        elif len(self._errors) and int(self._errors[-1]) >= self.n:
            self._errors = self._errors[: self._errors.searchsorted(self.n)]
        return self._errors

    def kept(self, mask: Mask, status: NDArray[np.int8]) -> tuple[Rows, Rows]:
        """Positions of spans that a filter keeps, and of failed ones among them; looked for once a mask."""
        if self._kept_by is not mask:
            here = mask[self.rows]
            errors = self.errors(status)
            self._kept = np.flatnonzero(here).astype(np.int32), errors[here[errors]]
            self._kept_by = mask
        return self._kept


def closed(start: int, end: int) -> int:
    """The first time after a span: spans without length take one nanosecond, pending ones all that comes."""
    return int(OPEN) if end < 0 else max(end, start + 1)
