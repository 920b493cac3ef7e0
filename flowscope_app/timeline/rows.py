"""Where lanes stand from top to bottom: tracks with their headers, and the lanes of those not collapsed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowscope_app.timeline.layout import Layout

HEADER = 20  # px, all of them logical
ROW = 20  # from a row to the next
BAR = 17  # height of a bar in it
BEFORE = 4  # between a header and its first row
AFTER = 12  # between tracks


@dataclass(frozen=True)
class Band:
    """A track on the screen: its header's top and its end, px from the top of all."""

    track: int
    top: int
    bottom: int
    collapsed: bool


@dataclass(frozen=True)
class RowMap:
    """All rows, top to bottom: `lanes[i]` is painted from `tops[i]` on."""

    bands: tuple[Band, ...]
    lanes: NDArray[np.int32]
    tops: NDArray[np.int32]
    height: int

    def top_of(self, lane: int) -> int | None:
        """Where a lane stands, or None if its track is collapsed."""
        at = np.flatnonzero(self.lanes == lane)
        return int(self.tops[at[0]]) if len(at) else None

    def between(self, top: int, bottom: int) -> slice:
        """Indices of the rows that are seen from `top` to `bottom`."""
        first, last = self.tops.searchsorted([top - BAR + 1, bottom])
        return slice(int(first), int(last))

    def bands_between(self, top: int, bottom: int) -> tuple[Band, ...]:
        """The tracks that are seen from `top` to `bottom`."""
        first = bisect_right(self.bands, top, key=lambda band: band.bottom)
        return self.bands[first : bisect_left(self.bands, bottom, key=lambda band: band.top)]


def row_map(layout: Layout, collapsed: frozenset[int]) -> RowMap:
    """Stack the tracks: by first start, those of one program together."""
    bands: list[Band] = []
    lanes: list[int] = []
    tops: list[int] = []
    y = 0
    for track in track_order(layout):
        top = y
        y += HEADER
        if track not in collapsed:
            y += BEFORE
            for lane in depth_first(layout, track):
                lanes.append(lane)
                tops.append(y)
                y += ROW
            y += AFTER - (ROW - BAR)
        else:
            y += BEFORE
        bands.append(Band(track, top, y, track in collapsed))
    return RowMap(tuple(bands), np.array(lanes, np.int32), np.array(tops, np.int32), y)


def track_order(layout: Layout) -> list[int]:
    """Tracks by first start, those of one program next to one another."""
    first = {
        track: min((int(layout.lanes[lane].starts[0]) for lane in lanes if layout.lanes[lane].n), default=0)
        for track, lanes in layout.tops.items()
        if lanes
    }
    known = layout.groups.tracks
    program = {track: known[track].producer if track in known else "" for track in first}
    began: dict[str, int] = {}
    for track, start in first.items():
        began[program[track]] = min(start, began.get(program[track], start))
    return sorted(first, key=lambda track: (began[program[track]], program[track], first[track], track))


def depth_first(layout: Layout, track: int) -> list[int]:
    """The lanes of a track in the order they are painted, each before those below it."""
    order: list[int] = []
    stack = layout.tops[track][::-1]
    while stack:
        lane = stack.pop()
        order.append(lane)
        stack.extend(layout.lanes[lane].below[::-1])
    return order
