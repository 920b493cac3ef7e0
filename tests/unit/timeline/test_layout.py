"""Rows: no overlap, children below parents, spans that stay where they are while others come."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import PATIENCE
from timeline_sessions import T0, S, check_layout, delta, lived, random_session, table_of

from flowscope_app.spans.table import SpanTable, Track
from flowscope_app.timeline.layout import Layout
from flowscope_app.timeline.rows import AFTER, BEFORE, HEADER, ROW, row_map, track_order


def lanes(layout: Layout) -> list[int]:
    return [layout.lane_of(row) for row in range(layout.n)]


def picture(layout: Layout) -> list[int | None]:
    rows = row_map(layout, frozenset())
    return [rows.top_of(layout.lane_of(row)) for row in range(layout.n)]


def by_key(table: SpanTable, tops: list[int | None]) -> dict[int, int | None]:
    return dict(zip(table.key.tolist(), tops, strict=True))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 120))
def test_spans_never_overlap_and_lie_below_their_parents(seed: int, count: int) -> None:
    check_layout(Layout(table_of(random_session(seed, count))))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 80))
def test_a_live_session_ends_with_the_picture_of_the_same_session_opened_afterwards(seed: int, count: int) -> None:
    spans = random_session(seed, count)
    table = SpanTable()
    layout = Layout(table)
    for batch in lived(spans, seed):
        layout.apply(table.apply(delta(batch)))
        check_layout(layout)
    if layout.restless:
        layout.rebuild()
    opened = table_of(spans)
    assert by_key(table, picture(layout)) == by_key(opened, picture(Layout(opened)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 80))
def test_a_span_keeps_its_lane_while_others_arrive_after_it(seed: int, count: int) -> None:
    spans = sorted(random_session(seed, count, tracks=1), key=lambda span: span.start)
    known = set[int]()
    ordered = [span for span in spans if not span.parent or span.parent in known or known.add(span.key)]
    half = len(ordered) // 2
    table = table_of(ordered[:half]) if half else SpanTable()
    layout = Layout(table)
    before = lanes(layout)
    applied = table.apply(delta(ordered[half:]))
    layout.apply(applied)
    check_layout(layout)
    stayed = [row for row in range(half) if row not in applied.reparented]
    assert [lanes(layout)[row] for row in stayed if table.parent[row] < 0] == [
        before[row] for row in stayed if table.parent[row] < 0
    ]


def test_a_pending_span_keeps_its_lane_to_itself_until_it_ends() -> None:
    table = table_of([S(1, 0, None)])
    layout = Layout(table)
    layout.apply(table.apply(delta([S(2, 10, 20)])))
    assert lanes(layout) == [0, 1]
    layout.apply(table.apply(delta([S(1, 0, 5)])))
    layout.apply(table.apply(delta([S(3, 30, 40)])))
    assert lanes(layout) == [0, 1, 0]
    assert layout.restless
    layout.rebuild()
    assert lanes(layout) == [0, 0, 0]
    assert not layout.restless


def test_a_child_that_came_before_its_parent_moves_below_it() -> None:
    table = table_of([S(2, 10, 20, parent=1), S(3, 12, 14, parent=2)])
    layout = Layout(table)
    assert lanes(layout)[0] == layout.tops[1][0]
    layout.apply(table.apply(delta([S(1, 0, 100)])))
    check_layout(layout)
    assert [row for lane in row_map(layout, frozenset()).lanes for row in layout.lanes[lane].rows] == [2, 0, 1]


def test_a_span_moved_to_another_track_takes_a_lane_there() -> None:
    table = table_of([S(1, 0, 100), S(2, 10, 20, parent=1), S(3, 11, 12, parent=2)])
    layout = Layout(table)
    layout.apply(table.apply(delta([S(2, 10, 20, parent=1, track=2)])))
    check_layout(layout)
    assert layout.lanes[layout.lane_of(1)].track == 2
    assert layout.lanes[layout.lane_of(2)].above == -1


def test_a_span_whose_parent_is_on_another_track_begins_at_that_tracks_top() -> None:
    layout = Layout(table_of([S(1, 0, 100), S(2, 10, 20, parent=1, track=2), S(3, 12, 14, parent=2, track=2)]))
    check_layout(layout)
    assert layout.lanes[layout.lane_of(1)].above == -1
    assert layout.lanes[layout.lane_of(2)].above == layout.lane_of(1)


def test_spans_at_the_same_instant_lie_below_one_another() -> None:
    layout = Layout(table_of([S(key, 5, 5) for key in range(1, 6)]))
    check_layout(layout)
    assert len(set(lanes(layout))) == 5


def test_an_ended_span_that_grows_over_its_neighbour_gives_way() -> None:
    table = table_of([S(1, 0, 10), S(2, 20, 30), S(3, 1, 9, parent=1)])
    layout = Layout(table)
    layout.apply(table.apply(delta([S(1, 0, 25)])))
    check_layout(layout)


def test_a_chain_deeper_than_any_program_is_laid_out_all_the_same() -> None:
    spans = [S(key, key, 100_000 - key, parent=key - 1) for key in range(1, 3_001)]
    layout = Layout(table_of(spans))
    tops = picture(layout)
    assert None not in tops and tops == sorted(set(tops))


def test_a_deep_chain_whose_first_caller_comes_last_moves_below_it() -> None:
    spans = [S(key, key, 100_000 - key, parent=key - 1) for key in range(2, 1_001)]
    table = table_of(spans)
    layout = Layout(table)
    layout.apply(table.apply(delta([S(1, 0, 100_000)])))
    check_layout(layout)
    assert layout.lanes[layout.lane_of(table.row_of(1))].above == -1


def test_no_spans_make_no_rows() -> None:
    layout = Layout(SpanTable())
    assert row_map(layout, frozenset()).height == 0
    assert not layout.restless


def test_tracks_stand_by_first_start_with_a_programs_tracks_together() -> None:
    tracks = {
        1: Track(1, "late", "", "b"),
        2: Track(2, "first", "", "a"),
        3: Track(3, "between", "", "b"),
        4: Track(4, "last of a", "", "a"),
    }
    spans = [S(1, 50, 60, track=1), S(2, 0, 10, track=2), S(3, 20, 30, track=3), S(4, 90, 95, track=4)]
    assert track_order(Layout(table_of(spans, tracks))) == [2, 4, 3, 1]


def test_a_collapsed_track_is_only_its_header() -> None:
    layout = Layout(table_of([S(1, 0, 10), S(2, 1, 9, parent=1), S(3, 0, 10, track=2)]))
    rows = row_map(layout, frozenset({1}))
    assert rows.tops.tolist() == [HEADER + BEFORE + HEADER + BEFORE]
    whole = row_map(layout, frozenset())
    assert whole.height == 2 * (HEADER + BEFORE + AFTER) + 3 * ROW - 2 * 3


@pytest.mark.slow
def test_a_hundred_thousand_spans_are_laid_out_and_followed() -> None:
    spans = random_session(3, 2_000)
    many = [
        S(span.key + 2_000 * turn, span.start + 100_000 * turn, (span.end or 0) + 100_000 * turn,
          span.parent and span.parent + 2_000 * turn, span.track)
        for turn in range(50) for span in spans
    ]  # fmt: skip
    table = table_of(many)
    begun = time.perf_counter()
    layout = Layout(table)
    assert time.perf_counter() - begun < 3 * PATIENCE  # not a measurement: it only must not be a loop of loops
    check_layout(layout)
    layout.apply(table.apply(delta([S(1_000_000, 2, None), S(1_000_001, 3, 4, parent=1_000_000)])))
    check_layout(layout)
    assert layout.lane_of(table.row_of(1_000_001)) >= 0
    assert int(np.bincount([lane.track for lane in layout.lanes]).sum()) == len(layout.lanes)
    assert table.origin >= T0
