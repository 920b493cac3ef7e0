"""What a range of time is said to hold."""

import pytest
from timeline_sessions import T0, S, table_of

from flowscope_app.analysis.range_sum import sum_range
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.spans.kinds import Kind
from flowscope_app.spans.notes import Notes


def summed(spans, first, last, **columns):
    table = table_of(spans)
    for name, values in columns.items():
        getattr(table, name)[:] = values
    table.names.update({90: "gpt-4o-mini", 91: "no-such-model"})
    return sum_range(Snapshot.of(table, T0 + 1_000), T0 + first, T0 + last, Notes())


def test_busy_time_is_clipped_and_counts_overlaps_once():
    spans = [S(1, 0, 100, kind=Kind.LLM), S(2, 50, 150, kind=Kind.LLM, error=True), S(3, 300, None, kind=Kind.TOOL)]
    found = summed(spans, 20, 400)
    assert (found.spans, found.errors, found.busy) == (3, 1, 130 + 100)
    assert [(each.kind, each.spans, each.busy) for each in found.kinds] == [(Kind.LLM, 2, 130), (Kind.TOOL, 1, 100)]
    assert summed(spans, 160, 290).spans == 0


def test_cost_is_that_of_known_models_and_the_rest_is_said():
    spans = [S(1, 0, 10, kind=Kind.LLM), S(2, 10, 20, kind=Kind.LLM), S(3, 500, 600, kind=Kind.LLM)]
    found = summed(spans, 0, 100, model=[90, 91, 90], tokens_in=1_000_000, tokens_out=0)
    assert (found.tokens_in, found.unpriced) == (2_000_000, 1)
    assert found.cost == pytest.approx(0.15)
    assert summed(spans, 12, 100, model=[90, 91, 90], tokens_in=1, tokens_out=0).cost is None
