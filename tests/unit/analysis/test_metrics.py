"""Metrics per operation and per model."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sample_sessions import MS, T0, Recorder, agent_loop, big, support_agent

from flowscope_app.analysis.metrics import Metrics, measure
from flowscope_app.analysis.programs import program_term, programs_of
from flowscope_app.analysis.quantiles import group_quantiles
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.spans import query
from flowscope_app.spans.kinds import Kind
from flowscope_app.spans.query_match import matching_tracks
from flowscope_app.spans.table import Track


def snapshot(recorder: Recorder) -> Snapshot:
    table = recorder.table()
    return Snapshot.of(table, table.latest)


def row(metrics: Metrics, shot: Snapshot, name: str) -> int:
    return [shot.names[int(group)] for group in metrics.group].index(name)


def test_counts_errors_tokens_and_times_of_an_operation() -> None:
    shot = snapshot(agent_loop())
    metrics = measure(shot)
    at = row(metrics, shot, "read_file")
    assert (metrics.calls[at], metrics.errors[at], metrics.error_rate[at]) == (4, 1, 0.25)
    assert metrics.total[at] == 4 * 109 * MS
    at = row(metrics, shot, "ChatAnthropic")
    assert metrics.tokens_in[at] == 900 + 1200 + 1500 + 1800 + 2400
    assert metrics.tokens_out[at] == 4 * 60 + 300


def test_self_time_leaves_out_what_children_cover() -> None:
    shot = snapshot(support_agent(running=False))
    metrics = measure(shot)
    assert metrics.self_time[row(metrics, shot, "lookup_order")] == (380 - 364) * MS
    assert metrics.share.sum() == pytest.approx(1.0)


def test_quantiles_agree_with_numpy() -> None:
    rng = np.random.default_rng(3)
    group = rng.integers(0, 7, 500)
    values = rng.integers(0, 10**12, 500)
    found = group_quantiles(values, group, 8)
    for number in range(7):
        expected = np.percentile(values[group == number], [50, 95, 99])
        np.testing.assert_allclose(found[:, number], expected)
    assert np.isnan(found[:, 7]).all()


def test_a_pending_call_has_time_but_no_percentile() -> None:
    recorder = Recorder()
    recorder.span("ask", Kind.LLM, 0, None)
    table = recorder.table()
    metrics = measure(Snapshot.of(table, T0 + 250 * MS))
    assert metrics.pending.tolist() == [1]
    assert metrics.total.tolist() == [250 * MS]
    assert np.isnan(metrics.p50).all()


def test_by_model_leaves_out_spans_without_a_model() -> None:
    shot = snapshot(support_agent(running=False))
    metrics = measure(shot, "model")
    assert [shot.names[int(group)] for group in metrics.group] == ["gpt-4o-mini"]
    assert metrics.calls.tolist() == [2]


def test_a_mask_narrows_and_may_be_older_than_the_table() -> None:
    shot = snapshot(agent_loop())
    assert measure(shot, within=np.zeros(shot.n, bool)).n == 0
    assert int(measure(shot, within=np.ones(3, bool)).calls.sum()) == 3


def test_spans_that_overlap_a_range() -> None:
    shot = snapshot(support_agent(running=False))
    within = shot.overlapping(T0 + 600 * MS, T0 + 640 * MS)
    assert {shot.names[int(op)] for op in shot.op[within]} == {"LangGraph support-agent", "act", "Retriever", "embed"}


def test_an_empty_session_has_no_metrics() -> None:
    from flowscope_app.spans.table import SpanTable

    assert measure(Snapshot.of(SpanTable(), 0)).n == 0


def test_a_large_session_is_measured_without_a_python_step_a_span() -> None:
    shot = snapshot(big(runs=300))
    steps = 0

    def count(_frame: object, _event: str, _arg: object) -> None:
        nonlocal steps
        steps += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        metrics = measure(shot)
    finally:
        sys.setprofile(before)
    assert metrics.calls.sum() == shot.n == 18_000
    assert steps < shot.n / 10


def test_costs_are_summed_where_they_are_known_and_the_others_are_counted() -> None:
    shot = snapshot(agent_loop())
    cost = np.full(shot.n, np.nan)
    calls = np.flatnonzero((shot.tokens_in > 0) & (shot.model != 0))
    cost[calls[:3]] = 0.25
    metrics = measure(shot, cost=cost)
    at = row(metrics, shot, "ChatAnthropic")
    assert (metrics.cost[at], metrics.unpriced[at]) == (0.75, len(calls) - 3)
    assert np.isnan(metrics.cost[row(metrics, shot, "read_file")])


def test_by_program_threads_of_one_process_are_one() -> None:
    tracks = {
        7: Track(7, "MainThread", "", "a"),
        9: Track(9, "Worker-1", "", "a"),
        8: Track(8, "MainThread", "", "b"),
    }
    numbers, producers = programs_of(np.array([7, 8, 9, 7, 5], np.int32), tracks)
    assert [producers.get(int(number), "?") for number in numbers] == ["a", "b", "a", "a", "?"]
    shot = snapshot(agent_loop())
    assert measure(shot, "program", programs=np.ones(shot.n, np.int32)).calls.tolist() == [shot.n]


def test_a_program_is_let_through_by_the_shortest_term_that_means_it_alone() -> None:
    tracks = {
        1: Track(1, "bot.py", "CPython 3.11 · pid 41 · MainThread", "a"),
        2: Track(2, "Thread-1", "CPython 3.11 · pid 41 · Thread-1", "a"),
        3: Track(3, "bot.py", "CPython 3.11 · pid 411 · MainThread", "b"),
        4: Track(4, "rag.js", "node 22", "c"),
        5: Track(5, 'odd "name"', "x", "d"),
        6: Track(6, "odd", "y", "d"),
    }
    assert program_term("a", "bot.py · pid 41", tracks) == 'program:"pid 41 ·"'
    assert program_term("b", "bot.py · pid 411", tracks) == 'program:"pid 411"'
    assert program_term("c", "rag.js", tracks) == 'program:"rag.js"'
    every = program_term("d", "gone", tracks)
    assert every == 'program="odd \\"name\\" x","odd y"'
    assert matching_tracks(query.parse(every).terms[0], tracks) == {5, 6}
