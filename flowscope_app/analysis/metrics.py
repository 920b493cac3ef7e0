"""Calls, errors, percentiles, total and self time, tokens and cost, per operation, model, framework or program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from flowscope_app.analysis.intervals import self_times
from flowscope_app.analysis.quantiles import Float, run_quantiles, stable_order
from flowscope_app.analysis.snapshot import Int, Int32, Mask, Snapshot
from flowscope_app.spans.kinds import Status

Grouping = Literal["operation", "model", "framework", "program"]
_Number = TypeVar("_Number", bound=np.generic)


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
    whole = bool(chosen.all())
    rows = np.flatnonzero(chosen)

    def part(values: NDArray[_Number]) -> NDArray[_Number]:
        return values if whole else values[rows]

    if own is None:
        own = self_times(snapshot.start, snapshot.end, snapshot.parent)
    if cost is None:
        cost = np.full(snapshot.n, np.nan)
        used = np.zeros(0, np.intp)
    else:
        used = np.flatnonzero(chosen & ((snapshot.tokens_in > 0) | (snapshot.tokens_out > 0)))
    groups = _Groups(part(column))
    length = part(snapshot.end - snapshot.start)
    status, pending = part(snapshot.status), part(snapshot.pending)
    left = status == Status.ABANDONED
    quantiles = groups.quantiles(length, ~pending & ~left)
    return Metrics(
        grouping=grouping,
        group=groups.keys,
        kind=snapshot.kind[rows[groups.first]],
        calls=groups.counts,
        errors=groups.count(status == Status.ERROR),
        pending=groups.count(pending),
        abandoned=groups.count(left),
        p50=quantiles[0],
        p95=quantiles[1],
        p99=quantiles[2],
        total=groups.sums(length),
        self_time=groups.sums(part(own)),
        tokens_in=groups.sums(part(snapshot.tokens_in)),
        tokens_out=groups.sums(part(snapshot.tokens_out)),
        cost=_costs(part(cost), groups),
        unpriced=groups.of_keys(column[used[_no_price(snapshot, cost, used)]]),
    )


def _costs(cost: Float, groups: _Groups) -> Float:
    known = np.flatnonzero(np.isfinite(cost))
    number = groups.number[known]
    total = np.bincount(number, cost[known], minlength=groups.n)
    return np.where(np.bincount(number, minlength=groups.n) > 0, total, np.nan)


def _no_price(snapshot: Snapshot, cost: Float, used: NDArray[np.intp]) -> Mask:
    """Which of the calls that `used` tokens have ended at an unknown price."""
    without: Mask = np.isnan(cost[used]) & (snapshot.model[used] != 0) & ~snapshot.pending[used]
    return without


class _Groups:
    """Rows by their key, a small number: counted and summed without sorting what is summed."""

    def __init__(self, column: Int32) -> None:
        counts = np.bincount(column) if len(column) else np.zeros(0, np.int64)
        self.keys: Int32 = np.flatnonzero(counts).astype(np.int32)
        self.counts: Int = counts[self.keys]
        self.n = len(self.keys)
        self._places = np.zeros(len(counts), np.intp)
        self._places[self.keys] = np.arange(self.n)
        self.number: NDArray[np.intp] = self._places[column]  # of each row's group
        self._order = stable_order(self.number, self.n)
        self._begin = np.cumsum(self.counts) - self.counts

    @property
    def first(self) -> NDArray[np.intp]:
        """Each group's first row."""
        found: NDArray[np.intp] = self._order[self._begin]
        return found

    def sums(self, values: NDArray[Any]) -> Int:
        """The sum of each group's values."""
        if not self.n:
            return np.zeros(0, np.int64)
        total: Int = np.add.reduceat(values[self._order], self._begin, dtype=np.int64)
        return total

    def count(self, which: Mask) -> Int:
        """How many of each group's rows are so."""
        return np.bincount(self.number[which], minlength=self.n)

    def of_keys(self, keys: Int32) -> Int:
        """How often each group is named."""
        return np.bincount(self._places[keys], minlength=self.n)

    def quantiles(self, values: Int, which: Mask) -> Float:
        """`QUANTILES` of those of each group's values that are so."""
        order = self._order if which.all() else self._order[which[self._order]]
        return run_quantiles(values[order], self.count(which))
