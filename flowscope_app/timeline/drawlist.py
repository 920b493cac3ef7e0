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
    """All that is painted from `top` to `bottom` (px of the rows' own height) in a viewport.

    `now` (ns) is where pending spans end, `mask` says which rows of the table the filter keeps, `scale` is device
    pixels a logical pixel. The work is bounded by the pixels, not by the spans.
    """
    seen = rows.between(top, bottom)
    lanes = [layout.lanes[lane] for lane in rows.lanes[seen].tolist()]
    found = _Found()
    _collect(found, layout.table, lanes, view, now, mask)
    return _rectangles(found, layout.table, rows.tops[seen], view, mask, scale)


def _collect(found: _Found, table: SpanTable, lanes: list[Lane], view: Viewport, now: int, mask: Mask | None) -> None:
    # Runs are cut at multiples of the fold since the session's start, so that they don't flicker while one pans.
    fold = max(1, round(FOLD * view.ns_per_px))
    first = (view.t0 - table.origin) // fold
    edges = table.origin + np.arange(first, (view.t1 - table.origin) // fold + 2, dtype=np.int64) * fold
    window = np.array([view.t0, view.t1], np.int64)
    few: list[tuple[int, Lane, int, int]] = []
    for index, lane in enumerate(lanes):
        a, b = lane.starts.searchsorted(window).tolist()
        a = max(a - 1, 0)  # the one before may reach in
        if b - a > len(edges):
            _sample(found, table, lane, index, a, b, edges, now, mask)
        elif b > a:
            few.append((index, lane, a, b))
    if few:
        _each(found, table, few, fold, view.t0, now, mask)


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
    found.add(np.full(int(wide.sum()), index, np.int32), row[wide], start[wide], end[wide])
    last = last - wide
    run = last >= first
    first, last = first[run], last[run]
    chosen = _chosen(first, last, lane, table.status, mask)
    end = ends_of(table, rows[last], starts[last], now)
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


def _rectangles(
    found: _Found, table: SpanTable, tops: NDArray[np.int32], view: Viewport, mask: Mask | None, scale: float
) -> Bars:
    if not found.row:
        none, nothing = np.empty(0, np.float64), np.empty(0, np.int32)
        kind, style = np.empty(0, np.int8), np.empty(0, np.uint8)
        first = np.zeros(len(tops) + 1, np.int64)
        return Bars(none, none, nothing, nothing, nothing, kind, style, tops, first)
    index, row = np.concatenate(found.index), np.concatenate(found.row)
    start, end, count = np.concatenate(found.start), np.concatenate(found.end), np.concatenate(found.count)
    order = np.lexsort((start, index))
    index, row, start, end, count = index[order], row[order], start[order], end[order], count[order]
    failed = table.status[row] == Status.ERROR
    left = table.status[row] == Status.ABANDONED
    pending = (table.end[row] == NO_END) & (count == 1)
    style = np.select([failed, left, pending], [ERROR, ABANDONED, PENDING], NORMAL).astype(np.uint8)
    if mask is not None:
        style += np.where(mask[row], 0, DIM).astype(np.uint8)
    # Clipped: the rasteriser wants small numbers, and outline and corners of what reaches out lie outside.
    x = np.round(np.clip(view.xs(start), -16, view.width + 16) * scale) / scale
    right = np.round(np.clip(view.xs(end), -16, view.width + 16) * scale) / scale
    width = right - x
    width = np.where(width >= _GAP_FROM, width - 1, np.maximum(width, np.where(failed, _LEAST_ERROR, 1 / scale)))
    first = np.searchsorted(index, np.arange(len(tops) + 1))
    return Bars(x, width, tops[index], row, count, table.kind[row], style, tops, first)


def strip(layout: Layout, track: int, view: Viewport, now: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A collapsed track in one line: where it was at work, as (n, 2) of x and width, and the x of all its errors."""
    table, found = layout.table, _Found()
    tops = [layout.lanes[lane] for lane in layout.tops.get(track, [])]
    _collect(found, table, tops, view, now, None)
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
