"""Which spans hang below others in a layout that grows: found without looking at all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.index import Rows
from flowscope_app.spans.tree import below as all_below

_SHALLOW = 48  # levels: deeper than real traces are
_MOST_STEPS = 256  # along the spans that hang below one; beyond that looking through all is the quicker way


class Hung:
    """Notes of what was hung below what since the layout was made; what hung there before is looked for in `up`.

    A note stays when its span hangs elsewhere, and is then passed over.
    """

    def __init__(self, up: Rows) -> None:
        self._base = len(up)  # rows that were there when the layout was made
        self._above_some = np.zeros(self._base, np.bool_)  # whether one of those hung below a row then
        self._above_some[up[up >= 0]] = True
        self._first: Rows = np.empty(0, np.int32)  # a row's last note, -1: none
        self._row: Rows = np.empty(0, np.int32)  # by note: what was hung
        self._next: Rows = np.empty(0, np.int32)  # by note: the one before it below the same row
        self._known = self._notes = 0  # rows that `_first` is of; notes

    def add(self, rows: Rows, up: Rows, n: int) -> None:
        """Note that some rows hang below others now (-1: below none); `n` rows are there."""
        hung = up >= 0
        rows, up = rows[hung], up[hung]
        self._first = grown(self._first, self._known, n)
        self._first[self._known : n] = -1
        self._known = n
        if not len(rows):
            return
        order = np.argsort(up, kind="stable")
        rows, up = rows[order], up[order]
        a, b = self._notes, self._notes + len(rows)
        self._row, self._next = grown(self._row, a, b), grown(self._next, a, b)
        last = np.append(up[1:] != up[:-1], True)
        first = np.append(True, last[:-1])
        self._row[a:b] = rows
        before = np.arange(a - 1, b - 1, dtype=np.int32)
        before[first] = self._first[up[first]]
        self._next[a:b] = before
        self._first[up[last]] = np.flatnonzero(last) + a
        self._notes = b

    def below(self, rows: Rows, up: Rows) -> Rows:
        """All that hangs below some rows, and below that; `up` says what each row hangs below now."""
        found, level = rows, rows
        for _ in range(_SHALLOW):
            level = np.setdiff1d(self._next_level(level, up), found)
            if not len(level):
                return np.setdiff1d(found, rows)
            found = np.union1d(found, level)
        return np.setdiff1d(np.union1d(found, all_below(up, level)), rows)

    def _next_level(self, rows: Rows, up: Rows) -> Rows:
        parts = [rows[:0]]
        old = rows[rows < self._base]
        if len(old) and self._above_some[old].any():
            parts.append(_among(rows, up, self._base))
        above = rows[rows < self._known]
        at = self._first[above]
        for _ in range(_MOST_STEPS):
            above, at = above[at >= 0], at[at >= 0]
            if not len(at):
                return np.concatenate(parts)
            row = self._row[at]
            parts.append(row[up[row] == above])
            at = self._next[at]
        return _among(rows, up, len(up))


def _among(rows: Rows, up: Rows, first: int) -> Rows:
    """Which of the `first` rows hang below one of `rows`, by looking at all of them."""
    here = np.zeros(len(up) + 1, np.bool_)  # one more, for what hangs below none (-1)
    here[rows] = True
    return np.flatnonzero(here[up[:first]]).astype(np.int32)


def grown(column: Rows, used: int, n: int) -> NDArray[np.int32]:
    """The column with room for `n`, its first `used` kept; half as much again if it moves. The rest is undefined."""
    if n <= len(column):
        return column
    more = np.empty(n + n // 2, np.int32)
    more[:used] = column[:used]
    return more
