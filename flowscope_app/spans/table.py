"""A session's spans in memory: numpy columns that grow in place, parents resolved to rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.index import Int64, RowIndex, Rows
from flowscope_app.spans.strands import Strands
from flowscope_app.spans.strands import Track as Track
from flowscope_app.spans.tree import Children, break_cycles, depths

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
        self._strands = Strands()
        self.origin = 0  # least start, ns: subtract it before a time becomes a float
        self.latest = 0  # greatest time seen, ns
        self._store = {name: np.empty(0, kind) for name, (kind, *_) in (SPAN_DTYPE.fields or {}).items()}
        self._store["parent"] = np.empty(0, np.int32)
        self._store["strand"] = np.empty(0, np.int32)
        self._keys = RowIndex()
        self._ids = RowIndex()
        self._children: Children | None = None
        self._depth: NDArray[np.int32] | None = None
        self._show(0)

    def apply(self, delta: SpanDelta) -> Applied:
        """Take in a delta; a row whose key is known is replaced in place."""
        self.names.update(delta.names)
        self.tracks.update(delta.tracks)
        self._strands.learn(delta.tracks)
        known = self._keys.find(np.ascontiguousarray(delta.rows["key"]))
        old = known >= 0
        changed = known[old]
        first_new = self.n
        before = self.parent[changed], self.track[changed]
        if len(changed):
            for name in SPAN_DTYPE.names or ():
                self._store[name][changed] = delta.rows[name][old]
        fresh = delta.rows[~old]
        if len(fresh):
            self._append(fresh)
        reparented = self._link(first_new, changed)
        self._note_times(delta.rows)
        self.version += 1
        self._children = None
        # A span that ends stays where it is; one with another parent takes all that is below it along.
        moves = bool(
            len(reparented) or (before[0] != self.parent[changed]).any() or (before[1] != self.track[changed]).any()
        )
        if moves:
            self._depth = None
        return Applied(
            first_new, np.union1d(changed, self._place(first_new, all_rows=moves)).astype(np.int32), reparented
        )

    def _place(self, first_new: int, *, all_rows: bool) -> Rows:
        """Say on which track each span is drawn; returns the older rows that are drawn on another one now."""
        before = self.strand[:first_new].copy() if all_rows else self.strand[:0]
        rows = np.arange(0 if all_rows else first_new, self.n, dtype=np.int32)
        self._strands.assign(self.strand, rows, self.parent, self.track, self.depth)
        return np.flatnonzero(before != self.strand[: len(before)]).astype(np.int32)

    @property
    def strands(self) -> dict[int, Track]:
        """The tracks that spans are drawn on, by `strand`."""
        return self._strands.tracks

    def _append(self, fresh: NDArray[np.void]) -> None:
        n = self.n + len(fresh)
        if n > len(self._store["key"]):
            capacity = max(1024, n if self.n == 0 else n + n // 2)
            for name, column in self._store.items():
                grown = np.empty(capacity, column.dtype)
                grown[: self.n] = column[: self.n]
                self._store[name] = grown
        for name in SPAN_DTYPE.names or ():
            self._store[name][self.n : n] = fresh[name]
        self._store["parent"][self.n : n] = -1
        self._store["strand"][self.n : n] = 0
        self._keys.insert(np.ascontiguousarray(fresh["key"]), self.n)
        self._ids.insert(np.ascontiguousarray(fresh["id64"]), self.n)
        self._show(n)

    def _show(self, n: int) -> None:
        self.n = n
        for name, column in self._store.items():
            setattr(self, name, column[:n])

    def _link(self, first_new: int, changed: Rows) -> Rows:
        """Resolve parents of new and replaced rows, and of older ones whose parent has come only now."""
        new = np.arange(first_new, self.n, dtype=np.int32)
        touched = np.concatenate((changed, new))
        self.parent[touched] = np.where(self.parent64[touched] != 0, self._ids.find(self.parent64[touched]), -1)
        waiting = np.flatnonzero((self.parent[:first_new] < 0) & (self.parent64[:first_new] != 0))
        found = self._ids.find(self.parent64[waiting]) if len(new) else np.full(len(waiting), -1, np.int32)
        reparented = waiting[found >= 0].astype(np.int32)
        self.parent[reparented] = found[found >= 0]
        if len(reparented) or len(changed) or len(new):
            break_cycles(self.parent, np.concatenate((reparented, touched)))
        return reparented

    def _note_times(self, rows: NDArray[np.void]) -> None:
        if len(rows):
            first = int(rows["start"].min())
            self.origin = first if self.version == 0 or self.n == len(rows) else min(self.origin, first)
            self.latest = max(self.latest, int(rows["start"].max()), int(rows["end"].max()))

    def row_of(self, key: int) -> int:
        """The row of the store's key, or -1."""
        return self._keys.find_one(key)

    def rows_of(self, keys: Int64) -> Rows:
        """The row of each key, -1 where there is none."""
        return self._keys.find(keys)

    def children(self, row: int) -> Rows:
        """Rows whose parent is `row`, by start."""
        return self._tree.of(row)

    def roots(self) -> Rows:
        """Rows without a known parent, by start."""
        return self._tree.of(-1)

    @property
    def _tree(self) -> Children:
        if self._children is None:
            self._children = Children(self.parent, self.start)
        return self._children

    @property
    def depth(self) -> NDArray[np.int32]:
        """How many ancestors each row has."""
        if self._depth is None or len(self._depth) != self.n:
            self._depth = depths(self.parent, self._depth)
        return self._depth

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
