"""Finds rows by 64-bit numbers in columns that grow: by search where they ascend, by hash where they don't."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Rows = NDArray[np.int32]

_BLOCK = 1 << 16  # rows at a time: what is worked out about them stays in the processor's cache
_LEAST = 10  # 2 ** this slots
_SORT_FROM = 4_096  # waiting rows: fewer are looked through
_FULL = 0.62  # share of slots in use from which on there are twice as many
_FILLING = 0.48  # share from which on those are being filled
_LEAST_MOVED = 2_048  # rows moved at a time


class HashIndex:
    """Open addressing over a column: slots hold rows, the column itself the values; some 8 bytes a row.

    While a column grows, slots twice as many are filled along with it, a few rows at a time, so that no single row
    pays for moving all of them. Numbers may come from anybody, so the hash's factors are this index's own secret.
    """

    def __init__(self) -> None:
        self._column: Int64 = np.empty(0, np.int64)
        self._slots: Rows = np.full(1 << _LEAST, -1, np.int32)
        self._larger: Rows = np.empty(0, np.int32)  # what takes their place when it holds all of them
        self._moved = self._cleared = 0  # rows that it holds; how much of it is ready for some
        self._factors = tuple(np.uint64(secrets.randbits(64) | 1) for _ in range(2))

    def extend(self, column: Int64) -> None:
        """Take in the rows that the column, all of it, has beyond those known."""
        first, n = len(self._column), len(column)
        self._column = column
        if n > _FULL * len(self._slots):  # or it rested
            enough = n <= _FULL * min(len(self._larger), self._cleared)
            self._slots = self._larger if enough else np.full(_room(n), -1, np.int32)
            _fill(self._slots, self._moved if enough else 0, n, self._put)
            self._larger, self._moved = np.empty(0, np.int32), 0
            return
        _fill(self._slots, first, n, self._put)
        if n > _FILLING * len(self._slots) and n > first:
            self._move_on(n - first)

    def _move_on(self, came: int) -> None:
        """Get the larger slots ready, then put some more rows into them: as many as it takes to be done in time."""
        n = len(self._column)
        share = came / max(_FULL * len(self._slots) - n, came)
        if not len(self._larger):
            self._larger, self._cleared, self._moved = np.empty(2 * len(self._slots), np.int32), 0, 0
        slots, cleared = self._larger, self._cleared
        if cleared < len(slots):  # memory that was never touched takes longer to get than to fill
            self._cleared = cleared + max(round(4 * share * len(slots)), _BLOCK)
            slots[cleared : self._cleared] = -1
            return
        until = min(n, self._moved + came + max(round(share * (n - self._moved)), _LEAST_MOVED))
        _fill(slots, self._moved, until, self._put)
        self._moved = until

    def rest(self) -> None:
        """Hold no memory until it is asked again."""
        self._slots = self._larger = np.empty(0, np.int32)
        self._moved = 0

    def _put(self, slots: Rows, rows: Rows) -> None:
        at = self._places(slots, self._column[rows])
        while len(rows):
            free = slots[at] < 0
            slots[at[free]] = rows[free]
            left = slots[at] != rows  # taken, or by another row of the same round
            rows, at = rows[left], (at[left] + 1) & (len(slots) - 1)

    def _places(self, slots: Rows, values: Int64) -> NDArray[np.intp]:
        mixed = values.view(np.uint64) * self._factors[0]
        mixed ^= mixed >> np.uint64(32)
        mixed *= self._factors[1]
        mixed >>= np.uint64(65 - len(slots).bit_length())
        return mixed.view(np.intp)

    def find(self, values: Int64) -> Rows:
        """The row of each value, -1 where there is none."""
        found = np.full(len(values), -1, np.int32)
        if not len(self._slots):
            self.extend(self._column)
        for begin in range(0, len(values), _BLOCK):
            self._find(values[begin : begin + _BLOCK], found[begin : begin + _BLOCK])
        return found

    def _find(self, values: Int64, found: Rows) -> None:
        left = np.arange(len(values))
        slots, column = self._slots, self._column
        at = self._places(slots, values)
        while len(left):
            rows = slots[at]
            held = rows >= 0
            if not held.all():
                left, at, values, rows = left[held], at[held], values[held], rows[held]
            hit = column[rows] == values
            found[left[hit]] = rows[hit]
            miss = ~hit
            left, values, at = left[miss], values[miss], (at[miss] + 1) & (len(slots) - 1)


def _room(n: int) -> int:
    """Slots for so many rows."""
    slots = 1 << _LEAST
    while n > _FULL * slots:
        slots *= 2
    return slots


def _fill(slots: Rows, first: int, end: int, put: Callable[[Rows, Rows], None]) -> None:
    for begin in range(first, end, _BLOCK):
        put(slots, np.arange(begin, min(begin + _BLOCK, end), dtype=np.int32))


class KeyIndex:
    """Rows by a column that ascends, as the store's keys mostly do; hashed once it does not."""

    def __init__(self) -> None:
        self._column: Int64 = np.empty(0, np.int64)
        self._hash: HashIndex | None = None

    @property
    def ascending(self) -> bool:
        """Whether each value so far was greater than the one before it."""
        return self._hash is None

    def extend(self, column: Int64) -> None:
        """Take in the rows that the column, all of it, has beyond those known."""
        fresh = column[max(len(self._column) - 1, 0) :]
        self._column = column
        if self._hash is None and (fresh[1:] <= fresh[:-1]).any():
            self._hash = HashIndex()
        if self._hash is not None:
            self._hash.extend(column)

    def find(self, values: Int64) -> Rows:
        """The row of each value, -1 where there is none."""
        if self._hash is not None:
            return self._hash.find(values)
        if not len(self._column):
            return np.full(len(values), -1, np.int32)
        places = np.minimum(self._column.searchsorted(values), len(self._column) - 1)
        return np.where(self._column[places] == values, places, -1).astype(np.int32)

    def find_one(self, value: int) -> int:
        """The row of one value, or -1."""
        return int(self.find(np.array([value], np.int64))[0])


class Orphans:
    """Rows that wait for their parent, by its number; many may wait for one."""

    def __init__(self) -> None:
        self._ids: Int64 = np.empty(0, np.int64)  # sorted
        self._rows: Rows = np.empty(0, np.int32)  # -1: waits no longer
        self._new_ids, self._new_rows = self._ids, self._rows  # not sorted in yet

    def add(self, ids: Int64, rows: Rows) -> None:
        """Have rows wait for parents."""
        if len(rows):
            self._new_ids = np.concatenate((self._new_ids, ids))
            self._new_rows = np.concatenate((self._new_rows, rows))
        if len(self._new_rows) > max(_SORT_FROM, len(self._rows) // 8):
            stay = self._rows >= 0
            ids = np.concatenate((self._ids[stay], self._new_ids))
            order = np.argsort(ids, kind="stable")
            self._ids, self._rows = ids[order], np.concatenate((self._rows[stay], self._new_rows))[order]
            self._new_ids, self._new_rows = self._ids[:0], self._rows[:0]

    def claim(self, ids: Int64) -> Rows:
        """Take out the rows that wait for one of `ids`; some may have been told of another parent meanwhile."""
        here = np.isin(self._new_ids, ids)
        found = [self._new_rows[here]]
        if here.any():
            self._new_ids, self._new_rows = self._new_ids[~here], self._new_rows[~here]
        first, last = self._ids.searchsorted(ids), self._ids.searchsorted(ids, side="right")
        for at in np.flatnonzero(last > first).tolist():
            run = slice(int(first[at]), int(last[at]))
            found.append(self._rows[run].copy())
            self._rows[run] = -1
        rows = np.unique(np.concatenate(found))
        return rows[rows >= 0]
