"""Rules about calls of one parent: those that could run together, and many where one would do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowscope_app.analysis.findings.finding import REMOTE, Calls, Finding, by_time, runs, spread
from flowscope_app.analysis.snapshot import Int
from flowscope_app.base import format as fmt
from flowscope_app.spans.kinds import Kind

MANY = 5  # as many look-ups under one parent are a loop
_LOOKUPS = (Kind.RETRIEVER, Kind.EMBEDDING, Kind.HTTP)


def sequential(calls: Calls) -> Iterator[Finding]:
    """Calls of one operation that ran one after the other with nothing between them: they could run together.

    What stands between two calls is likely what the second waited for, so any other sibling breaks the row; a call
    with the same input as the one before is a retry or a repetition.
    """
    spans = calls.spans
    rows = np.flatnonzero(spans.parent >= 0)
    rows = rows[np.lexsort((spans.start[rows], spans.parent[rows]))]
    fits = calls.of_kind(*REMOTE)[rows] & calls.done()[rows]
    same = (spans.parent[rows][1:] == spans.parent[rows][:-1]) & (spans.op[rows][1:] == spans.op[rows][:-1])
    gap = spans.start[rows][1:] - spans.end[rows][:-1]
    close = (gap >= 0) & (gap <= np.maximum(calls.length[rows][:-1] // 4, 5_000_000))
    other = (calls.prompt[rows][1:] != calls.prompt[rows][:-1]) | (calls.prompt[rows][1:] == 0)
    follows = np.concatenate((np.zeros(1, bool), same & close & other & fits[1:] & fits[:-1])) if len(rows) else fits
    first, length = runs(np.cumsum(~follows))
    loops = calls.of_kind(*_LOOKUPS)[rows[first]] & (length >= MANY)  # `n_plus_one` tells of these
    long = (length >= 2) & ~loops
    yield from _grouped_sequences(calls, rows, first[long], length[long])


def _grouped_sequences(calls: Calls, rows: Int, first: Int, length: Int) -> Iterator[Finding]:
    """One finding an operation under an operation, however many parents show it."""
    spans = calls.spans
    if not len(first):
        return
    took = np.add.reduceat(calls.length[rows[spread(first, length)]], np.cumsum(length) - length)
    longest = np.maximum.reduceat(calls.length[rows[spread(first, length)]], np.cumsum(length) - length)
    above, op = spans.op[spans.parent[rows[first]]], spans.op[rows[first]]
    for pair in np.unique(np.stack((above, op)), axis=1).T:
        group = np.flatnonzero((above == pair[0]) & (op == pair[1]))
        saved = int((took - longest)[group].sum())
        if not calls.worth_it(saved):
            continue
        group = group[np.argsort(longest[group] - took[group], kind="stable")]
        shown = rows[spread(first[group], length[group])]
        count, places = int(length[group].max()), len(group)
        name, parent = calls.op(int(shown[0])), calls.op(int(spans.parent[shown[0]]))
        one = f"{count} calls of {name} one after the other under {parent}"
        yield Finding(
            rule="sequential",
            concern="slow",
            title=one if places == 1 else f"Up to {one}, {places:,} times",
            advice=f"If none needs the answer of the one before, run them together: {fmt.duration(saved)} less.",
            rows=shown.astype(np.int32),
            lost_ns=saved,
            unless_dependent=True,
        )


def n_plus_one(calls: Calls) -> Iterator[Finding]:
    """Many look-ups under one parent, one for each thing: most stores answer for all of them at once."""
    spans = calls.spans
    rows = np.flatnonzero((spans.parent >= 0) & calls.of_kind(*_LOOKUPS) & calls.outermost)
    rows = rows[np.lexsort((spans.start[rows], spans.op[rows], spans.parent[rows]))]
    first, length = runs(spans.parent[rows], spans.op[rows])
    many = length >= MANY
    first, length = first[many], length[many]
    for op in np.unique(spans.op[rows[first]]):
        group = np.flatnonzero(spans.op[rows[first]] == op)
        shown = rows[spread(first[group], length[group])]
        took = int(calls.length[shown].sum())
        if not calls.worth_it(took):
            continue
        count, places = int(length[group].max()), len(group)
        parent = calls.op(int(spans.parent[shown[0]]))
        where = f"in each of {places} runs of {parent}" if places > 1 else f"in one run of {parent}"
        yield Finding(
            rule="n+1",
            concern="slow",
            title=f"{'Up to ' if places > 1 else ''}{count} look-ups by {calls.op(int(shown[0]))} {where}",
            advice="Ask once for all of them, if the store can: each look-up pays its own way there and back.",
            rows=by_time(calls, shown),
            lost_ns=took,
        )
