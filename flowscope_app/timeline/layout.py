"""Lanes of a whole session, kept as spans arrive: a span stays in its lane while others come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from flowscope_app.spans.index import Int64, Rows
from flowscope_app.spans.table import NO_END, Applied, SpanTable
from flowscope_app.timeline.grouping import Groups
from flowscope_app.timeline.hung import Hung, grown
from flowscope_app.timeline.lane import Lane, closed
from flowscope_app.timeline.lanes import OPEN, assign, stable_argsort

# From so many spans to place at once, placing all afresh is the quicker way.
_BULK = 20_000
_OPEN = int(OPEN)


@dataclass(frozen=True)
class Columns:
    """What of a table decides on lanes, as it is now: a layout can be made of it in another thread.

    Arrays are the table's own, not copies. If the table changes meanwhile, what comes out is of no use, but comes.
    """

    start: Int64
    end: Int64
    parent: Rows
    track: Rows  # the group of each row
    key: Int64 | None  # None: rows are in the order of their keys

    @classmethod
    def of(cls, groups: Groups) -> Columns:
        """Take them off a table, in the thread that owns it."""
        return cls.raw(groups).grouped(groups)

    @classmethod
    def raw(cls, groups: Groups) -> Columns:
        """The same at no cost: instead of the groups, `track` has what they are made of, to be `grouped` later."""
        table = groups.table
        key = None if table.in_order else table.key
        return cls(table.start, table.end, table.parent, groups.source(), key)

    def grouped(self, groups: Groups) -> Columns:
        """With the groups that `track` stands for."""
        return replace(self, track=groups.made(self.track))

    def copied(self) -> Columns:
        """The same as arrays of their own: from now on they stay as they are, in whatever thread this is called.

        A row that changes while it is copied may come out half old, half new; it is among those that changed since.
        """
        key = None if self.key is None else self.key.copy()
        return Columns(self.start.copy(), self.end.copy(), self.parent.copy(), self.track.copy(), key)

    @cached_property
    def up(self) -> Rows:
        """The parent that each row lies below: -1 for none, one not known, or one on another track."""
        parent = np.where(self.parent < len(self.start), self.parent, np.int32(-1))
        return np.where(self.track[parent] == self.track, parent, np.int32(-1))


class Layout:
    """Which lane every span of a table lies in, and the lanes' tree, one a track (a group of spans)."""

    def __init__(self, table: SpanTable, columns: Columns | None = None, groups: Groups | None = None) -> None:
        self.table = table
        self.groups = groups if groups is not None else Groups(table)
        self.n = 0
        self.version = 0  # moves on with every change
        self.shape = 0  # moves on when lanes come, go or move: rows must be laid out again
        self.lanes: list[Lane] = []
        self.tops: dict[int, list[int]] = {}  # lanes at depth 0, by track
        self.unsettled = False  # whether some span lies elsewhere than `rebuild` would put it
        self._lane_of: Rows = np.empty(0, np.int32)
        self._up: Rows = np.empty(0, np.int32)
        self._hung = Hung(self._up)
        self.rebuild(columns)

    def lane_of(self, row: int) -> int:
        """Number of the lane of a row of the table, -1 if the row is not placed."""
        return int(self._lane_of[row]) if 0 <= row < self.n else -1

    def track_of(self, row: int) -> int:
        """The track that a placed row is drawn on."""
        return self.lanes[self.lane_of(row)].track

    def up(self, rows: Rows | slice) -> Rows:
        """The parents that rows lie below: -1 for none, one not known, or one on another track."""
        parent, track = self.table.parent[rows], self.groups.of(rows)
        return np.where((parent >= 0) & (self.groups.of(parent) == track), parent, np.int32(-1)).astype(np.int32)

    def rebuild(self, columns: Columns | None = None) -> None:
        """Place all spans afresh: the lanes that a session has when it is opened complete."""
        columns = columns or Columns.of(self.groups)
        start, end = columns.start, columns.end
        self.n = len(start)
        self._up = columns.up if self.n else np.empty(0, np.int32)
        self._hung = Hung(self._up)
        # Spans that start together are met in the order of their keys, in whatever order they came.
        order = np.argsort(start, kind="stable") if columns.key is None else np.lexsort((columns.key, start))
        found = assign(start, np.where(end == NO_END, OPEN, end), self._up, columns.track, order)
        self._lane_of = found.lane
        order = order[stable_argsort(found.lane[order])]
        rows: Rows = order.astype(np.int32)
        starts = start[rows]
        bounds = np.concatenate(([0], np.cumsum(np.bincount(found.lane, minlength=len(found.above))))).tolist()
        self.lanes, self.tops = [], {}
        above, tracks = found.above.tolist(), found.track.tolist()
        for number, (a, b) in enumerate(pairwise(bounds)):
            new = Lane(tracks[number], above[number], rows[a:b], starts[a:b])
            new.set_last(closed(int(starts[b - 1]), int(end[rows[b - 1]])))
            self._hang(number, new)
        self.unsettled = False
        self.version += 1
        self.shape += 1

    def apply(self, applied: Applied) -> None:
        """Follow what a delta did to the table; spans that were there keep their lane if it is still theirs."""
        old, new = self.n, np.arange(self.n, self.table.n, dtype=np.int32)
        if self.groups.learn() or old == 0 or len(new) > max(_BULK, old // 8):
            self.rebuild()
            return
        self._grow()
        self._hang_below(np.arange(old, self.n, dtype=np.int32))
        changed = applied.changed[applied.changed < old]
        leaving = self._leaving(old, changed, applied.reparented[applied.reparented < old])
        if len(leaving) > max(_BULK, old // 8):
            self.rebuild()
            return
        for row in leaving.tolist():
            self._take_out(row)
        waiting = np.concatenate((leaving, new))
        waiting = waiting[np.lexsort((self.table.key[waiting], self.table.start[waiting]))]
        self._place(waiting)
        self.version += 1

    @property
    def restless(self) -> bool:
        """Whether a layout made afresh would be another one, and none of its spans has yet to end."""
        return self.unsettled and not self.table.unended

    def _hang(self, number: int, lane: Lane) -> None:
        self.lanes.append(lane)
        (self.lanes[lane.above].below if lane.above >= 0 else self.tops.setdefault(lane.track, [])).append(number)

    def _grow(self) -> None:
        n = self.table.n
        self._lane_of = grown(self._lane_of, self.n, n)
        self._up = grown(self._up, self.n, n)
        self._lane_of[self.n : n] = self._up[self.n : n] = -1
        self.n = n

    def _leaving(self, old: int, changed: Rows, reparented: Rows) -> Rows:
        """Rows that must leave their lanes, with all that lies below those that hang elsewhere now."""
        table = self.table
        lane_tracks = np.array([self.lanes[self._lane_of[row]].track for row in changed.tolist()], np.int32)
        strayed = changed[lane_tracks != self.groups.of(changed)]
        asked = [changed, reparented]
        if len(strayed):  # what named it as its parent hung below it on the old track, or will on the new one
            asked.append(np.flatnonzero(np.isin(table.parent[:old], strayed)).astype(np.int32))
        rows = np.unique(np.concatenate(asked))
        moved = np.union1d(rows[self.up(rows) != self._up[rows]], strayed)
        stay = np.setdiff1d(changed, moved).tolist()
        outgrown = [row for row in stay if not self._keeps(self.lanes[self._lane_of[row]], row)]
        self._hang_below(rows)
        top = np.concatenate((moved, outgrown)).astype(np.int32)
        below = self._hung.below(top, self._up[: self.n]) if len(top) else top
        return np.union1d(top, below[below < old])

    def _hang_below(self, rows: Rows) -> None:
        """Note below which rows some rows lie now."""
        up = self.up(rows)
        other = up != self._up[rows]
        self._up[rows] = up
        self._hung.add(rows[other], up[other], self.n)

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

    def _place(self, waiting: Rows) -> None:
        """Put rows that lie nowhere into lanes, one after the other, each after what it hangs below."""
        table = self.table
        ups = self._up[waiting]
        above = np.where(ups >= 0, self._lane_of[ups], np.int32(-1))
        columns = (ups, above, table.start[waiting], table.end[waiting], self.groups.of(waiting))
        rows = waiting.tolist()
        facts = dict(zip(rows, zip(*(column.tolist() for column in columns), strict=True), strict=True))
        placed: dict[int, int] = {}
        for row in rows:
            chain = [row]
            while (up := facts[chain[-1]][0]) in facts and up not in placed and up not in chain:
                chain.append(up)  # a parent that starts after its child
            for each in reversed(chain):
                if each not in placed:
                    up, lane, start, end, track = facts[each]
                    placed[each] = self._enter(each, placed.get(up, lane), track, start, _OPEN if end < 0 else end)
        self._lane_of[list(placed)] = list(placed.values())

    def _enter(self, row: int, above: int, track: int, start: int, end: int) -> int:
        """Put a span into the first lane below `above`, or at its track's top, that is free; returns the lane."""
        end = end if end > start else start + 1
        siblings = self.lanes[above].below if above >= 0 else self.tops.setdefault(track, [])
        for number in siblings:
            lane = self.lanes[number]
            if start >= lane.last_end or lane.fits(start, end, self.table.end):
                self.unsettled |= start <= lane.last_start
                break
            self.unsettled |= lane.last_end == _OPEN or start <= lane.last_start
        else:
            number, lane = len(self.lanes), Lane(track, above)
            self.lanes.append(lane)
            siblings.append(number)
            self.shape += 1
        lane.add(row, start, end)
        return number


def ends_of(table: SpanTable, rows: Rows, starts: Int64, now: int) -> Int64:
    """Ends of some rows as they are painted, ns: pending ones at `now`, none before its start."""
    ends = table.end[rows]
    return np.maximum(np.where(ends == NO_END, now, ends), starts)
