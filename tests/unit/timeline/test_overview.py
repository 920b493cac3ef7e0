"""The overview's histogram against one counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timeline_sessions import T0, S, random_session, table_of

from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.timeline.overview import Work, density


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 80), st.integers(1, 50))
def test_busy_time_agrees_with_a_count_span_by_span(seed: int, count: int, columns: int) -> None:
    table = table_of(random_session(seed, count))
    t0, t1 = table.origin, table.latest + 1
    found = density(Work.of(table, t1), t0, t1, columns)
    expected = np.zeros((len(Kind), columns))
    parents = set(table.parent.tolist())
    for row in range(table.n):
        if row in parents:
            continue
        for column in range(columns):
            a, b = (t1 - t0) * column / columns, (t1 - t0) * (column + 1) / columns
            share = max(0.0, min(b, int(table.end[row]) - t0) - max(a, int(table.start[row]) - t0)) / (b - a)
            expected[table.kind[row], column] += share
    assert found.busy == pytest.approx(expected, abs=1e-3)
    assert found.errors.sum() == (table.status == Status.ERROR).sum()
    assert (found.errors <= found.started).all()


def test_a_parent_that_waits_is_not_busy() -> None:
    found = density(Work.of(table_of([S(1, 0, 100), S(2, 50, 100, parent=1, kind=Kind.LLM)]), T0), T0, T0 + 100, 2)
    assert found.total.tolist() == [0, 1]
    assert found.busy[Kind.LLM].tolist() == [0, 1]


def test_a_pending_span_is_busy_until_now_and_the_filter_counts() -> None:
    table = table_of([S(1, 0, None), S(2, 0, 100)])
    assert density(Work.of(table, T0 + 50), T0, T0 + 100, 2).total.tolist() == [2, 1]
    assert density(Work.of(table, T0 + 50, np.array([True, False])), T0, T0 + 100, 2).total.tolist() == [1, 0]
