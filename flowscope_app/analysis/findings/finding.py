"""What a rule reads and what it finds, and the steps that several rules share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from flowscope_app.analysis.snapshot import Int, Int32, Mask, Snapshot
from flowscope_app.spans.kinds import Kind, Status

Float = NDArray[np.float64]
Concern = Literal["wrong", "slow", "dear"]

# What leaves the program to have something done elsewhere, and so is worth doing at once, less often, or not at all.
REMOTE = (Kind.LLM, Kind.TOOL, Kind.RETRIEVER, Kind.EMBEDDING, Kind.HTTP, Kind.RERANKER)
MODEL_CALLS = (Kind.LLM, Kind.EMBEDDING)


@dataclass(frozen=True)
class Finding:
    """One thing worth a look, with the spans that show it."""

    rule: str
    concern: Concern
    title: str  # one line in plain words; holds names out of the trace
    advice: str
    rows: Int32  # of the snapshot, by time; the first is where to look first
    lost_ns: int = 0  # what it costs in time, 0: it does not
    lost_usd: float = 0.0  # and in money, where the price is known
    # Pairs of calls of which neither may have needed the other's answer; only what they said can tell for sure.
    unless_dependent: bool = False


@dataclass(frozen=True)
class Calls:
    """A session's spans with what the rules want to know besides the snapshot; columns of the snapshot's length."""

    spans: Snapshot
    first_token: Int  # ns after the start; 0: not known
    prompt: Int  # equal numbers: inputs that are very likely the same; 0: no input
    cost: Float  # US dollars, NaN where not known; of a call told at two levels, at the one that tells its tokens

    @cached_property
    def whole_ns(self) -> int:
        """Time in which anything ran at all, ns."""
        roots = np.flatnonzero(self.spans.parent < 0)
        order = roots[np.argsort(self.spans.start[roots], kind="stable")]
        start, end = self.spans.start[order], self.spans.end[order]
        if not len(order):
            return 0
        reached = np.maximum.accumulate(end)
        before = np.concatenate((start[:1], reached[:-1]))
        return int(np.maximum(end - np.maximum(start, before), 0).sum())

    @cached_property
    def length(self) -> Int:
        """How long each span took, ns."""
        return self.spans.end - self.spans.start

    @cached_property
    def outermost(self) -> Mask:
        """Spans that no caller repeats: a model's call seen both in a framework and in the provider's SDK is one."""
        parent = self.spans.parent
        above = np.where(parent >= 0, self.spans.kind[parent], np.int8(-1))
        return np.asarray(above != self.spans.kind, bool)

    def of_kind(self, *kinds: Kind) -> Mask:
        """Which spans are of one of these kinds."""
        return np.isin(self.spans.kind, np.array([int(kind) for kind in kinds], np.int8))

    def done(self) -> Mask:
        """Which spans ended well."""
        return np.asarray(self.spans.status == Status.SUCCESS, bool)

    def worth_it(self, ns: int, share: float = 0.03) -> bool:
        """Whether so much time matters in this session."""
        return ns > 0 and ns >= share * self.whole_ns

    def op(self, row: int) -> str:
        """A span's operation."""
        return self.spans.names.get(int(self.spans.op[row]), "") or "a call"

    def usd(self, rows: Int32 | Int) -> float:
        """What some calls cost together, what each calls included; unknown prices left out."""
        return float(self._with_inner[rows].sum()) if len(rows) else 0.0

    @cached_property
    def _with_inner(self) -> Float:
        """Costs, that of a call's telling in the provider's SDK included."""
        cost = np.nan_to_num(self.cost)
        inner = np.flatnonzero(~self.outermost & (cost > 0))
        whole = cost.copy()
        np.add.at(whole, self.spans.parent[inner], cost[inner])
        return whole


def runs(*columns: NDArray[np.generic]) -> tuple[Int, Int]:
    """Where runs of equal rows begin in sorted columns, and how long they are."""
    n = len(columns[0])
    if not n:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    changes = np.zeros(n, bool)
    changes[0] = True
    for column in columns:
        changes[1:] |= column[1:] != column[:-1]
    first = np.flatnonzero(changes)
    return first, np.diff(np.append(first, n))


def spread(first: Int, length: Int) -> Int:
    """The places of several runs, one after the other."""
    total = int(length.sum())
    return np.arange(total) - np.repeat(np.cumsum(length) - length, length) + np.repeat(first, length)


def by_time(calls: Calls, rows: Int | Int32) -> Int32:
    """Rows in order of their start."""
    found = np.unique(rows)
    return found[np.argsort(calls.spans.start[found], kind="stable")].astype(np.int32)


def times(count: int) -> str:
    """How often, in words."""
    return "twice" if count == 2 else f"{count:,} times"
