"""Calls, errors, percentiles, total and self time, tokens and cost, per operation, model, framework or program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from flowscope_app.analysis.intervals import self_times
from flowscope_app.analysis.snapshot import Int, Int32, Mask, Snapshot
from flowscope_app.spans.kinds import Status

Float = NDArray[np.float64]
Grouping = Literal["operation", "model", "framework", "program"]
QUANTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True)
class Metrics:
    """One row a group, columns of equal length; times in ns, NaN where no call has finished yet."""

    grouping: Grouping
    group: Int32  # key into the session's names; for programs, the number that `measure` was given
    kind: NDArray[np.int8]  # of the group's first call
    calls: Int
    errors: Int
    pending: Int
    abandoned: Int  # their program ended without closing them: neither finished nor failed
    p50: Float  # of finished calls, linear between the two nearest
    p95: Float
    p99: Float
    total: Int  # calls that nest in calls of their own group count twice, as each did take its time
    self_time: Int
    tokens_in: Int
    tokens_out: Int
    cost: Float  # US dollars of the calls that have a price, NaN where none has one
    unpriced: Int  # calls that used tokens and have no known price

    @property
    def n(self) -> int:
        """How many groups there are."""
        return len(self.group)

    @property
    def error_rate(self) -> Float:
        """Errors by calls, 0..1."""
        return self.errors / np.maximum(self.calls, 1)

    @property
    def share(self) -> Float:
        """The part that each group's self time has in all self time, 0..1."""
        whole = float(self.self_time.sum())
        return self.self_time / whole if whole > 0 else np.zeros(self.n)


def measure(
    snapshot: Snapshot,
    grouping: Grouping = "operation",
    within: Mask | None = None,
    cost: Float | None = None,
    programs: Int32 | None = None,
    own: Int | None = None,
) -> Metrics:
    """Metrics of the spans `within` (all, if None). By model, spans without a model are left out.

    Self times take all children into account, those outside of `within` too. `cost` holds the US dollars of each
    span, NaN where unknown. By program, `programs` holds the number of each span's. `own` holds all self times,
    ns, where they are known already.
    """
    columns = {"operation": snapshot.op, "model": snapshot.model, "framework": snapshot.framework, "program": programs}
    column = columns[grouping]
    if column is None:
        raise ValueError("by program, the program of each span is needed")
    chosen = snapshot.matching(within)
    if grouping == "model":
        chosen &= column != 0
    rows = np.flatnonzero(chosen)
    groups = _Groups(column[rows])
    length = snapshot.end - snapshot.start
    if own is None:
        own = self_times(snapshot.start, snapshot.end, snapshot.parent)
    pending, left = snapshot.pending[rows], snapshot.status[rows] == Status.ABANDONED
    finished = ~pending & ~left
    quantiles = group_quantiles(length[rows][finished], groups.number[finished], groups.n)
    return Metrics(
        grouping=grouping,
        group=groups.keys,
        kind=snapshot.kind[rows[groups.first]],
        calls=groups.counts,
        errors=groups.sums(snapshot.status[rows] == Status.ERROR),
        pending=groups.sums(pending),
        abandoned=groups.sums(left),
        p50=quantiles[0],
        p95=quantiles[1],
        p99=quantiles[2],
        total=groups.sums(length[rows]),
        self_time=groups.sums(own[rows]),
        tokens_in=groups.sums(snapshot.tokens_in[rows]),
        tokens_out=groups.sums(snapshot.tokens_out[rows]),
        cost=_costs(cost, rows, groups.number, groups.n),
        unpriced=_unpriced(snapshot, cost, rows, groups.number, groups.n),
    )


def _costs(cost: Float | None, rows: NDArray[np.intp], group: NDArray[np.intp], groups: int) -> Float:
    if cost is None:
        return np.full(groups, np.nan)
    known = np.isfinite(cost[rows])
    total = np.bincount(group[known], cost[rows][known], minlength=groups)
    return np.where(np.bincount(group[known], minlength=groups) > 0, total, np.nan)


def _unpriced(
    snapshot: Snapshot, cost: Float | None, rows: NDArray[np.intp], group: NDArray[np.intp], groups: int
) -> Int:
    if cost is None:
        return np.zeros(groups, np.int64)
    used = (snapshot.tokens_in[rows] > 0) | (snapshot.tokens_out[rows] > 0)
    without = used & np.isnan(cost[rows]) & (snapshot.model[rows] != 0) & ~snapshot.pending[rows]
    return np.bincount(group[without], minlength=groups)


class _Groups:
    """Rows by their key, a small number: counted and summed without sorting what is summed."""

    def __init__(self, column: Int32) -> None:
        counts = np.bincount(column) if len(column) else np.zeros(0, np.int64)
        self.keys: Int32 = np.flatnonzero(counts).astype(np.int32)
        self.counts: Int = counts[self.keys]
        self.n = len(self.keys)
        places = np.zeros(len(counts), np.intp)
        places[self.keys] = np.arange(self.n)
        self.number: NDArray[np.intp] = places[column]  # of each row's group
        self._order = _stable_order(self.number, self.n)
        self._begin = np.cumsum(self.counts) - self.counts

    @property
    def first(self) -> NDArray[np.intp]:
        """Each group's first row."""
        found: NDArray[np.intp] = self._order[self._begin]
        return found

    def sums(self, values: NDArray[np.generic]) -> Int:
        """The sum of each group's values."""
        if not self.n:
            return np.zeros(0, np.int64)
        total: Int = np.add.reduceat(values[self._order].astype(np.int64), self._begin)
        return total


def _stable_order(number: NDArray[np.intp], groups: int) -> NDArray[np.intp]:
    """Rows by their group; numpy sorts 16 bits by radix, some times as fast as more of them."""
    small = number.astype(np.uint16) if groups < 1 << 16 else number
    return np.argsort(small, kind="stable")


def group_quantiles(values: Int, group: NDArray[np.intp], groups: int) -> Float:
    """`QUANTILES` of each group's values, linearly interpolated, shape (3, groups); NaN for an empty group."""
    grouped = values[_stable_order(group, groups)]
    counts = np.bincount(group, minlength=groups)
    found = np.full((len(QUANTILES), groups), np.nan)
    begin = 0
    for number, count in enumerate(counts.tolist()):
        if count:
            found[:, number] = np.quantile(grouped[begin : begin + count], QUANTILES)
        begin += count
    return found
