"""On which line each span stands where a line may only hold spans that lie within one another or apart."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.table import NO_END, SpanTable

_NEVER = 1 << 62

Rows = NDArray[np.int32]


class _Line:
    """Spans that are open at the time reached, outermost first."""

    __slots__ = ("ends", "rows")

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.ends: list[int] = []

    def reach(self, time: int) -> None:
        while self.ends and self.ends[-1] <= time:
            self.ends.pop()
            self.rows.pop()


def lines(table: SpanTable) -> Rows:
    """The line of each span, counted from 0 on each strand.

    A span stands on its parent's line where it lies within the parent and beside no other child; else on the first
    line of its strand that is free.
    """
    ends = np.where(table.end == NO_END, _NEVER, table.end)
    order = np.lexsort((table.depth, -ends, table.start)).tolist()
    starts, until, parents, strands = (column.tolist() for column in (table.start, ends, table.parent, table.strand))
    line = np.zeros(table.n, np.int32)
    found: list[int] = [0] * table.n
    open_lines: dict[int, list[_Line]] = {}
    taken: dict[int, list[tuple[int, int]]] = {}  # (end of the outermost span, line), least end first
    free: dict[int, list[int]] = {}
    for row in order:
        strand, start, end, parent = strands[row], starts[row], until[row], parents[row]
        here = open_lines.setdefault(strand, [])
        if parent >= 0 and strands[parent] == strand and starts[parent] <= start and here:
            above = here[found[parent]]
            above.reach(start)
            if above.rows and above.rows[-1] == parent and above.ends[-1] >= end:
                above.rows.append(row)
                above.ends.append(end)
                found[row] = found[parent]
                continue
        busy, idle = taken.setdefault(strand, []), free.setdefault(strand, [])
        while busy and busy[0][0] <= start:
            heappush(idle, heappop(busy)[1])
        if idle:
            mine = heappop(idle)
        else:
            mine = len(here)
            here.append(_Line())
        here[mine].rows, here[mine].ends = [row], [end]
        heappush(busy, (end, mine))
        found[row] = mine
    line[:] = found
    return line
