"""Who came before whom among siblings, and self times, against brute force."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from flowscope_app.analysis.intervals import Siblings, self_times

spans = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(-1, 3)), min_size=1, max_size=14)


def columns(rows: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    start = np.array([row[0] for row in rows], np.int64)
    end = start + np.array([row[1] for row in rows], np.int64)
    parent = np.array([row[2] if row[2] < index else -1 for index, row in enumerate(rows)], np.int32)
    return start, end, parent


def pairs(
    start: np.ndarray, end: np.ndarray, parent: np.ndarray, pending: list[int] | None = None
) -> set[tuple[int, int]]:
    found = Siblings(start, end, parent).predecessors(np.array(pending or [], np.int64))
    return set(zip(*(side.tolist() for side in found), strict=True))


@given(spans)
@settings(max_examples=300, deadline=None)
def test_predecessors_are_the_siblings_that_ended_last_before_a_span_began(rows: list[tuple[int, int, int]]) -> None:
    start, end, parent = columns(rows)
    end = np.maximum(end, start + 1)  # spans of no length at one instant have no order

    def before(one: int, other: int) -> bool:
        return one != other and parent[one] == parent[other] and end[one] <= start[other]

    n = len(rows)
    expected = {
        (one, other)
        for one in range(n)
        for other in range(n)
        if before(one, other) and not any(before(one, mid) and before(mid, other) for mid in range(n))
    }
    assert pairs(start, end, parent) == expected


def test_parallel_siblings_fan_out_and_in() -> None:
    start, end, parent = columns([(0, 1, -1), (2, 5, -1), (2, 6, -1), (9, 1, -1)])
    assert pairs(start, end, parent) == {(0, 1), (0, 2), (1, 3), (2, 3)}


def test_a_span_of_no_length_does_not_precede_itself_and_may_follow_and_precede_others() -> None:
    start, end, parent = columns([(0, 2, -1), (3, 0, -1), (5, 1, -1)])
    assert pairs(start, end, parent) == {(0, 1), (1, 2)}


def test_a_span_that_has_not_ended_precedes_nothing() -> None:
    start, end, parent = columns([(0, 2, -1), (5, 1, -1)])
    assert pairs(start, end, parent, pending=[0]) == set()


def test_a_wide_fan_in_is_bounded() -> None:
    rows = [(0, 5, -1)] * 200 + [(10, 1, -1)] * 200
    start, end, parent = columns(rows)
    assert len(pairs(start, end, parent)) <= 200 * 16


@given(spans)
@settings(max_examples=300, deadline=None)
def test_self_time_is_what_no_child_covers(rows: list[tuple[int, int, int]]) -> None:
    start, end, parent = columns(rows)
    for row, own in enumerate(self_times(start, end, parent).tolist()):
        covered = {t for child in np.flatnonzero(parent == row) for t in range(start[child], end[child])} & set(
            range(start[row], end[row])
        )
        assert own == end[row] - start[row] - len(covered)


def test_self_time_counts_children_that_overlap_once_and_clips_those_that_outlive_their_parent() -> None:
    start = np.array([100, 110, 120, 190], np.int64)
    end = np.array([200, 150, 160, 900], np.int64)
    assert self_times(start, end, np.array([-1, 0, 0, 0], np.int32)).tolist() == [40, 40, 40, 710]


@given(spans)
@settings(max_examples=100, deadline=None)
def test_self_times_of_spans_that_last_for_centuries(rows: list[tuple[int, int, int]]) -> None:
    start, end, parent = columns(rows)
    scale = 400_000_000 * 10**9  # a dozen years, so that a few spans fill a number
    assert (self_times(start * scale, end * scale, parent) == self_times(start, end, parent) * scale).all()
