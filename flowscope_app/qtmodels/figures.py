"""A session's figures, worked out off the GUI thread: what is asked, what is answered, what is kept in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from flowscope_app.analysis import prices
from flowscope_app.analysis.calls import costs
from flowscope_app.analysis.distribution import Spread, spread
from flowscope_app.analysis.intervals import self_times
from flowscope_app.analysis.metrics import Grouping, Metrics, measure
from flowscope_app.analysis.programs import program_term, programs_of
from flowscope_app.analysis.quantiles import Float
from flowscope_app.analysis.snapshot import Int, Int32, Mask, Snapshot
from flowscope_app.qtmodels.background import checkpoint
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans import query
from flowscope_app.spans.notes import Notes
from flowscope_app.spans.table import Track

_FIELDS = {"operation": "op", "model": "model", "framework": "framework"}
_UNKNOWN_PROGRAM = "unknown program"


@dataclass(frozen=True)
class Question:
    """A session as it is at one moment, and which part of it is asked about."""

    snapshot: Snapshot
    mask: Mask | None  # of the filter
    range: tuple[int, int]  # ns; the same twice: all
    notes: Notes
    tracks: Mapping[int, Track]
    labels: Mapping[str, str]  # what a person calls each producer, by its id
    version: tuple[int, ...]  # the same as long as rows and notes are

    @classmethod
    def of(cls, state: ViewState, labels: Mapping[str, str], last: Question | None = None) -> Question:
        """Take it off the shared state, in the GUI thread, or off the `last` one what has not changed since."""
        table, notes = state.table, state.notes
        version = (id(table), table.version, notes.change)
        now = state.now()
        same = last is not None and last.version[:2] == version[:2] and last.snapshot.now == now
        snapshot = last.snapshot if same and last is not None else Snapshot.of(table, now)
        return cls(snapshot, state.mask, state.range, notes, dict(table.tracks), dict(labels), version)

    def within(self) -> Mask:
        """Which spans pass the filter and have a moment in the range."""
        within = self.snapshot.matching(self.mask)
        if self.range[1] > self.range[0]:
            within &= self.snapshot.overlapping(*self.range)
        return within


@dataclass(frozen=True)
class Figures:
    """Metrics with the name of each group, the filter that lets only it through, and whose prices they are by."""

    metrics: Metrics
    names: dict[int, str]
    terms: dict[int, str]
    prices: str  # "" where nothing was there to be priced
    costed: bool  # whether costs are worked out; they are not while price data is to be loaded


@dataclass
class Desk:
    """What one view works out its figures with. Costs and self times are kept until spans or notes change.

    Used by one thread at a time.
    """

    _own: tuple[tuple[int, ...], Int] | None = field(default=None, repr=False)
    _cost: tuple[tuple[int, ...], Float] | None = field(default=None, repr=False)

    def figures(self, asked: Question, grouping: Grouping, *, quick: bool = False) -> Figures:
        """Metrics of what is asked about; `quick`, without costs if price data must be loaded first."""
        snapshot = asked.snapshot
        programs: Int32 | None = None
        producers: dict[int, str] = {}
        if grouping == "program":
            programs, producers = programs_of(snapshot.track, asked.tracks)
        checkpoint()
        costed = prices.ready() or not quick or not asked.snapshot.model.any()
        cost = self._costs(asked) if costed else None
        checkpoint()
        own = self._self_times(asked)
        checkpoint()
        metrics = measure(snapshot, grouping, asked.within(), cost, programs, own)
        names, terms = _named(asked, grouping, metrics.group.tolist(), producers)
        priced = bool(np.isfinite(metrics.cost).any() or metrics.unpriced.any())
        return Figures(metrics, names, terms, str(prices.source()) if priced else "", costed)

    def _costs(self, asked: Question) -> Float:
        if self._cost is None or self._cost[0] != asked.version:
            self._cost = asked.version, costs(asked.snapshot, asked.notes)
        return self._cost[1]

    def _self_times(self, asked: Question) -> Int:
        snapshot = asked.snapshot
        version = (*asked.version, snapshot.now)  # what runs ends with the clock
        if self._own is None or self._own[0] != version:
            self._own = version, self_times(snapshot.start, snapshot.end, snapshot.parent)
        return self._own[1]


def spread_of(asked: Question, grouping: Grouping, group: int | None) -> Spread:
    """How the calls asked about spread; of one group of a grouping, or of all that the grouping has."""
    within = asked.within()
    if group is not None:
        within &= group_column(asked, grouping) == group
    elif grouping == "model":
        within &= asked.snapshot.model != 0
    snapshot = asked.snapshot
    first, last = asked.range
    origin, latest = int(snapshot.start.min(initial=snapshot.now)), int(snapshot.end.max(initial=0))
    if last > first and first < latest and last > origin:
        first, last = max(first, origin), min(last, latest)
    else:
        first, last = origin, latest
    return spread(snapshot, within, first, last)


def group_column(asked: Question, grouping: Grouping) -> Int32:
    """The group of each span, numbered as in the metrics."""
    if grouping == "program":
        return programs_of(asked.snapshot.track, asked.tracks)[0]
    snapshot = asked.snapshot
    columns = {"operation": snapshot.op, "model": snapshot.model, "framework": snapshot.framework}
    return columns[grouping]


def _named(
    asked: Question, grouping: Grouping, groups: list[int], producers: Mapping[int, str]
) -> tuple[dict[int, str], dict[int, str]]:
    names, terms = {}, {}
    for group in groups:
        if grouping != "program":
            names[group] = asked.snapshot.names.get(group, "")
            terms[group] = query.term(_FIELDS[grouping], names[group])
            continue
        producer = producers.get(group, "")
        names[group] = asked.labels.get(producer) or producer or _UNKNOWN_PROGRAM
        terms[group] = program_term(producer, names[group], asked.tracks) if producer else ""
    return names, terms
