"""Siblings as intervals of time: who came right before whom, and how much of a span its children cover."""

from __future__ import annotations

import numpy as np

from flowscope_app.analysis.snapshot import Int, Int32

# After a wide fan-out each next sibling has every parallel one before it; the latest few tell the same story.
PREDECESSORS = 16
_MOST = 2.0**62  # ns


class Siblings:
    """Spans grouped by parent, their times as ranks, so that one sort serves all groups at once.

    `start` and `end` are ns, `end >= start`; equal numbers in `parent` (-1 or more) make siblings.
    """

    def __init__(self, start: Int, end: Int, parent: Int32) -> None:
        self.start, self.end = start, end
        n = len(start)
        times, ranks = np.unique(np.concatenate((start, end)), return_inverse=True)
        self.times = times
        self.width = np.int64(2 * len(times) + 2)
        begin, finish = 2 * ranks[:n].astype(np.int64), 2 * ranks[n:].astype(np.int64)
        # A span of no length ends just after it starts, else it would come before itself.
        finish = np.where(finish == begin, finish + 1, finish)
        base = (parent.astype(np.int64) + 1) * self.width
        self.begin, self.finish = base + begin, base + finish
        self.base = base

    def predecessors(self, open_ended: Int) -> tuple[Int, Int]:
        """Pairs (before, after) of rows: `before` ended before `after` began, and no sibling lies between them.

        Parallel siblings fan out and in. `open_ended` lists the rows that have not ended: they precede none.
        """
        never = np.zeros(len(self.start), bool)
        never[open_ended] = True
        ended = np.flatnonzero(~never)
        by_end = ended[np.argsort(self.finish[ended], kind="stable")]
        ends = self.finish[by_end]
        # The latest start among the siblings that have ended so far; whoever ended before it is not the last one.
        latest = np.maximum.accumulate(self.begin[by_end]) if len(by_end) else by_end
        high = np.searchsorted(ends, self.begin, "right")
        has = high > np.searchsorted(ends, self.base, "left")
        after = np.flatnonzero(has)
        high = high[after]
        low = np.minimum(np.searchsorted(ends, latest[high - 1], "right"), high - 1)
        low = np.maximum(low, high - PREDECESSORS)
        sizes = high - low
        offsets = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return by_end[np.repeat(low, sizes) + offsets], np.repeat(after, sizes)


def self_times(start: Int, end: Int, parent: Int32) -> Int:
    """Time of each span that none of its children cover, ns; children that overlap count once."""
    length = end - start
    child = np.flatnonzero(parent >= 0)
    if not len(child):
        return length
    above = parent[child]
    earliest, latest = start[above], end[above]
    first = np.clip(start[child], earliest, latest)
    last = np.clip(end[child], earliest, latest)
    begin, finish, times = _side_by_side(start, end, above, first, last)
    order = np.argsort(begin)
    above, begin, finish = above[order], begin[order], finish[order]
    # How far the earlier siblings reach. Those of another parent end before this one's first begins.
    reached = np.maximum.accumulate(finish)
    before = np.concatenate((begin[:1], reached[:-1]))
    total = np.zeros(len(start), np.int64)
    fresh = np.maximum(begin, before)
    covered = finish - fresh if times is None else times[finish % len(times)] - times[fresh % len(times)]
    np.add.at(total, above, np.where(finish > fresh, covered, 0))
    return length - total


def _side_by_side(start: Int, end: Int, above: Int32, first: Int, last: Int) -> tuple[Int, Int, Int | None]:
    """Begin and end of children, cut to their parent's time, as if their parents ran one after the other.

    Where that takes longer than a number holds, times are ranks, and what each rank stands for is the third.
    """
    parents = np.zeros(len(start), bool)
    parents[above] = True
    room = np.where(parents, end - start + 1, 0)
    if float(room.sum(dtype=np.float64)) < _MOST:
        base = np.cumsum(room) - room - start
        return base[above] + first, base[above] + last, None
    times, ranks = np.unique(np.concatenate((first, last)), return_inverse=True)
    base = above.astype(np.int64) * len(times)
    return base + ranks[: len(first)], base + ranks[len(first) :], times
