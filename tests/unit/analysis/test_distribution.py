"""How calls spread over lengths and over time: nothing is lost between bins, and edges can be written down."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from sample_sessions import MS, T0, Recorder, agent_loop

from flowscope_app.analysis.distribution import durations, round_edges, spread
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.base import format as fmt
from flowscope_app.spans import query
from flowscope_app.spans.kinds import Kind

YEARS = 10 * 366 * 86_400 * 10**9


@given(st.lists(st.tuples(st.integers(0, YEARS), st.booleans()), min_size=1, max_size=60))
@example([(0, False)])
@example([(1, True), (99, False), (101, False)])
@example([(999, True), (1_000, False)])
def test_each_call_is_in_the_bin_of_its_length(calls: list[tuple[int, bool]]) -> None:
    length, failed = np.array([call[0] for call in calls], np.int64), np.array([call[1] for call in calls])
    found = durations(length, failed)
    assert (np.diff(found.edges) > 0).all()
    assert len(found.calls) == len(found.errors) == len(found.edges) - 1 <= 50
    for number, (low, high) in enumerate(zip(found.edges[:-1], found.edges[1:], strict=True)):
        inside = (length >= low) & (length < high)
        assert (found.calls[number], found.errors[number]) == (inside.sum(), (inside & failed).sum())
    assert found.calls.sum() == len(calls)


@given(st.integers(1, YEARS), st.integers(1, YEARS))
def test_an_edge_is_written_down_exactly(one: int, other: int) -> None:
    for edge in round_edges(min(one, other), max(one, other), 48).tolist():
        term = query.parse(f"duration>={fmt.exact_duration(edge)}").terms[0]
        assert round(term.values[0].number) == edge


def test_without_finished_calls_there_is_nothing_to_spread() -> None:
    recorder = Recorder()
    recorder.span("running", Kind.TOOL, 0, None)
    shot = Snapshot.of(recorder.table(), T0 + 5 * MS)
    found = spread(shot, shot.matching(None), T0, T0 + 5 * MS)
    assert not len(found.durations.calls)
    assert math.isnan(found.durations.p95)
    assert found.course.calls.tolist() == [1, *[0] * 47]


def test_calls_over_time_are_those_that_begin_there() -> None:
    shot = Snapshot.of(agent_loop().table(), T0 + 2_300 * MS)
    found = spread(shot, shot.matching(None), T0, T0 + 2_300 * MS, bins=4).course
    edges = [found.edge(number) for number in range(5)]
    assert edges == [T0 + 575 * number * MS for number in range(5)]
    begun = [int(((shot.start >= a) & (shot.start < b)).sum()) for a, b in pairwise(edges)]
    assert found.calls.tolist() == begun
    assert found.errors.tolist() == [0, 1, 0, 0]
    later = spread(shot, shot.matching(None), T0 + 575 * MS, T0 + 1_150 * MS, bins=1).course
    assert later.calls.tolist() == [begun[1]]
