"""A session's spans in memory: numpy columns that grow in place, parents resolved to rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.growth import Growth
from flowscope_app.spans.index import HashIndex, Int64, KeyIndex, Orphans, Rows
from flowscope_app.spans.kinds import Status
from flowscope_app.spans.strands import Strands
from flowscope_app.spans.strands import Track as Track
from flowscope_app.spans.tree import below, break_cycles, depths

SPAN_DTYPE = np.dtype(
    [
        ("key", "i8"),  # the store's own number of the span
        ("id64", "i8"),  # see `ids.id64`
        ("parent64", "i8"),  # 0: the span names no parent
        ("start", "i8"),  # nanoseconds since the epoch
        ("end", "i8"),  # -1 while pending
        ("op", "i4"),  # keys into `names`; 0: none
        ("framework", "i4"),
        ("language", "i4"),
        ("model", "i4"),
        ("track", "i4"),  # key into `tracks`
        ("tokens_in", "i4"),
        ("tokens_out", "i4"),
        ("kind", "i1"),  # `kinds.Kind`
        ("status", "i1"),  # `kinds.Status`
    ]
)

NO_END = -1
_BLOCK = 1 << 16  # rows at a time: what is worked out about them stays in the processor's cache
_EARLY_FROM = 1 << 16  # rows from which on columns grow before they must,
_EARLY = 0.75  # and how full they are then


@dataclass(frozen=True)
class SpanDelta:
    """What changed in a session after one change number; `more` when the next page waits."""

    rows: NDArray[np.void]  # of SPAN_DTYPE
    names: dict[int, str]
    tracks: dict[int, Track]
    change: int
    more: bool = False


@dataclass(frozen=True)
class Applied:
    """What a delta did to a table: rows from `first_new` on are new, those in `changed` were replaced."""

    first_new: int
    changed: Rows
    reparented: Rows = field(default_factory=lambda: np.empty(0, np.int32))  # older rows whose parent came only now


class SpanTable:
    """One session's spans, a row each, in order of arrival; a row never moves.

    Columns are numpy arrays of length `n`. An array taken before `apply` stays valid but does not grow.
    Not thread-safe: one thread owns a table at a time.
    """

    key: Int64
    id64: Int64
    parent64: Int64
    start: Int64
    end: Int64
    op: Rows
    framework: Rows
    language: Rows
    model: Rows
    track: Rows
    tokens_in: Rows
    tokens_out: Rows
    kind: NDArray[np.int8]
    status: NDArray[np.int8]
    parent: Rows  # row of the parent, -1: none, or not known (yet)
    strand: Rows  # key into `strands`: the track it is drawn on, which is its topmost caller's in the same program

    def __init__(self) -> None:
        self.n = 0
        self.version = 0
        self.names: dict[int, str] = {0: ""}
        self.tracks: dict[int, Track] = {}
        self.origin = 0  # least start, ns: subtract it before a time becomes a float
        self.latest = 0  # greatest time seen, ns
        self.pending = 0  # rows whose status is pending
        self.unended = 0  # rows without an end
        self._strands = Strands()
        self._store = {name: np.empty(0, kind) for name, (kind, *_) in (SPAN_DTYPE.fields or {}).items()}
        self._store["parent"] = np.empty(0, np.int32)
        self._store["strand"] = np.empty(0, np.int32)
        self._growth: tuple[str, Growth] | None = None  # the column that is getting more room, by its name
        self._keys = KeyIndex()
        self._ids = HashIndex()
        self._orphans = Orphans()
        self._show(0)

    def fill(
        self, columns: Mapping[str, NDArray[Any]], n: int, names: Mapping[int, str], tracks: Mapping[int, Track]
    ) -> None:
        """Take a whole session of `n` spans into an empty table, keys ascending.

        `columns`, by the names of SPAN_DTYPE, become the table's own; where they are longer, it has room to grow.
        """
        if self.n:
            raise ValueError("the table holds spans already")
        self._learn(names, tracks)
        for name in SPAN_DTYPE.names or ():
            self._store[name] = np.ascontiguousarray(columns[name], self._store[name].dtype)
        for name in ("parent", "strand"):
            self._store[name] = np.empty(len(self._store["key"]), np.int32)
        none = np.empty(0, np.int32)
        self._show(n)
        self._came(0, none)
        self._place(0, none)
        self.version += 1

    def apply(self, delta: SpanDelta) -> Applied:
        """Take in a delta; a row whose key is known is replaced in place. Costs what the delta is, not the table."""
        self._learn(delta.names, delta.tracks)
        known = self._keys.find(np.ascontiguousarray(delta.rows["key"]))
        old = known >= 0
        changed, first_new = known[old], self.n
        before = self.parent[changed], self.track[changed]
        if len(changed):
            self._count(changed, -1)
            for name in SPAN_DTYPE.names or ():
                self._store[name][changed] = delta.rows[name][old]
            if self._growth is not None:
                self._growth[1].write(changed, delta.rows[self._growth[0]][old])
        fresh = delta.rows[~old]
        if len(fresh):
            self._append(fresh[np.argsort(fresh["key"], kind="stable")])
        reparented = self._came(first_new, changed)
        self.version += 1
        # A span that ends stays where it is; one with another parent may take what is below it along.
        strayed = changed[(before[0] != self.parent[changed]) | (before[1] != self.track[changed])]
        moved = self._place(first_new, np.union1d(reparented, strayed).astype(np.int32))
        return Applied(first_new, np.union1d(changed, moved).astype(np.int32), reparented)

    def rest(self) -> None:
        """Let go of what only a session that goes on needs; it is made again should it do so."""
        self._ids.rest()

    def _learn(self, names: Mapping[int, str], tracks: Mapping[int, Track]) -> None:
        self.names.update(names)
        self.tracks.update(tracks)
        self._strands.learn(tracks)

    def _came(self, first_new: int, changed: Rows) -> Rows:
        """Take note of rows from `first_new` on and of replaced ones; returns older ones whose parent came now."""
        if self.n > first_new:
            self._keys.extend(self.key)
            self._ids.extend(self.id64)
        reparented = self._link(first_new, changed)
        if first_new == 0 and self.n:
            self.origin = int(self.start.min())
        for rows in (changed, slice(first_new, self.n)):
            start = self.start[rows]
            if len(start):
                self.origin = min(self.origin, int(start.min()))
                self.latest = max(self.latest, int(start.max()), int(self.end[rows].max()))
                self._count(rows, 1)
        return reparented

    def _count(self, rows: Rows | slice, step: int) -> None:
        self.pending += step * int(np.count_nonzero(self.status[rows] == Status.PENDING))
        self.unended += step * int(np.count_nonzero(self.end[rows] == NO_END))

    def _place(self, first_new: int, moved: Rows) -> Rows:
        """Say on which track new and moved rows are drawn; returns the older rows that are drawn on another one now."""
        before = self.strand[moved]
        if len(moved):
            new = np.arange(first_new, self.n, dtype=np.int32)
            self._strands.assign(self.strand, np.concatenate((moved, new)), self.parent, self.track)
        else:
            self._strands.assign(self.strand, slice(first_new, self.n), self.parent, self.track)
        strayed: Rows = moved[before != self.strand[moved]]
        if not len(strayed):
            return strayed
        under = below(self.parent, strayed)
        before = self.strand[under]
        self._strands.assign(self.strand, under, self.parent, self.track)
        under = under[before != self.strand[under]]
        return np.concatenate((strayed, under[under < first_new]))

    @property
    def in_order(self) -> bool:
        """Whether the rows are in the order of their keys."""
        return self._keys.ascending

    @property
    def strands(self) -> dict[int, Track]:
        """The tracks that spans are drawn on, by `strand`."""
        return self._strands.tracks

    def _append(self, fresh: NDArray[np.void]) -> None:
        n = self.n + len(fresh)
        self._make_room(n, len(fresh))
        for name in SPAN_DTYPE.names or ():
            self._store[name][self.n : n] = fresh[name]
        self._store["parent"][self.n : n] = -1
        self._store["strand"][self.n : n] = 0
        self._show(n)

    def _make_room(self, n: int, came: int) -> None:
        """See to it that every column holds `n` rows; large ones get room before they must, one after the other."""
        for name, column in self._store.items():
            if n > len(column):
                self._grow(name, n)
        if self._growth is None:
            early = [name for name, column in self._store.items() if n > _EARLY_FROM and n > _EARLY * len(column)]
            if not early:
                return
            if early[0] not in (SPAN_DTYPE.names or ()):  # written to in many places, and narrow
                self._grow(early[0], n)
                return
            self._growth = early[0], Growth(self._store[early[0]], n + n // 2)
        name, growth = self._growth
        if (larger := growth.step(self.n, came)) is not None:
            self._store[name], self._growth = larger, None

    def _grow(self, name: str, n: int) -> None:
        column = self._store[name]
        grown = np.empty(max(1024, n if self.n == 0 else n + n // 2), column.dtype)
        grown[: self.n] = column[: self.n]
        self._store[name] = grown
        if self._growth is not None and self._growth[0] == name:
            self._growth = None

    def _show(self, n: int) -> None:
        self.n = n
        for name, column in self._store.items():
            setattr(self, name, column[:n])

    def _link(self, first_new: int, changed: Rows) -> Rows:
        """Resolve parents of new and replaced rows, and of older ones whose parent has come only now."""
        before = self.parent[changed]
        waiting = [self._find_parents(changed)]
        for begin in range(first_new, self.n, _BLOCK):
            waiting.append(self._find_parents(np.arange(begin, min(begin + _BLOCK, self.n), dtype=np.int32)))
        claimed = self._orphans.claim(self.id64[first_new:]) if first_new else changed[:0]
        claimed = claimed[self.parent[claimed] < 0]
        found = self._ids.find(self.parent64[claimed])
        reparented = claimed[found >= 0]
        self.parent[reparented] = found[found >= 0]
        orphans = np.concatenate(waiting)
        self._orphans.add(self.parent64[orphans], orphans)
        touched = np.concatenate((reparented, changed[before != self.parent[changed]]))
        break_cycles(self.parent, touched, first_new)
        return reparented

    def _find_parents(self, rows: Rows) -> Rows:
        """Set the parents of some rows; returns those whose parent is not there."""
        wanted = self.parent64[rows]
        named = wanted != 0
        parent = np.full(len(rows), -1, np.int32)
        parent[named] = self._ids.find(wanted[named])
        self.parent[rows] = parent
        orphans: Rows = rows[named & (parent < 0)]
        return orphans

    def row_of(self, key: int) -> int:
        """The row of the store's key, or -1."""
        return self._keys.find_one(key)

    def rows_of(self, keys: Int64) -> Rows:
        """The row of each key, -1 where there is none."""
        return self._keys.find(keys)

    def rows_with_ids(self, ids: Int64) -> Rows:
        """The row of each span id (as `ids.id64` makes it), -1 where there is none."""
        return self._ids.find(ids)

    def children(self, row: int) -> Rows:
        """Rows whose parent is `row`, by start."""
        found = np.flatnonzero(self.parent == row).astype(np.int32)
        return found[np.argsort(self.start[found], kind="stable")]

    def roots(self) -> Rows:
        """Rows without a known parent, by start."""
        return self.children(-1)

    @property
    def depth(self) -> NDArray[np.int32]:
        """How many ancestors each row has, counted now."""
        return depths(self.parent)

    def ancestors(self, row: int) -> list[int]:
        """The rows above `row`, nearest first."""
        above: list[int] = []
        while (row := int(self.parent[row])) >= 0:
            above.append(row)
        return above

    def op_name(self, row: int) -> str:
        """The operation of a row."""
        return self.names.get(int(self.op[row]), "")

    def end_or(self, now: int) -> Int64:
        """Ends of all rows, those of pending ones at `now` (never before their start), ns."""
        return np.where(self.end == NO_END, np.maximum(self.start, now), self.end)
