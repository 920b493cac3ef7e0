"""Parents as rows: depth, what lies below some rows, and how a cycle is broken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.index import Rows

# Real traces are some tens deep. A chain deeper than this is met by pointer doubling, which costs the whole
# table once but stays at n log n for a (hostile) chain of any length.
_SHALLOW = 48
_BLOCK = 1 << 16  # rows at a time: what is worked out about them stays in the processor's cache
_FEW_STEPS = 20_000


def depths(parent: Rows) -> NDArray[np.int32]:
    """Count the ancestors of every row. No cycles, please."""
    depth = np.where(parent < 0, np.int32(0), np.int32(-1))
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


def _above(parent: Rows, at: Rows) -> Rows:
    """What stands above some rows as many levels as a shallow tree has; empty if all of them end before."""
    for _ in range(_SHALLOW):
        at = at[at >= 0]
        if not len(at):
            break
        at = parent[at]
    return at[at >= 0]


def _all_end(parent: Rows, rows: Rows) -> bool:
    """Whether it takes few steps to see that the parents of each row end somewhere."""
    good: set[int] = set()
    steps = _FEW_STEPS
    for row in rows[:_FEW_STEPS].tolist():
        path: list[int] = []
        while row >= 0 and row not in good:
            path.append(row)
            row = int(parent[row])
            if len(path) > steps:
                return False
        steps -= len(path)
        good.update(path)
    return len(rows) <= _FEW_STEPS


def below(parent: Rows, rows: Rows) -> Rows:
    """All rows below some rows, without those themselves, ascending; looks at the whole column once a level."""
    n = len(parent)
    under = np.zeros(n + 1, np.bool_)  # one more, which -1 points to
    under[rows] = True
    level = rows
    for _ in range(_SHALLOW):
        here = np.zeros(n + 1, np.bool_)
        here[level] = True
        level = np.flatnonzero(here[parent] & ~under[:-1]).astype(np.int32)
        if not len(level):
            break
        under[level] = True
    else:  # the rest by doubling: who has one of them anywhere above it
        jump = np.append(parent, np.int32(-1))
        for _ in range(n.bit_length()):
            under |= under[jump]
            jump = jump[jump]
    under[rows] = False
    return np.flatnonzero(under[:-1]).astype(np.int32)


def break_cycles(parent: Rows, touched: Rows, first_new: int) -> None:
    """Cut, in place, every cycle of parents that goes through a `touched` row, or one from `first_new` on.

    One of its rows becomes a root. A trace is untrusted: A may name B as its parent and B name A.
    """
    far = [_above(parent, parent[touched])]
    for begin in range(first_new, len(parent), _BLOCK):
        far.append(_above(parent, parent[begin : begin + _BLOCK]))
    left = np.unique(np.concatenate(far))
    if not len(left) or _all_end(parent, left):
        return
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
