"""All rules, and one look through a session with all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from flowscope_app.analysis.findings.finding import Calls, Finding
from flowscope_app.analysis.findings.models import growing_context, most_of_the_cost, slow_first_token
from flowscope_app.analysis.findings.repeats import repeated_prompts, retries
from flowscope_app.analysis.findings.runs import nothing_running, swallowed_errors
from flowscope_app.analysis.findings.siblings import n_plus_one, sequential

Rule = Callable[[Calls], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    swallowed_errors,
    retries,
    sequential,
    n_plus_one,
    nothing_running,
    slow_first_token,
    repeated_prompts,
    growing_context,
    most_of_the_cost,
)


def find(calls: Calls) -> list[Finding]:
    """What there is to look at, first things first: errors, then by the share of time or money at stake."""
    if not calls.spans.n:
        return []
    whole_usd = float(np.nansum(calls.cost))

    def weight(finding: Finding) -> tuple[int, float]:
        time = finding.lost_ns / calls.whole_ns if calls.whole_ns else 0.0
        money = finding.lost_usd / whole_usd if whole_usd else 0.0
        return (0 if finding.concern == "wrong" else 1, -max(time, money))

    return sorted((finding for rule in RULES for finding in rule(calls)), key=weight)
