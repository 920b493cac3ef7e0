"""The draw list: bounded by pixels, no error hidden, and what is hit is what is painted."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from timeline_sessions import T0, S, random_session, table_of

from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.spans.table import SpanTable
from flowscope_app.timeline import drawlist
from flowscope_app.timeline.drawlist import DIM, ERROR, PENDING, Bars, Mask, bars, strip
from flowscope_app.timeline.layout import Layout
from flowscope_app.timeline.rows import BAR, row_map
from flowscope_app.timeline.scene import Scene
from flowscope_app.timeline.viewport import Viewport

ALL = 1 << 20


def drawn(
    table: SpanTable, t0: int, t1: int, width: int, *, mask: Mask | None = None, now: int = 0, scale: float = 1
) -> Bars:
    layout = Layout(table)
    return bars(layout, row_map(layout, frozenset()), Viewport(T0 + t0, T0 + t1, width), 0, ALL, T0 + now, mask, scale)


def raster(found: Bars, width: int) -> dict[int, np.ndarray]:
    """Paint as the widget does: each row of the screen as an array of bar numbers, -1 where nothing is."""
    screen = {int(top): np.full(width, -1) for top in found.tops}
    numbers = {}
    for at in range(len(found)):
        numbers.setdefault((float(found.x[at]), int(found.y[at]), float(found.width[at])), []).append(at)
    for style, kind, rects in found.groups():
        for x, y, w, _height in rects.tolist():
            at = next(n for n in numbers[x, int(y), w] if found.style[n] == style and
                      (style & ERROR or found.kind[n] == kind))  # fmt: skip
            screen[int(y)][max(0, round(x)) : max(0, round(x + w))] = at
    return screen


def test_each_wide_span_is_one_bar_of_its_kind() -> None:
    table = table_of([S(1, 0, 1_000, kind=Kind.AGENT), S(2, 100, 500, parent=1, kind=Kind.LLM)])
    found = drawn(table, 0, 1_000, 1_000)
    assert found.row.tolist() == [0, 1]
    assert found.x.tolist() == [0, 100]
    assert found.width.tolist() == [999, 399]
    assert found.kind.tolist() == [Kind.AGENT, Kind.LLM]
    assert found.count.tolist() == [1, 1]


def test_small_spans_fold_into_runs_that_count_them() -> None:
    table = table_of([S(key, key * 10, key * 10 + 5) for key in range(1, 1_001)])
    found = drawn(table, 0, 10_100, 101)
    assert int(found.count.sum()) == 1_000
    assert len(found) <= 60


def test_a_row_with_many_more_spans_than_pixels_costs_no_more_bars() -> None:
    table = table_of([S(key, key * 10, key * 10 + 5) for key in range(1, 20_001)])
    found = drawn(table, 0, 200_100, 100)
    assert int(found.count.sum()) == 20_000
    assert len(found) <= 60


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 200), st.integers(1, 300), st.sampled_from([1, 1.5, 2]))
def test_every_error_is_seen_at_every_zoom(seed: int, count: int, width: int, scale: float) -> None:
    table = table_of(random_session(seed, count))
    first, last = table.origin - T0, table.latest - T0 + 1
    for divisor in (1, 3, 50):
        found = drawn(table, first, first + max(1, (last - first) // divisor), width, scale=scale)
        layout = Layout(table)
        rows = row_map(layout, frozenset())
        view = Viewport(T0 + first, T0 + first + max(1, (last - first) // divisor), width)
        failed = np.flatnonzero((table.status == Status.ERROR) & (table.start < view.t1) & (table.start >= view.t0))
        for row in failed.tolist():
            x, top = view.x(int(table.start[row])), rows.top_of(layout.lane_of(row))
            reach = 3.0
            red = (found.style & ERROR > 0) & (found.y == top) & (found.x <= x + reach)
            assert (red & (found.x + found.width >= x - reach)).any()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 150), st.integers(20, 300), st.booleans())
def test_a_hit_returns_what_is_painted(seed: int, count: int, width: int, filtered: bool) -> None:
    table = table_of(random_session(seed, count))
    mask = np.random.default_rng(seed).random(table.n) < 0.5 if filtered else None
    found = drawn(table, table.origin - T0, table.latest - T0 + 1, width, mask=mask)
    for top, columns in raster(found, width).items():
        for column in range(0, width, 3):
            painted = int(columns[column])
            at = found.hit(column + 0.5, top + BAR / 2)
            if painted >= 0:
                assert (found.style[at], found.y[at]) == (found.style[painted], top)
                assert found.x[at] <= column + 0.5 < found.x[at] + found.width[at]
    assert found.hit(5, -1) == -1


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(50, 400))
def test_looking_at_each_span_and_sampling_between_pixels_draw_the_same(seed: int, count: int) -> None:
    spans = [S(key, s.start, s.end, 0, 1, s.kind, s.error) for key, s in enumerate(random_session(seed, count), 1)]
    table = table_of(spans)
    first, last = table.origin - T0, table.latest - T0 + 1
    narrow = drawn(table, first, last, 20)  # fewer pixels than spans: sampled
    layout = Layout(table)
    view = Viewport(T0 + first, T0 + last, 20)
    kept = np.ones(table.n, np.bool_)
    every = bars(layout, row_map(layout, frozenset()), view, 0, ALL, 0, kept)
    assert narrow.count.tolist() == every.count.tolist()
    assert narrow.row.tolist() == every.row.tolist()
    assert int(narrow.count.sum()) == table.n


def test_what_the_filter_leaves_out_is_dim_and_never_hides_what_it_keeps() -> None:
    spans = [S(key, key * 10, key * 10 + 5, kind=Kind.LLM if key % 50 == 0 else Kind.CHAIN) for key in range(1, 501)]
    table = table_of(spans)
    mask = table.kind == Kind.LLM
    for width in (50, 5_100):
        found = drawn(table, 0, 5_100, width, mask=mask)
        kept = found.style & DIM == 0
        assert set(found.kind[kept].tolist()) == {Kind.LLM}
        assert kept.sum() >= 10
        assert (~kept).any()


def test_a_pending_span_ends_now() -> None:
    found = drawn(table_of([S(1, 100, None)]), 0, 1_000, 1_000, now=600)
    assert (found.x[0], found.width[0], found.style[0]) == (100, 499, PENDING)


def test_spans_outside_of_the_viewport_are_not_drawn_and_those_that_reach_in_are() -> None:
    table = table_of([S(1, 0, 100), S(2, 100, 5_000), S(3, 6_000, 6_100), S(4, 9_000, 9_100)])
    found = drawn(table, 4_000, 8_000, 400)
    assert found.row.tolist() == [1, 2]


def test_labels_go_to_the_widest_bars_that_have_room() -> None:
    table = table_of([S(1, 0, 500), S(2, 500, 520), S(3, 600, 900)])
    found = drawn(table, 0, 1_000, 1_000)
    assert found.row[found.labelled(1_000)].tolist() == [0, 2]
    assert found.row[found.labelled(1_000, most=1)].tolist() == [0]


def test_a_collapsed_track_still_shows_where_it_failed() -> None:
    spans = [S(1, 0, 1_000), S(2, 400, 401, parent=1, error=True)]
    layout = Layout(table_of(spans))
    busy, errors = strip(layout, 1, Viewport(T0, T0 + 1_000, 1_000), T0)
    assert busy.tolist() == [[0, 1_000]]
    assert errors.tolist() == [400]


def test_a_week_beside_a_microsecond() -> None:
    week = 7 * 86_400 * 10**9
    table = table_of([S(1, 0, week), S(2, 10, 1_010, parent=1, error=True)])
    found = drawn(table, 0, week, 1_000)
    assert found.width.tolist() == [999, 3]
    close = drawn(table, 0, 2_000, 1_000)
    assert close.row.tolist() == [0, 1]
    assert close.width[1] == 499


def test_abandoned_spans_are_of_one_colour_between_the_pending_and_the_failed() -> None:
    style = np.array(
        [drawlist.ERROR, drawlist.ABANDONED, drawlist.ABANDONED | drawlist.DIM, 0, drawlist.ABANDONED], np.uint8
    )
    n = len(style)
    zeros = np.zeros(n, np.int32)
    kinds = np.array([0, 1, 2, 3, 4], np.int8)
    x = np.arange(n, dtype=np.float64)
    bars = drawlist.Bars(x, x, zeros, zeros, zeros, kinds, style, zeros, zeros)
    groups = [(style, len(rects)) for style, _, rects in bars.groups()]
    assert groups == [(drawlist.ABANDONED | drawlist.DIM, 1), (0, 1), (drawlist.ABANDONED, 2), (drawlist.ERROR, 1)]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 300), st.integers(20, 300))
def test_a_view_that_moved_is_painted_from_the_list_of_its_pages_as_it_would_be_afresh(
    seed: int, count: int, width: int
) -> None:
    chance = np.random.default_rng(seed)
    shown = Scene(table_of(random_session(seed, count)))
    first, last = shown.extent()
    shown.height, span = ALL, max(10, (last - first) // int(chance.integers(1, 9)))
    for _ in range(8):
        t0 = first + int(chance.integers(-span // 2, last - first))
        shown.view = Viewport(t0, t0 + span, width)
        here, fresh = shown.bars, bars(shown.layout, shown.rows, shown.view, 0, ALL, 0)
        inside = [(found.x > 0) & (found.x + found.width < width - 4) for found in (here, fresh)]
        for name in ("x", "y", "row", "count", "style"):
            one, other = (getattr(found, name)[at].tolist() for found, at in zip((here, fresh), inside, strict=True))
            assert one == other, name


def test_a_small_span_on_free_ground_is_wide_enough_to_be_seen_and_one_in_a_crowd_is_not() -> None:
    crowd = [S(key, 500 + 3 * key, 500 + 3 * key) for key in range(2, 100)]
    found = drawn(table_of([S(1, 100, 100), *crowd]), 0, 1_000, 1_000)
    assert found.width[:3].tolist() == [3, 1, 1]
