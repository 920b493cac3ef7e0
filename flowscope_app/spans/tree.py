"""Parents as rows: children in order, depth, and how a cycle is broken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.index import Int64, Rows

# Real traces are some tens deep. A chain deeper than this is met by pointer doubling, which costs the whole
# table once but stays at n log n for a (hostile) chain of any length.
_SHALLOW = 48


class Children:
    """The children of every row, by start, in two arrays."""

    def __init__(self, parent: Rows, start: Int64) -> None:
        self._order = np.lexsort((start, parent)).astype(np.int32)
        # One slot more than rows, for -1: the roots come first.
        counts = np.bincount(parent + 1, minlength=len(parent) + 1)
        self._first = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))

    def of(self, row: int) -> Rows:
        """Rows whose parent is `row`; -1 asks for the roots."""
        return self._order[self._first[row + 1] : self._first[row + 2]]


def depths(parent: Rows, known: NDArray[np.int32] | None = None) -> NDArray[np.int32]:
    """Count the ancestors of every row; `known` holds the counts of the first rows. No cycles, please."""
    n = len(parent)
    depth = np.full(n, -1, np.int32)
    if known is not None:
        depth[: len(known)] = known
    depth[(parent < 0) & (depth < 0)] = 0
    left = np.flatnonzero(depth < 0)
    for _ in range(_SHALLOW):
        if not len(left):
            return depth
        above = depth[parent[left]]
        depth[left] = np.where(above >= 0, above + 1, -1)
        left = left[above < 0]
    jump, count = _ends(parent)
    return count if not (jump >= 0).any() else np.where(jump >= 0, 0, count).astype(np.int32)


def _ends(parent: Rows) -> tuple[Rows, NDArray[np.int32]]:
    """Follow all parents to their ends by doubling: the row reached (-1, or a row in a cycle) and the steps made."""
    jump = parent.copy()
    count = (parent >= 0).astype(np.int32)
    for _ in range(len(parent).bit_length() + 1):
        alive = np.flatnonzero(jump >= 0)
        if not len(alive):
            break
        at = jump[alive]
        count[alive] += count[at]
        jump[alive] = jump[at]
    return jump, count


def break_cycles(parent: Rows, touched: Rows) -> None:
    """Cut, in place, every cycle of parents that goes through a `touched` row: one of its rows becomes a root.

    A trace is untrusted: A may name B as its parent and B name A.
    """
    at = parent[touched]
    for _ in range(_SHALLOW):
        at = at[at >= 0]
        if not len(at):
            return
        at = parent[at]
    jump, _count = _ends(parent)
    done: set[int] = set()
    for row in np.unique(jump[jump >= 0]).tolist():  # rows that lie in cycles
        here = row
        while here not in done:
            done.add(here)
            here = int(parent[here])
            if here == row:
                parent[row] = -1
                break
