"""How calls spread: over lengths, in bins of equal ratio, and over time, in bins of equal length."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowscope_app.analysis.quantiles import Float, group_quantiles, sorted_quantiles
from flowscope_app.analysis.snapshot import Int, Mask, Snapshot
from flowscope_app.spans.kinds import Status

_PER_DECADE = (24, 12, 8, 4, 2, 1)  # bins, the most that fit into `most`
_DIGITS = 3  # of an edge, so that it can be written down


@dataclass(frozen=True)
class Durations:
    """Finished calls by their length: bin i holds `edges[i] <= ns < edges[i + 1]`; percentiles are NaN without any."""

    edges: Int
    calls: Int
    errors: Int  # those of `calls` that failed
    p50: float
    p95: float


@dataclass(frozen=True)
class Course:
    """Calls by when they began, in equal parts of `first..last` (ns); p95 of the finished ones, NaN without any."""

    first: int
    last: int
    calls: Int
    errors: Int
    p95: Float

    def edge(self, number: int) -> int:
        """Where bin `number` begins, ns."""
        return self.first + (self.last - self.first) * number // len(self.calls)


@dataclass(frozen=True)
class Spread:
    """Both, of the same calls."""

    durations: Durations
    course: Course


def spread(snapshot: Snapshot, within: Mask, first: int, last: int, bins: int = 48) -> Spread:
    """How the calls `within` spread; over time, in `bins` parts of `first..last` (ns)."""
    rows = np.flatnonzero(within)
    start, length = snapshot.start[rows], snapshot.end[rows] - snapshot.start[rows]
    failed = snapshot.status[rows] == Status.ERROR
    finished = ~snapshot.pending[rows] & (snapshot.status[rows] != Status.ABANDONED)
    return Spread(
        durations(length[finished], failed[finished]), _course(start, length, failed, finished, first, last, bins)
    )


def durations(length: Int, failed: Mask, most: int = 48) -> Durations:
    """A histogram of lengths (ns) with about `most` bins at most; edges are round numbers, the same for all data."""
    if not len(length):
        none = np.zeros(0, np.int64)
        return Durations(none, none, none, math.nan, math.nan)
    length, wrong = np.sort(length), np.sort(length[failed])
    shortest, longest = int(length[0]), int(length[-1])
    edges = round_edges(max(shortest, 1), max(longest, 1), most)
    if shortest < 1:
        edges[0] = 0
    p50, p95 = sorted_quantiles(length, np.array([len(length)]), (0.5, 0.95))[:, 0].tolist()
    return Durations(edges, _between(length, edges), _between(wrong, edges), p50, p95)


def _between(ordered: Int, edges: Int) -> Int:
    """How many of some numbers in order lie between each two edges."""
    return np.diff(np.searchsorted(ordered, edges))


def round_edges(shortest: int, longest: int, most: int) -> Int:
    """Edges of bins that hold `shortest..longest`, both 1 or more: equal ratios, of three figures each."""
    for per_decade in _PER_DECADE:
        low = math.floor(math.log10(shortest) * per_decade)
        high = math.floor(math.log10(longest) * per_decade) + 2
        if high - low <= most:
            break
    exact = [10 ** (step / per_decade) for step in range(low, high + 1)]
    # Below some ns bins are narrower than the clock's step: the next whole one ends the last of them.
    steps = {_round_down(edge) for edge in exact}
    if max(steps) <= longest:
        steps.add(longest + 1)
    edges = np.array(sorted(steps), np.int64)
    first = max(int(np.searchsorted(edges, shortest, "right")) - 1, 0)
    last = int(np.searchsorted(edges, longest, "right"))
    return edges[first : last + 1].copy()


def _round_down(value: float) -> int:
    unit: int = 10 ** max(math.floor(math.log10(value) + 1e-12) + 1 - _DIGITS, 0)
    return max(int(value * (1 + 1e-12)) // unit * unit, 1)


def _course(start: Int, length: Int, failed: Mask, finished: Mask, first: int, last: int, bins: int) -> Course:
    last = max(last, first + bins)
    width = (last - first) / bins
    inside = (start >= first) & (start <= last)
    place: NDArray[np.intp] = np.minimum(((start - first) / width).astype(np.intp), bins - 1)
    ended = inside & finished
    return Course(
        first,
        last,
        np.bincount(place[inside], minlength=bins),
        np.bincount(place[inside & failed], minlength=bins),
        group_quantiles(length[ended], place[ended], bins, (0.95,))[0],
    )
