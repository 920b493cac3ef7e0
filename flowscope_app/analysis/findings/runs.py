"""Rules about how a run went: time in which nothing that is traced ran, errors that nobody heard of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowscope_app.analysis.findings.finding import Calls, Finding, by_time, times
from flowscope_app.analysis.findings.repeats import attempts
from flowscope_app.analysis.snapshot import Int
from flowscope_app.base import format as fmt
from flowscope_app.spans.kinds import Status

IDLE_NS, IDLE_SHARE = 200_000_000, 0.1
"""A pause so long, and so much of the span it is in."""


def nothing_running(calls: Calls) -> Iterator[Finding]:
    """Pauses between the calls that a span makes: its own code, a lock, a sleep, or a call that is not traced."""
    spans = calls.spans
    rows, pause = _pauses(calls)
    parent = spans.parent[rows]
    long = (pause >= IDLE_NS) & (pause >= IDLE_SHARE * calls.length[parent])
    rows, pause, parent = rows[long], pause[long], parent[long]
    for op in np.unique(spans.op[parent]):
        own = spans.op[parent] == op
        lost = int(pause[own].sum())
        if not calls.worth_it(lost):
            continue
        ordered = np.argsort(-pause[own], kind="stable")
        shown = parent[own][ordered]
        found = list(dict.fromkeys(shown.tolist()))
        where = calls.op(found[0]) if len(found) == 1 else f"{len(found):,} runs of {calls.op(found[0])}"
        yield Finding(
            rule="nothing running",
            concern="slow",
            title=f"{fmt.duration(lost)} in {where} with nothing running",
            advice=f"The longest pause is before {calls.op(int(rows[own][ordered[0]]))}: code of its own, a lock, "
            "a sleep, or a call that is not traced.",
            rows=np.array(found, np.int32),
            lost_ns=lost,
        )


def _pauses(calls: Calls) -> tuple[Int, Int]:
    """Children, and how long before each of them no earlier child of the same parent was at work, ns."""
    spans = calls.spans
    rows = np.flatnonzero(spans.parent >= 0)
    rows = rows[np.lexsort((spans.start[rows], spans.parent[rows]))]
    if not len(rows):
        return rows, rows
    parent = spans.parent[rows]
    new = np.concatenate((np.ones(1, bool), parent[1:] != parent[:-1]))
    # Running maximum of the ends within each parent: shifted so that a parent's ends lie above all before it.
    times_, ranks = np.unique(spans.end[rows], return_inverse=True)
    shifted = (np.cumsum(new) - 1) * np.int64(len(times_)) + ranks
    reached = times_[np.maximum.accumulate(shifted) % len(times_)]
    pause = np.zeros(len(rows), np.int64)
    pause[1:] = np.where(new[1:], 0, spans.start[rows][1:] - reached[:-1])
    return rows, pause


def swallowed_errors(calls: Calls) -> Iterator[Finding]:
    """Errors whose caller ended well all the same, and that no further attempt made good."""
    spans = calls.spans
    rows = np.flatnonzero((spans.status == Status.ERROR) & (spans.parent >= 0))
    rows = rows[spans.status[spans.parent[rows]] == Status.SUCCESS]
    tried, first, length = attempts(calls)
    ended = first + length - 1
    good = spans.status[tried[ended]] == Status.SUCCESS if len(first) else np.zeros(0, bool)
    mended = [tried[begin : end + 1] for begin, end in zip(first[good].tolist(), ended[good].tolist(), strict=True)]
    if mended:
        rows = rows[~np.isin(rows, np.concatenate(mended))]
    above = spans.op[spans.parent[rows]]
    for pair in np.unique(np.stack((above, spans.op[rows])), axis=1).T:
        own = rows[(above == pair[0]) & (spans.op[rows] == pair[1])]
        parent = calls.op(int(spans.parent[own[0]]))
        often = "" if len(own) == 1 else f" {times(len(own))}"
        yield Finding(
            rule="swallowed error",
            concern="wrong",
            title=f"{calls.op(int(own[0]))} failed{often}, and {parent} ended as if it had not",
            advice="Perhaps that is meant. If not, the answer was made without what the failed call was to bring.",
            rows=by_time(calls, own),
        )
