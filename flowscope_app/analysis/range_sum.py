"""What lies in a stretch of time, summed: spans, errors, tokens, cost, and how long something was at work, by kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowscope_app.analysis.calls import costs
from flowscope_app.analysis.snapshot import Int, Snapshot
from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.spans.notes import Notes


@dataclass(frozen=True)
class KindSum:
    """The spans of one kind: how many, and how long (ns) at least one of them ran within the range."""

    kind: Kind
    spans: int
    busy: int


@dataclass(frozen=True)
class RangeSum:
    """Sums over the spans with a moment in `first..last` (ns)."""

    first: int
    last: int
    spans: int
    errors: int
    tokens_in: int
    tokens_out: int
    cost: float | None  # US dollars of the calls with a known price; None where none has one
    unpriced: int  # calls that used tokens and have no known price
    busy: int  # ns with at least one span running
    kinds: tuple[KindSum, ...]  # the busiest first


def sum_range(snapshot: Snapshot, first: int, last: int, notes: Notes) -> RangeSum:
    """Sum what lies in `first..last`. Tokens and cost are those of whole calls, also of such as reach out of it."""
    rows = np.flatnonzero(snapshot.overlapping(first, last))
    start, end = np.maximum(snapshot.start[rows], first), np.minimum(snapshot.end[rows], last)
    tokens_in, tokens_out = (np.maximum(each[rows], 0) for each in (snapshot.tokens_in, snapshot.tokens_out))
    used = rows[((tokens_in > 0) | (tokens_out > 0)) & (snapshot.model[rows] != 0) & ~snapshot.pending[rows]]
    dollars = costs(snapshot, notes)[used] if len(used) else np.empty(0)
    known = np.isfinite(dollars)
    kind = snapshot.kind[rows]
    kinds = []
    for number in np.unique(kind).tolist():
        own = kind == number
        named = Kind(number) if number in Kind.__members__.values() else Kind.OTHER
        kinds.append(KindSum(named, int(own.sum()), covered(start[own], end[own])))
    return RangeSum(
        first=first,
        last=last,
        spans=len(rows),
        errors=int((snapshot.status[rows] == Status.ERROR).sum()),
        tokens_in=int(tokens_in.sum(dtype=np.int64)),
        tokens_out=int(tokens_out.sum(dtype=np.int64)),
        cost=float(dollars[known].sum()) if known.any() else None,
        unpriced=int((~known).sum()),
        busy=covered(start, end),
        kinds=tuple(sorted(kinds, key=lambda each: (-each.busy, -each.spans))),
    )


def covered(start: Int, end: Int) -> int:
    """Nanoseconds that intervals cover; what overlaps counts once."""
    if not len(start):
        return 0
    order = np.argsort(start, kind="stable")
    start, end = start[order], end[order]
    before = np.concatenate((start[:1], np.maximum.accumulate(end)[:-1]))
    return int(np.maximum(end - np.maximum(start, before), 0).sum())
