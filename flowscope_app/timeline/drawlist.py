"""What is painted for a viewport, as arrays: bars, and small spans folded into runs without hiding an error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.index import Int64, Rows
from flowscope_app.spans.kinds import Status
from flowscope_app.spans.table import NO_END, SpanTable
from flowscope_app.timeline.lane import Lane
from flowscope_app.timeline.lane import Mask as Mask
from flowscope_app.timeline.layout import Layout, ends_of
from flowscope_app.timeline.rows import BAR, RowMap, depth_first
from flowscope_app.timeline.viewport import Viewport

NORMAL, PENDING, ERROR, DIM, ABANDONED = 0, 1, 2, 4, 8  # DIM is added to one of the others
FOLD = 2  # px: a narrower span is folded with its neighbours in the same pixels
_GAP_FROM = 4  # px: from this width on, a bar leaves one pixel to its right free
_LEAST_ERROR = 2  # px
Stretch = tuple[int, int]  # of time, ns
_LONELY = 8  # px to the next bar from which on a small one is drawn
_LEAST_LONELY = 3  # px wide, to be seen well
_REACH = 2  # px around a narrow bar in which it is hit


@dataclass(frozen=True)
class Bars:
    """Bars of a viewport, a row of the screen after the other, each row by time.

    A bar stands for `count` spans; `row` is the one it is named after, a failed one if there is one. All arrays
    have one element a bar.
    """

    x: NDArray[np.float64]  # logical px from the viewport's left, clipped a little outside of it
    width: NDArray[np.float64]
    y: NDArray[np.int32]  # px from the top of all rows
    row: Rows
    count: Rows
    kind: NDArray[np.int8]
    style: NDArray[np.uint8]
    tops: NDArray[np.int32] = field(repr=False)  # the rows of the screen that were looked at
    first: NDArray[np.int64] = field(repr=False)  # where each of them begins in the other arrays

    def __len__(self) -> int:
        return len(self.x)

    def groups(self) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
        """Rectangles (x, y, width, height) by colour, as (style, kind, (n, 4)); errors come last, over the others."""
        if not len(self):
            return
        style = self.style & ~np.uint8(DIM)
        code = style.astype(np.uint16) * 64 + np.where(style & ERROR, 0, self.kind)
        code = np.where(style == ABANDONED, PENDING * 64 + 32, code)  # of no kind's colour, and under the errors
        # What is filtered out lies below what is not.
        code = np.where(self.style & DIM, code, code + 512).astype(np.uint16)
        order = np.argsort(code, kind="stable")
        code = code[order]
        rects = np.empty((len(order), 4), np.float64)
        rects[:, 0], rects[:, 1], rects[:, 2], rects[:, 3] = self.x[order], self.y[order], self.width[order], BAR
        bounds = np.flatnonzero(np.concatenate(([True], code[1:] != code[:-1], [True])))
        for a, b in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            at = order[a]
            yield int(self.style[at]), int(self.kind[at]), rects[a:b]

    def labelled(self, width: int, *, least_px: float = 30, most: int = 400) -> NDArray[np.int64]:
        """Indices of the bars with room for a label, the widest `most` of them."""
        seen = np.minimum(self.x + self.width, width) - np.maximum(self.x, 0)
        found = np.flatnonzero((seen >= least_px) & (self.count == 1))
        if len(found) > most:
            found = found[np.argpartition(-seen[found], most)[:most]]
        return found

    def hit(self, x: float, y: float) -> int:
        """The bar painted at a point (px; `y` from the top of all rows), or -1. A narrow bar is met beside it too."""
        at = int(self.tops.searchsorted(y, side="right")) - 1
        if at < 0 or y >= self.tops[at] + BAR:
            return -1
        a, b = int(self.first[at]), int(self.first[at + 1])
        left, right = self.x[a:b], self.x[a:b] + self.width[a:b]
        inside = np.flatnonzero((left <= x) & (x < right))
        if len(inside):  # an error is painted over others, and what is filtered out under them
            style = self.style[a:b][inside]
            return a + int(inside[np.argmax(np.where(style & DIM, 0, 8) + (style & ERROR))])
        near = np.where((left - _REACH <= x) & (x < right + _REACH), np.abs((left + right) / 2 - x), np.inf)
        return a + int(np.argmin(near)) if len(near) and np.isfinite(near.min()) else -1


@dataclass
class _Found:
    """Spans and runs of some rows of the screen, before they are rectangles."""

    index: list[NDArray[np.int32]] = field(default_factory=list)  # of the screen's row
    row: list[Rows] = field(default_factory=list)
    start: list[Int64] = field(default_factory=list)
    end: list[Int64] = field(default_factory=list)
    count: list[Rows] = field(default_factory=list)

    def add(self, index: NDArray[np.int32], row: Rows, start: Int64, end: Int64, count: Rows | None = None) -> None:
        self.index.append(index)
        self.row.append(row)
        self.start.append(start)
        self.end.append(end)
        self.count.append(np.ones(len(row), np.int32) if count is None else count)

    def in_order(self, stretch: Stretch) -> tuple[NDArray[np.int32], Rows, Int64, Int64, Rows]:
        """All of them, by row of the screen and start: index, row, start, end, count."""
        if not self.row:
            none, never = np.empty(0, np.int32), np.empty(0, np.int64)
            return none, none, never, never, none
        index, row, start = np.concatenate(self.index), np.concatenate(self.row), np.concatenate(self.start)
        end, count = np.concatenate(self.end), np.concatenate(self.count)
        room = stretch[1] - stretch[0] + 2
        if room * (int(index.max(initial=0)) + 2) < 1 << 62:
            # One key, nearly in order already. At most one span of a row starts before the stretch.
            place = np.clip(start - stretch[0], -1, room - 2)
            order = np.argsort(index * np.int64(room) + place, kind="stable")
        else:
            order = np.lexsort((start, index))
        return index[order], row[order], start[order], end[order], count[order]


@dataclass(frozen=True)
class DrawList:
    """What there is to paint in some rows of the screen over a stretch of time: for any viewport in it, at one zoom.

    Arrays have one element a bar, a row of the screen after the other, each row by time; times in ns.
    """

    tops: NDArray[np.int32]  # the rows of the screen that were looked at
    index: NDArray[np.int32]  # which of them
    row: Rows
    start: Int64
    end: Int64
    count: Rows
    kind: NDArray[np.int8]
    style: NDArray[np.uint8]

    def bars(self, view: Viewport, scale: float = 1) -> Bars:
        """As rectangles; `scale` is device pixels a logical pixel."""
        seen = np.flatnonzero((self.start < view.t1) & ((self.end > view.t0) | (self.start >= view.t0)))
        index, start, end, style = self.index[seen], self.start[seen], self.end[seen], self.style[seen]
        # Clipped: the rasteriser wants small numbers, and outline and corners of what reaches out lie outside.
        x = np.round(np.clip(view.xs(start), -16, view.width + 16) * scale) / scale
        right = np.round(np.clip(view.xs(end), -16, view.width + 16) * scale) / scale
        width = right - x
        least = np.where(style & ERROR, _LEAST_ERROR, 1 / scale)
        least = np.where(_room(x, index) >= _LONELY, _LEAST_LONELY, least)
        width = np.where(width >= _GAP_FROM, width - 1, np.maximum(width, least))
        first = np.searchsorted(index, np.arange(len(self.tops) + 1))
        return Bars(
            x, width, self.tops[index], self.row[seen], self.count[seen], self.kind[seen], style, self.tops, first
        )


def _room(x: NDArray[np.float64], index: NDArray[np.int32]) -> NDArray[np.float64]:
    """How far each bar's left edge is from the next one's in its row, px."""
    if not len(x):
        return x
    return np.append(np.where(index[1:] == index[:-1], x[1:] - x[:-1], np.inf), np.inf)


def fold_of(view: Viewport) -> int:
    """Nanoseconds within which small spans are folded at a viewport's zoom."""
    return max(1, round(FOLD * view.ns_per_px))


def draw_list(
    layout: Layout, rows: RowMap, seen: slice, stretch: Stretch, fold: int, now: int, mask: Mask | None = None
) -> DrawList:
    """What there is to paint of the rows `seen` in a stretch of time, folded as `fold_of` says.

    `now` (ns) is where pending spans end, `mask` says which rows of the table the filter keeps. The work is bounded by
    the pixels, not by the spans.
    """
    table, found = layout.table, _Found()
    _collect(found, table, [layout.lanes[lane] for lane in rows.lanes[seen].tolist()], stretch, fold, now, mask)
    index, row, start, end, count = found.in_order(stretch)
    failed = table.status[row] == Status.ERROR
    left = table.status[row] == Status.ABANDONED
    pending = (table.end[row] == NO_END) & (count == 1)
    style = np.select([failed, left, pending], [ERROR, ABANDONED, PENDING], NORMAL).astype(np.uint8)
    if mask is not None:
        style += np.where(mask[row], 0, DIM).astype(np.uint8)
    return DrawList(rows.tops[seen], index, row, start, end, count, table.kind[row], style)


def bars(
    layout: Layout,
    rows: RowMap,
    view: Viewport,
    top: int,
    bottom: int,
    now: int,
    mask: Mask | None = None,
    scale: float = 1,
) -> Bars:
    """All that is painted from `top` to `bottom` (px of the rows' own height) in a viewport."""
    seen, stretch = rows.between(top, bottom), (view.t0, view.t1)
    return draw_list(layout, rows, seen, stretch, fold_of(view), now, mask).bars(view, scale)


def _collect(
    found: _Found, table: SpanTable, lanes: list[Lane], stretch: Stretch, fold: int, now: int, mask: Mask | None
) -> None:
    # Runs are cut at multiples of the fold since the session's start, so that they don't flicker while one pans.
    first = (stretch[0] - table.origin) // fold
    edges = table.origin + np.arange(first, (stretch[1] - table.origin) // fold + 2, dtype=np.int64) * fold
    window = np.array(stretch, np.int64)
    few: list[tuple[int, Lane, int, int]] = []
    for index, lane in enumerate(lanes):
        a, b = lane.starts.searchsorted(window).tolist()
        a = max(a - 1, 0)  # the one before may reach in
        if b - a > len(edges):
            _sample(found, table, lane, index, a, b, edges, now, mask)
        elif b > a:
            few.append((index, lane, a, b))
    if few:
        _each(found, table, few, fold, stretch[0], now, mask)


def _each(
    found: _Found,
    table: SpanTable,
    few: list[tuple[int, Lane, int, int]],
    fold: int,
    t0: int,
    now: int,
    mask: Mask | None,
) -> None:
    """Look at every span: for rows with fewer spans than pixels."""
    index = np.repeat(np.array([i for i, *_ in few], np.int32), [b - a for *_, a, b in few])
    row = np.concatenate([lane.rows[a:b] for _, lane, a, b in few])
    start = np.concatenate([lane.starts[a:b] for _, lane, a, b in few])
    end = ends_of(table, row, start, now)
    # A span of no length lies in the viewport if its start does.
    seen = (end > t0) | (start >= t0)
    wide = seen & (end - start >= fold)
    found.add(index[wide], row[wide], start[wide], end[wide])
    small = np.flatnonzero(seen & ~wide)
    if not len(small):
        return
    index, row, start, end = index[small], row[small], start[small], end[small]
    cell = (start - table.origin) // fold
    first = np.flatnonzero(np.concatenate(([True], (cell[1:] != cell[:-1]) | (index[1:] != index[:-1]))))
    last = np.append(first[1:], len(row)) - 1
    score = (table.status[row] == Status.ERROR).astype(np.int64)
    if mask is not None:
        score += 2 * mask[row]
    # The greatest score of each run, and of those the first: the place is in the lower half, turned around.
    best = np.maximum.reduceat((score << 32) + (len(row) - np.arange(len(row))), first)
    chosen = len(row) - (best & 0xFFFFFFFF)
    found.add(index[first], row[chosen], start[first], end[last], (last - first + 1).astype(np.int32))


def _sample(
    found: _Found, table: SpanTable, lane: Lane, index: int, a: int, b: int, edges: Int64, now: int, mask: Mask | None
) -> None:
    """Look at the ends of each run only, by binary search: for rows with more spans than pixels."""
    rows, starts = lane.rows, lane.starts
    places = a + starts[a:b].searchsorted(edges)
    places[0] = a
    first, last = places[:-1], places[1:] - 1
    full = last >= first
    first, last = first[full], last[full]
    row, start = rows[last], starts[last]
    end = ends_of(table, row, start, now)
    # Spans don't overlap, so only the last one that starts in a cell can be wide.
    wide = end - start >= edges[1] - edges[0]
    if wide.any():
        found.add(np.full(int(wide.sum()), index, np.int32), row[wide], start[wide], end[wide])
        last = last - wide
        run = last >= first
        first, last, end = first[run], last[run], end[run]
        others = last[wide[run]]  # the run ends before the wide one
        end[wide[run]] = ends_of(table, rows[others], starts[others], now)
    chosen = _chosen(first, last, lane, table.status, mask)
    count = (last - first + 1).astype(np.int32)
    found.add(np.full(len(first), index, np.int32), rows[chosen], starts[first], end, count)


def _chosen(
    first: NDArray[np.int64], last: NDArray[np.int64], lane: Lane, status: NDArray[np.int8], mask: Mask | None
) -> NDArray[np.int64]:
    """The span each run is named after: failed before sound, among those that the filter keeps if there are any."""
    ranked: list[Rows] = [lane.errors(status)]
    if mask is not None:
        ranked += lane.kept(mask, status)
    chosen = first
    for places in ranked:  # the later ones weigh more
        if len(places):
            at = places.searchsorted(first)
            next_one = places[np.minimum(at, len(places) - 1)]
            chosen = np.where((next_one >= first) & (next_one <= last), next_one, chosen)
    return chosen


def strip(layout: Layout, track: int, view: Viewport, now: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A collapsed track in one line: where it was at work, as (n, 2) of x and width, and the x of all its errors."""
    table, found = layout.table, _Found()
    tops = [layout.lanes[lane] for lane in layout.tops.get(track, [])]
    _collect(found, table, tops, (view.t0, view.t1), fold_of(view), now, None)
    busy = np.empty((0, 2), np.float64)
    if found.row:
        x = np.clip(view.xs(np.concatenate(found.start)), -16, view.width + 16)
        right = np.clip(view.xs(np.concatenate(found.end)), -16, view.width + 16)
        busy = np.stack((x, np.maximum(right - x, 1)), axis=1)
    errors = [np.empty(0, np.int64)]
    for lane in (layout.lanes[number] for number in depth_first(layout, track)):
        starts = lane.starts[lane.errors(table.status)]
        a, b = starts.searchsorted(np.array([view.t0, view.t1], np.int64)).tolist()
        errors.append(starts[max(a - 1, 0) : b])
    columns = np.unique(np.floor(np.clip(view.xs(np.concatenate(errors)), -16, view.width + 16)))
    return busy, columns
