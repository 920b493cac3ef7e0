"""Rules about calls of models: a slow first token, a context that grows, most of the cost in one place."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowscope_app.analysis.findings.finding import Calls, Finding, by_time, runs, spread
from flowscope_app.base import format as fmt
from flowscope_app.spans.kinds import Kind

SLOW_NS = 1_000_000_000
"""A first token later than this is felt, where it is also most of the call."""
OUTLIER, OUTLIER_NS, OUTLIER_CALLS = 3.0, 250_000_000, 4
"""So many times the model's median, at least so late, of a model called at least so often."""
GROWS, GROWTH, GROWTH_TOKENS = 4, 2.0, 500
"""So many calls in a row, the last so many times as long as the first, and longer by so many tokens."""
MOST, MOST_OF = 0.5, 5
"""A share of all cost, among at least so many calls that have a price."""


def slow_first_token(calls: Calls) -> Iterator[Finding]:
    """Streams that kept their reader waiting, for long or far longer than the model's other streams."""
    spans = calls.spans
    rows = np.flatnonzero((spans.kind == Kind.LLM) & (calls.first_token > 0) & calls.outermost)
    wait = calls.first_token[rows]
    typical = np.zeros(len(rows))
    for model in np.unique(spans.model[rows]):
        own = spans.model[rows] == model
        typical[own] = np.median(wait[own]) if own.sum() >= OUTLIER_CALLS else np.inf
    late = (wait >= SLOW_NS) & (wait * 2 >= calls.length[rows])
    late |= (wait >= OUTLIER * typical) & (wait >= OUTLIER_NS)
    rows, wait = rows[late], wait[late]
    for op in np.unique(spans.op[rows]):
        own = spans.op[rows] == op
        shown = rows[own][np.argsort(-wait[own], kind="stable")]
        worst, count = fmt.duration(int(wait[own].max())), len(shown)
        streams = "a stream" if count == 1 else f"{count:,} streams"
        yield Finding(
            rule="slow first token",
            concern="slow",
            title=f"{worst} until the first token in {streams} of {calls.op(int(shown[0]))}",
            advice="A shorter or cached prompt, a smaller model or less reasoning makes the first word come sooner.",
            rows=shown.astype(np.int32),
            lost_ns=int(wait[own].sum()),
        )


def growing_context(calls: Calls) -> Iterator[Finding]:
    """Calls on one track each of which carries more along than the one before, as a chat without a limit does."""
    spans = calls.spans
    rows = np.flatnonzero((spans.kind == Kind.LLM) & (spans.tokens_in > 0))
    rows = rows[np.lexsort((spans.start[rows], spans.op[rows], spans.strand[rows]))]
    if not len(rows):
        return
    given = spans.tokens_in[rows].astype(np.int64)
    same = (spans.strand[rows][1:] == spans.strand[rows][:-1]) & (spans.op[rows][1:] == spans.op[rows][:-1])
    first, length = runs(np.cumsum(np.concatenate((np.ones(1, bool), ~(same & (given[1:] > given[:-1]))))))
    last = first + length - 1
    grows = (length >= GROWS) & (given[last] >= GROWTH * given[first]) & (given[last] - given[first] >= GROWTH_TOKENS)
    first, length, last = first[grows], length[grows], last[grows]
    for op in np.unique(spans.op[rows[first]]):
        group = np.flatnonzero(spans.op[rows[first]] == op)
        group = group[np.argsort(given[first[group]] - given[last[group]], kind="stable")]
        shown = rows[spread(first[group], length[group])]
        worst = group[0]
        carried = int(
            (given[spread(first[group], length[group])] - np.repeat(given[first[group]], length[group])).sum()
        )
        yield Finding(
            rule="growing context",
            concern="dear",
            title=f"The input of {calls.op(int(shown[0]))} grew from {fmt.tokens(int(given[first[worst]]))} to "
            f"{fmt.tokens(int(given[last[worst]]))} in {int(length[worst]):,} calls",
            advice=f"{fmt.tokens(carried)} were sent again and again: trim or sum up what is carried along.",
            rows=shown.astype(np.int32),
            lost_usd=0.0,
        )


def most_of_the_cost(calls: Calls) -> Iterator[Finding]:
    """One call that cost more than all others together."""
    spans = calls.spans
    priced = np.flatnonzero(np.isfinite(calls.cost) & (calls.cost > 0))
    if len(priced) < MOST_OF:
        return
    whole = float(calls.cost[priced].sum())
    top = int(priced[np.argmax(calls.cost[priced])])
    share = float(calls.cost[top]) / whole
    if share < MOST:
        return
    tokens = f"{fmt.tokens(int(spans.tokens_in[top]))} in, {fmt.tokens(int(spans.tokens_out[top]))} out"
    yield Finding(
        rule="cost",
        concern="dear",
        title=f"{share:.0%} of the cost is one call of {calls.op(top)}",
        advice=f"{tokens}: {fmt.dollars(float(calls.cost[top]))} of {fmt.dollars(whole)} in {len(priced):,} calls.",
        rows=by_time(calls, np.array([top])),
        lost_usd=float(calls.cost[top]),
    )
