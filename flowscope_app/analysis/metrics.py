"""Calls, errors, percentiles, total and self time and tokens, per operation or per model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from flowscope_app.analysis.intervals import self_times
from flowscope_app.analysis.snapshot import Int, Int32, Mask, Snapshot
from flowscope_app.spans.kinds import Status

Float = NDArray[np.float64]
Grouping = Literal["operation", "model"]
QUANTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True)
class Metrics:
    """One row a group, columns of equal length; times in ns, NaN where no call has finished yet."""

    grouping: Grouping
    group: Int32  # key into the session's names
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


def measure(snapshot: Snapshot, grouping: Grouping = "operation", within: Mask | None = None) -> Metrics:
    """Metrics of the spans `within` (all, if None). By model, spans without a model are left out.

    Self times take all children into account, those outside of `within` too.
    """
    column = snapshot.op if grouping == "operation" else snapshot.model
    chosen = snapshot.matching(within)
    if grouping == "model":
        chosen &= column != 0
    rows = np.flatnonzero(chosen)
    group, first, inverse = np.unique(column[rows], return_index=True, return_inverse=True)
    length = snapshot.end - snapshot.start
    own = self_times(snapshot.start, snapshot.end, snapshot.parent)

    def summed(values: NDArray[np.generic]) -> Int:
        total = np.zeros(len(group), np.int64)
        np.add.at(total, inverse, values[rows])
        return total

    left = snapshot.status == Status.ABANDONED
    finished = ~snapshot.pending[rows] & ~left[rows]
    quantiles = group_quantiles(length[rows][finished], inverse[finished], len(group))
    return Metrics(
        grouping=grouping,
        group=group.astype(np.int32),
        kind=snapshot.kind[rows][first],
        calls=np.bincount(inverse, minlength=len(group)),
        errors=summed(snapshot.status == Status.ERROR),
        pending=summed(snapshot.pending),
        abandoned=summed(left),
        p50=quantiles[0],
        p95=quantiles[1],
        p99=quantiles[2],
        total=summed(length),
        self_time=summed(own),
        tokens_in=summed(snapshot.tokens_in),
        tokens_out=summed(snapshot.tokens_out),
    )


def group_quantiles(values: Int, group: NDArray[np.intp], groups: int) -> Float:
    """`QUANTILES` of each group's values, linearly interpolated, shape (3, groups); NaN for an empty group."""
    order = np.lexsort((values, group))
    ordered = values[order]
    counts = np.bincount(group, minlength=groups)
    first = np.cumsum(counts) - counts
    some = counts > 0
    found = np.full((len(QUANTILES), groups), np.nan)
    for index, quantile in enumerate(QUANTILES):
        place = (counts[some] - 1) * quantile
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, counts[some] - 1)
        below, above = ordered[first[some] + low], ordered[first[some] + high]
        found[index, some] = below + (above - below) * (place - low)
    return found
