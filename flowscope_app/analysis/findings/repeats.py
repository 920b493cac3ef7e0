"""Rules about the same call made again: repeated prompts and retries."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowscope_app.analysis.findings.finding import MODEL_CALLS, REMOTE, Calls, Finding, runs, spread, times
from flowscope_app.analysis.snapshot import Int
from flowscope_app.base import format as fmt
from flowscope_app.spans.kinds import Status


def repeated_prompts(calls: Calls) -> Iterator[Finding]:
    """A model that was asked the very same thing again, and answered each time."""
    spans = calls.spans
    rows = np.flatnonzero(calls.of_kind(*MODEL_CALLS) & calls.done() & (calls.prompt != 0) & calls.outermost)
    rows = rows[np.lexsort((spans.start[rows], calls.prompt[rows], spans.model[rows], spans.op[rows]))]
    first, length = runs(spans.op[rows], spans.model[rows], calls.prompt[rows])
    again = length >= 2
    first, length = first[again], length[again]
    for op in np.unique(spans.op[rows[first]]):
        group = np.flatnonzero(spans.op[rows[first]] == op)
        group = group[np.argsort(-length[group], kind="stable")]
        shown = rows[spread(first[group], length[group])]
        spare = rows[spread(first[group] + 1, length[group] - 1)]
        lost, usd = int(calls.length[spare].sum()), calls.usd(spare)
        if not (calls.worth_it(lost) or usd > 0):
            continue
        most, prompts = int(length[group].max()), len(group)
        what = "The same prompt" if prompts == 1 else f"{prompts:,} prompts"
        often = times(most) if prompts == 1 else f"more than once, one of them {times(most)}"
        yield Finding(
            rule="repeated prompt",
            concern="dear" if usd > 0 else "slow",
            title=f"{what} sent to {calls.op(int(shown[0]))} {often}",
            advice=f"Keep the answer: {fmt.duration(lost)} spent on what was known already.",
            rows=shown.astype(np.int32),
            lost_ns=lost,
            lost_usd=usd,
        )


def retries(calls: Calls) -> Iterator[Finding]:
    """Calls that failed and were made again by the same caller with the same input."""
    spans = calls.spans
    rows, first, length = attempts(calls)
    for op in np.unique(spans.op[rows[first]]):
        group = np.flatnonzero(spans.op[rows[first]] == op)
        shown = rows[spread(first[group], length[group])]
        failed = shown[spans.status[shown] == Status.ERROR]
        begin, last = rows[first[group]], rows[first[group] + length[group] - 1]
        # From the first attempt to the start of the last one, waits between them included.
        lost = int((spans.start[last] - spans.start[begin]).sum())
        gave_up = int((spans.status[last] == Status.ERROR).sum())
        ending = "" if not gave_up else ", in vain" if gave_up == len(group) else f", {gave_up} in vain"
        again = len(shown) - len(group)
        yield Finding(
            rule="retries",
            concern="wrong",
            title=f"{calls.op(int(shown[0]))} failed and was tried again"
            f"{'' if again == 1 else ' ' + times(again)}{ending}",
            advice=f"{fmt.duration(lost)} went into attempts that failed and the waits after them. See what they say.",
            rows=shown.astype(np.int32),
            lost_ns=lost,
            lost_usd=calls.usd(failed),
        )


def attempts(calls: Calls) -> tuple[Int, Int, Int]:
    """Rows of repeated calls, and where each series of attempts begins in them and its length.

    A series has one caller, operation and input; every attempt but the last failed and had ended when the next began.
    """
    spans = calls.spans
    rows = np.flatnonzero((spans.parent >= 0) & calls.of_kind(*REMOTE) & ~spans.pending)
    rows = rows[np.lexsort((spans.start[rows], calls.prompt[rows], spans.op[rows], spans.parent[rows]))]
    if not len(rows):
        return rows, rows, rows
    same = np.ones(len(rows) - 1, bool)
    for column in (spans.parent[rows], spans.op[rows], calls.prompt[rows]):
        same &= column[1:] == column[:-1]
    failed = spans.status[rows][:-1] == Status.ERROR
    after = spans.start[rows][1:] >= spans.end[rows][:-1]
    first, length = runs(np.cumsum(~np.concatenate((np.zeros(1, bool), same & failed & after))))
    series = length >= 2
    return rows, first[series], length[series]
