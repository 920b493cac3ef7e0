"""Which lane every span of a track lies in, for all spans at once.

A lane holds spans that never overlap. A span's children lie in lanes of their own below its lane, so lanes form a
tree; siblings take the first lane that is free when they start. A row on the screen is a lane, in depth-first order.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Rows = NDArray[np.int32]

OPEN = np.int64(1) << np.int64(62)  # the end of a span that is pending: its lane stays taken

# Levels placed one by one. What lies deeper (a hostile chain) takes lanes below its ancestor at this depth.
_LEVELS = 64


@dataclass(frozen=True)
class Lanes:
    """Lanes 0..k-1, parents before children; `lane[i]` is where span i lies."""

    lane: Rows  # (spans,)
    above: Rows  # (lanes,) the lane a lane hangs below, or -1
    track: Rows  # (lanes,)


def assign(start: Int64, end: Int64, parent: Rows, track: Rows, order: NDArray[np.intp] | None = None) -> Lanes:
    """Place n spans: `start`, `end` in ns (`OPEN` while pending), `parent` an index on the same track or -1.

    Spans are met by start, those that start together in the order given; or in `order`, which is by start too.
    """
    n = len(start)
    if order is None:
        order = np.argsort(start, kind="stable")
    rank = np.empty(n, np.int32)
    rank[order] = np.arange(n, dtype=np.int32)
    up = parent[order]
    up = np.where(up >= 0, rank[up], np.int32(-1))
    base = int(start.min()) if n else 0
    begin = start[order] - base
    finish = np.maximum(np.minimum(end[order] - base, OPEN), begin + 1)
    tracks = track[order]
    lane = np.full(n, -1, np.int32)
    above: list[Rows] = []
    track_of: list[Rows] = []
    count = 0
    for members, at in _levels(up):
        # Roots hang below a lane that is not there, one a track; its number is negative.
        key = lane[at] if at is not None else -1 - tracks[members]
        sort = stable_argsort(key)
        members, key = members[sort], key[sort]
        first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
        within = _first_fit(begin[members], finish[members], first)
        lanes = np.maximum.reduceat(within, first) + 1
        offset = count + np.cumsum(lanes) - lanes
        sizes = np.diff(np.append(first, len(members)))
        lane[members] = np.repeat(offset, sizes) + within
        above.append(np.repeat(np.maximum(key[first], -1), lanes).astype(np.int32))
        track_of.append(np.repeat(tracks[members[first]], lanes))
        count += int(lanes.sum())
    found = np.empty(n, np.int32)
    found[order] = lane
    none = np.empty(0, np.int32)
    return Lanes(found, np.concatenate([none, *above]), np.concatenate([none, *track_of]))


def _levels(up: Rows) -> list[tuple[Rows, Rows | None]]:
    """Members of each level in order, with the index each hangs below (None: roots)."""
    level = np.where(up < 0, 0, -1).astype(np.int16)
    roots = np.flatnonzero(up < 0).astype(np.int32)
    levels: list[tuple[Rows, Rows | None]] = [(roots, None)] if len(roots) else []
    left = np.flatnonzero(up >= 0).astype(np.int32)
    for depth in range(1, _LEVELS):
        if not len(left):
            return levels
        now = level[up[left]] == depth - 1
        members = left[now]
        if not len(members):
            break
        level[members] = depth
        levels.append((members, up[members]))
        left = left[~now]
    if len(left):
        jump = np.where(level >= 0, np.arange(len(up), dtype=np.int32), up)
        for _ in range(len(up).bit_length()):
            jump = jump[jump]
        levels.append((left, jump[left]))
    return levels


def stable_argsort(key: Rows) -> NDArray[np.int64]:
    """Indices that sort `key`, equal ones in the order given."""
    if not len(key):
        return np.empty(0, np.int64)
    low = int(key.min())
    if int(key.max()) - low < 1 << 16:  # numpy sorts 16 bits by radix, in linear time
        return np.argsort((key - low).astype(np.uint16), kind="stable")
    return np.argsort(key, kind="stable")


def _first_fit(begin: Int64, finish: Int64, first: NDArray[np.int64]) -> Rows:
    """The lane of each span within its group, groups beginning at `first`, each sorted by `begin`."""
    lane = np.zeros(len(begin), np.int32)
    fresh = _meets_nothing(begin, finish, first)
    alone = fresh & np.append(fresh[1:], True)
    crowd = np.flatnonzero(~alone)
    if not len(crowd):
        return lane
    lanes: list[int] = []
    taken: list[tuple[int, int]] = []  # (end, lane), least end first
    free: list[int] = []
    top = 0
    for new, start, end in zip(fresh[crowd].tolist(), begin[crowd].tolist(), finish[crowd].tolist(), strict=True):
        if new:
            taken.clear()
            free.clear()
            top = 0
        while taken and taken[0][0] <= start:
            heappush(free, heappop(taken)[1])
        if free:
            mine = heappop(free)
        else:
            mine, top = top, top + 1
        heappush(taken, (end, mine))
        lanes.append(mine)
    lane[crowd] = lanes
    return lane


def _meets_nothing(begin: Int64, finish: Int64, first: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether all earlier spans of its group have ended when a span begins."""
    n = len(begin)
    stride = int(begin.max()) + 2
    if stride * len(first) < 1 << 62:
        group = np.zeros(n, np.int64)
        group[first[1:]] = stride
        group = np.cumsum(group)
        reach = np.maximum.accumulate(np.minimum(finish, stride - 1) + group)
        free = np.ones(n, np.bool_)
        free[1:] = begin[1:] + group[1:] >= reach[:-1]
        return free
    free = np.empty(n, np.bool_)
    for a, b in zip(first.tolist(), [*first[1:].tolist(), n], strict=True):
        reach = np.maximum.accumulate(finish[a:b])
        free[a] = True
        free[a + 1 : b] = begin[a + 1 : b] >= reach[:-1]
    return free
