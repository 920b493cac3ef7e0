"""A whole session as columns, read in parts: each span once, in the order of their keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.table import SPAN_DTYPE, SpanTable, Track

Columns = dict[str, NDArray[Any]]

_SPARSE = 4  # times as many keys in the range as there are spans: sorted, not counted off


@dataclass(frozen=True)
class Loaded:
    """`n` spans as columns by the names of SPAN_DTYPE, which may be longer; up to which change number."""

    columns: Columns
    n: int
    names: dict[int, str]
    tracks: dict[int, Track]
    change: int

    def table(self) -> SpanTable:
        """A table of them, which takes the columns over."""
        table = SpanTable()
        table.fill(self.columns, self.n, self.names, self.tracks)
        return table


def joined(columns: Columns, n: int, pages: list[NDArray[np.void]], room: float) -> tuple[Columns, int]:
    """The first `n` of each column and then the rows of `pages`; of several with one key the last holds.

    Columns are longer than the spans by a share of `room`.
    """
    total = n + sum(map(len, pages))
    if total > n:
        for name in SPAN_DTYPE.names or ():
            column, at = columns[name], n
            if total > len(column):
                columns[name] = np.empty(int(total * (1 + room)), column.dtype)
                columns[name][:n] = column[:n]
            for page in pages:
                columns[name][at : at + len(page)] = page[name]
                at += len(page)
    chosen = _latest(columns["key"][:total])
    if chosen is not None:
        for column in columns.values():
            column[: len(chosen)] = column[chosen]
        total = len(chosen)
    return columns, total


def _latest(key: NDArray[np.int64]) -> NDArray[np.intp] | None:
    """The last place of each key, keys ascending; None if they ascend as they are."""
    if not len(key) or (key[1:] > key[:-1]).all():
        return None
    low, high = int(key.min()), int(key.max())
    if high - low < _SPARSE * len(key):
        place = np.full(high - low + 1, -1, np.intp)
        place[key - low] = np.arange(len(key))  # of several the last is kept
        found: NDArray[np.intp] = place[place >= 0]
        return found
    order: NDArray[np.intp] = np.argsort(key, kind="stable")
    last = order[np.append(key[order][1:] != key[order][:-1], True)]
    return np.asarray(last, np.intp)


def distinct(column: NDArray[np.int32]) -> set[int]:
    """The numbers that a column of small ones holds, none below 0."""
    if not len(column):
        return set()
    seen = np.zeros(int(column.max()) + 1, np.bool_)
    seen[column] = True
    return set(np.flatnonzero(seen).tolist())
