"""The critical path against a brute-force reading of every instant, and against examples worked out by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from flowscope_app.analysis.critical_path import NOTHING, critical_path
from flowscope_app.analysis.intervals import self_times

trees = st.lists(st.tuples(st.integers(0, 14), st.integers(0, 10), st.integers(-1, 6)), min_size=1, max_size=12)
Columns = tuple[np.ndarray, np.ndarray, np.ndarray]


def columns(rows: list[tuple[int, int, int]]) -> Columns:
    """(start, length, parent), a parent always an earlier row."""
    start = np.array([row[0] for row in rows], np.int64)
    end = start + np.array([row[1] for row in rows], np.int64)
    parent = np.array([row[2] if row[2] < index else -1 for index, row in enumerate(rows)], np.int32)
    return start, end, parent


def told(spans: Columns, root: int = NOTHING) -> list[tuple[int, int, int]]:
    path = critical_path(*spans, root)
    return list(zip(path.row.tolist(), path.first.tolist(), path.last.tolist(), strict=True))


def by_instants(spans: Columns, root: int) -> list[int]:
    """Who is on the path in each unit of time, from the definition: one recursive look a moment, backwards."""
    start, end, parent = (column.tolist() for column in spans)

    def fill(row: int, begin: int, finish: int, out: dict[int, int]) -> None:
        below = [child for child in range(len(start)) if parent[child] == row]
        now = finish
        while now > begin:
            busy = [child for child in below if start[child] < now <= end[child]]
            if not busy:
                now -= 1
                out[now] = row
                continue
            chosen = min(busy, key=lambda child: (start[child], child))
            fill(chosen, max(start[chosen], begin), now, out)
            now = max(start[chosen], begin)

    tops = [row for row in range(len(start)) if parent[row] == -1]
    first = min(start[row] for row in tops) if root == NOTHING else start[root]
    last = max(end[row] for row in tops) if root == NOTHING else end[root]
    out: dict[int, int] = {}
    fill(root, first, last, out)
    return [out[moment] for moment in range(first, last)]


@given(trees, st.integers(-1, 11))
@settings(max_examples=400, deadline=None)
def test_it_is_what_every_single_instant_says(rows: list[tuple[int, int, int]], root: int) -> None:
    spans = columns(rows)
    root = root if root < len(rows) else NOTHING
    assert [row for row, first, last in told(spans, root) for _ in range(first, last)] == by_instants(spans, root)


@given(trees)
@settings(max_examples=200, deadline=None)
def test_its_stretches_touch_and_are_never_empty(rows: list[tuple[int, int, int]]) -> None:
    path = critical_path(*columns(rows))
    assert (path.last > path.first).all()
    assert (path.last[:-1] == path.first[1:]).all()


@given(trees)
@settings(max_examples=200, deadline=None)
def test_nobody_is_on_it_for_longer_than_for_their_own_time(rows: list[tuple[int, int, int]]) -> None:
    spans = columns(rows)
    assert (critical_path(*spans).time_of(len(rows)) <= self_times(*spans)).all()


def test_one_after_the_other() -> None:
    # agent 0–20: retriever 2–6, llm 7–18
    assert told(columns([(0, 20, -1), (2, 4, 0), (7, 11, 0)])) == [
        (0, 0, 2), (1, 2, 6), (0, 6, 7), (2, 7, 18), (0, 18, 20)
    ]  # fmt: skip


def test_of_two_at_once_the_one_that_ended_last_was_waited_for() -> None:
    # gather: a slow tool 1–9 beside a quick one 1–4, then an llm 9–12
    assert told(columns([(0, 12, -1), (1, 8, 0), (1, 3, 0), (9, 3, 0)])) == [(0, 0, 1), (1, 1, 9), (3, 9, 12)]


def test_it_goes_down_to_who_did_the_work() -> None:
    # chain 0–10 > agent 1–9 > llm 2–8
    assert told(columns([(0, 10, -1), (1, 8, 0), (2, 6, 1)])) == [
        (0, 0, 1),
        (1, 1, 2),
        (2, 2, 8),
        (1, 8, 9),
        (0, 9, 10),
    ]


def test_a_child_that_outlives_its_parent_is_waited_for_until_the_parent_ends() -> None:
    assert told(columns([(0, 5, -1), (3, 20, 0)])) == [(0, 0, 3), (1, 3, 5)]


def test_between_runs_nothing_is_on_it() -> None:
    assert told(columns([(0, 3, -1), (5, 2, -1)])) == [(0, 0, 3), (NOTHING, 3, 5), (1, 5, 7)]


def test_a_span_of_no_length_and_a_session_of_none() -> None:
    assert told(columns([(4, 0, -1)])) == []
    empty = np.empty(0, np.int64)
    assert critical_path(empty, empty, np.empty(0, np.int32)).n == 0


def test_a_chain_of_a_hundred_thousand_calls_in_one_another() -> None:
    n = 100_000
    start = np.arange(n, dtype=np.int64)
    path = critical_path(start, 3 * n - start, np.arange(-1, n - 1, dtype=np.int32))
    assert path.n == 2 * n - 1
