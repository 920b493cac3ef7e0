"""The critical path: which span kept a run from ending sooner, moment for moment, through concurrent spans."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from flowscope_app.analysis.snapshot import Int, Int32

NOTHING = -1
"""Stands for the row where no span ran."""


@dataclass(frozen=True)
class CriticalPath:
    """Stretches of time by their start, touching and never overlapping: `row` kept the run going for each."""

    row: Int32  # `NOTHING` where no span ran
    first: Int  # ns
    last: Int

    @property
    def n(self) -> int:
        """How many stretches there are."""
        return len(self.row)

    def time_of(self, rows: int) -> Int:
        """Nanoseconds that each of the first `rows` rows is on the path by itself, its children's not counted."""
        total = np.zeros(rows, np.int64)
        own = self.row >= 0
        np.add.at(total, self.row[own], (self.last - self.first)[own])
        return total


def critical_path(start: Int, end: Int, parent: Int32, root: int = NOTHING) -> CriticalPath:
    """The critical path through a span and all below it; through the whole session for `NOTHING`.

    Read backwards from the end: while a span has children at work, the time is that of the child which would have
    been waited for last; else it is the span's own. A child is waited for until its parent's end and no longer.
    Where several were at work at once, it is the one that began first: it was at work longest. So a span's own time
    on the path is what none of its children cover.

    `start`, `end` in ns, `end >= start`; `parent` holds rows or -1 and no cycles.
    """
    children = _Children(start, end, parent)
    first, last = children.bounds() if root == NOTHING else (int(start[root]), int(end[root]))
    stretches: list[tuple[int, int, int]] = []
    # A frame a span on the way down: its row, where it began, how far back it is told, its children still to meet.
    frames = [_Frame(root, first, last, children.of(root))]
    while frames:
        frame = frames[-1]
        found = frame.step()
        if found is None:
            frames.pop()
            continue
        row, begin, finish = found
        if row == frame.row:
            stretches.append(found)
        else:
            frames.append(_Frame(row, begin, finish, children.of(row)))
    stretches.reverse()
    rows, begins, finishes = zip(*stretches, strict=True) if stretches else ((), (), ())
    return CriticalPath(np.array(rows, np.int32), np.array(begins, np.int64), np.array(finishes, np.int64))


class _Children:
    """The children of every row, by their end."""

    def __init__(self, start: Int, end: Int, parent: Int32) -> None:
        self._rows = np.lexsort((end, parent))
        self._start, self._end = start[self._rows], end[self._rows]
        self._first = np.searchsorted(parent[self._rows], np.arange(-1, len(parent) + 1))

    def of(self, row: int) -> list[tuple[int, int, int]]:
        """End, start and row of each child of `row`."""
        part = slice(self._first[row + 1], self._first[row + 2])
        return list(zip(self._end[part].tolist(), self._start[part].tolist(), self._rows[part].tolist(), strict=True))

    def bounds(self) -> tuple[int, int]:
        """From when to when roots ran, ns."""
        roots = slice(0, self._first[1])
        return (int(self._start[roots].min()), int(self._end[roots].max())) if self._first[1] else (0, 0)


class _Frame:
    """A span whose time is told backwards from `now` to `begin`."""

    __slots__ = ("_at_work", "_by_end", "_steps", "begin", "now", "row")

    def __init__(self, row: int, begin: int, now: int, by_end: list[tuple[int, int, int]]) -> None:
        self.row, self.begin, self.now = row, begin, now
        self._at_work: list[tuple[int, int]] = []  # (start, row): begun before what is told, ended after it
        self._by_end = by_end
        self._steps = self._walk()

    def step(self) -> tuple[int, int, int] | None:
        """The next stretch back: one of its own, or a child's to be told in its turn; None at the beginning."""
        return next(self._steps, None)

    def _walk(self) -> Iterator[tuple[int, int, int]]:
        waiting = self._by_end
        while self.now > self.begin:
            while waiting and waiting[-1][0] >= self.now:
                _end, began, row = waiting.pop()
                heapq.heappush(self._at_work, (began, row))
            if self._at_work and self._at_work[0][0] < self.now:
                began, row = heapq.heappop(self._at_work)
                began, finish, self.now = max(began, self.begin), self.now, max(began, self.begin)
                yield row, began, finish
                continue
            self._at_work.clear()  # whoever began later than what is told has nothing more to tell
            until = max(waiting[-1][0], self.begin) if waiting else self.begin
            finish, self.now = self.now, until
            yield self.row, until, finish
