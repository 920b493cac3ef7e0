"""Lanes of a whole session, kept as spans arrive: a span stays in its lane while others come."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from flowscope_app.spans.index import Int64, Rows
from flowscope_app.spans.table import NO_END, Applied, SpanTable
from flowscope_app.timeline.lane import Lane, closed
from flowscope_app.timeline.lanes import OPEN, assign

# From so many spans to place at once, placing all afresh is the quicker way.
_BULK = 20_000


class Layout:
    """Which lane every span of a table lies in, and the lanes' tree, one a track (a `strand` of the table)."""

    def __init__(self, table: SpanTable) -> None:
        self.table = table
        self.n = 0
        self.version = 0  # moves on with every change
        self.shape = 0  # moves on when lanes come, go or move: rows must be laid out again
        self.lanes: list[Lane] = []
        self.tops: dict[int, list[int]] = {}  # lanes at depth 0, by track
        self.unsettled = False  # whether some span lies elsewhere than `rebuild` would put it
        self._lane_of: Rows = np.empty(0, np.int32)
        self._up: Rows = np.empty(0, np.int32)
        self.rebuild()

    def lane_of(self, row: int) -> int:
        """Number of the lane of a row of the table, -1 if the row is not placed."""
        return int(self._lane_of[row]) if 0 <= row < self.n else -1

    def up(self, rows: Rows | slice) -> Rows:
        """The parents that rows lie below: -1 for none, one not known, or one on another track."""
        table = self.table
        parent, track = table.parent[rows], table.strand[rows]
        return np.where((parent >= 0) & (table.strand[parent] == track), parent, np.int32(-1)).astype(np.int32)

    def rebuild(self) -> None:
        """Place all spans afresh: the lanes that a session has when it is opened complete."""
        table = self.table
        self.n = table.n
        self._up = self.up(slice(None))
        ends = np.where(table.end == NO_END, OPEN, table.end)
        found = assign(table.start, ends, self._up, table.strand)
        self._lane_of = found.lane
        order = np.argsort(table.start, kind="stable").astype(np.int32)
        lane = found.lane[order]
        few = len(found.above) < 1 << 16
        order = order[np.argsort(lane.astype(np.uint16) if few else lane, kind="stable")]
        starts = table.start[order]
        counts = np.bincount(found.lane, minlength=len(found.above))
        bounds = np.concatenate(([0], np.cumsum(counts))).tolist()
        self.lanes, self.tops = [], {}
        above, tracks = found.above.tolist(), found.track.tolist()
        for number, (a, b) in enumerate(pairwise(bounds)):
            new = Lane(tracks[number], above[number], order[a:b], starts[a:b])
            new.set_last(closed(new_start := int(starts[b - 1]), int(table.end[order[b - 1]])))
            assert new_start == new.last_start
            self._hang(number, new)
        self.unsettled = False
        self.version += 1
        self.shape += 1

    def apply(self, applied: Applied) -> None:
        """Follow what a delta did to the table; spans that were there keep their lane if it is still theirs."""
        old, new = self.n, np.arange(self.n, self.table.n, dtype=np.int32)
        if old == 0 or len(new) > _BULK:
            self.rebuild()
            return
        self._grow()
        self._up[old : self.n] = self.up(slice(old, None))
        changed = applied.changed[applied.changed < old]
        leaving = self._leaving(old, changed, applied.reparented[applied.reparented < old])
        if len(leaving) > _BULK:
            self.rebuild()
            return
        for row in leaving.tolist():
            self._take_out(row)
        waiting = np.concatenate((leaving, new))
        waiting = waiting[np.argsort(self.table.start[waiting], kind="stable")]
        for row in waiting.tolist():
            self._place(row)
        self.version += 1

    def settle(self) -> bool:
        """Place all spans as `rebuild` would if none is pending any more; whether anything was done."""
        if not self.unsettled or (self.table.end[: self.n] == NO_END).any():
            return False
        self.rebuild()
        return True

    def _hang(self, number: int, lane: Lane) -> None:
        self.lanes.append(lane)
        (self.lanes[lane.above].below if lane.above >= 0 else self.tops.setdefault(lane.track, [])).append(number)

    def _grow(self) -> None:
        n = self.table.n
        if n > len(self._lane_of):
            room = n + n // 2
            self._lane_of = np.concatenate((self._lane_of[: self.n], np.full(room - self.n, -1, np.int32)))
            self._up = np.concatenate((self._up[: self.n], np.full(room - self.n, -1, np.int32)))
        self._lane_of[self.n : n] = -1
        self.n = n

    def _leaving(self, old: int, changed: Rows, reparented: Rows) -> Rows:
        """Rows that must leave their lanes, with all that lies below those that hang elsewhere now."""
        table = self.table
        lane_tracks = np.array([self.lanes[self._lane_of[row]].track for row in changed.tolist()], np.int32)
        strayed = changed[lane_tracks != table.strand[changed]]
        asked = [changed, reparented]
        if len(strayed):  # what named it as its parent hung below it on the old track, or will on the new one
            asked.append(np.flatnonzero(np.isin(table.parent[:old], strayed)).astype(np.int32))
        rows = np.unique(np.concatenate(asked))
        moved = np.union1d(rows[self.up(rows) != self._up[rows]], strayed)
        stay = np.setdiff1d(changed, moved).tolist()
        outgrown = [row for row in stay if not self._keeps(self.lanes[self._lane_of[row]], row)]
        self._up[rows] = self.up(rows)
        gone = np.zeros(self.n + 1, np.bool_)  # one more, for parents that are not there (-1)
        below = np.concatenate((moved, outgrown)).astype(np.int32)
        while len(below):
            here = np.zeros(self.n + 1, np.bool_)
            here[below] = gone[below] = True
            below = np.flatnonzero(here[self._up[:old]] & ~gone[:old]).astype(np.int32)
        return np.flatnonzero(gone[:old]).astype(np.int32)

    def _keeps(self, lane: Lane, row: int) -> bool:
        """Whether a replaced span still fits where it is; its new end and status are noted."""
        start, end = int(self.table.start[row]), int(self.table.end[row])
        at = lane.find(row, start)
        if at < 0:
            return False
        lane.touch(at)
        if at == lane.n - 1:
            lane.last_end = closed(start, end)
            return True
        return closed(start, end) <= int(lane.starts[at + 1])

    def _take_out(self, row: int) -> None:
        number = int(self._lane_of[row])
        lane = self.lanes[number]
        at = lane.find(row, int(self.table.start[row]))
        if at < 0:  # its start has changed
            at = int(np.flatnonzero(lane.rows == row)[0])
        lane.remove(at, self.table.end)
        self._lane_of[row] = -1
        self.unsettled = True
        while lane.n == 0 and not lane.below:  # an empty lane would be an empty row
            siblings = self.lanes[lane.above].below if lane.above >= 0 else self.tops[lane.track]
            siblings.remove(number)
            self.shape += 1
            if lane.above < 0:
                return
            number = lane.above
            lane = self.lanes[number]

    def _place(self, row: int) -> None:
        table = self.table
        parents = [row]
        while (up := int(self._up[parents[-1]])) >= 0 and self._lane_of[up] < 0 and up not in parents:
            parents.append(up)  # a parent that starts after its child
        for each in reversed(parents):
            if self._lane_of[each] < 0:
                start = int(table.start[each])
                self._enter(each, start, closed(start, int(table.end[each])))

    def _enter(self, row: int, start: int, end: int) -> None:
        up = int(self._up[row])
        above = int(self._lane_of[up]) if up >= 0 else -1
        track = int(self.table.strand[row])
        siblings: list[int] = self.lanes[above].below if above >= 0 else self.tops.setdefault(track, [])
        for number in siblings:
            lane = self.lanes[number]
            if lane.fits(start, end, self.table.end):
                self.unsettled |= start < lane.last_start
                break
            self.unsettled |= lane.last_end == OPEN or start < lane.last_start
        else:
            number, lane = len(self.lanes), Lane(track, above)
            self.lanes.append(lane)
            siblings.append(number)
            self.shape += 1
        lane.add(row, start, end)
        self._lane_of[row] = number


def ends_of(table: SpanTable, rows: Rows, starts: Int64, now: int) -> Int64:
    """Ends of some rows as they are painted, ns: pending ones at `now`, none before its start."""
    ends = table.end[rows]
    return np.maximum(np.where(ends == NO_END, now, ends), starts)
