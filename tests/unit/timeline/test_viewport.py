"""Times and pixels: there and back without loss, zoom under the pointer, no way out of the session."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowscope_app.timeline.viewport import MIN_SPAN, Viewport, fitted

TEN_YEARS = 10 * 366 * 86_400 * 10**9
starts = st.integers(0, 2_000_000_000 * 10**9)
spans = st.integers(1, TEN_YEARS)
widths = st.integers(1, 8_000)


@given(starts, spans, widths, st.data())
def test_a_pixel_becomes_a_time_that_lies_in_that_pixel(t0: int, span: int, width: int, data: st.DataObject) -> None:
    view = Viewport(t0, t0 + span, width)
    column = data.draw(st.integers(0, width - 1))
    time = view.time(column)
    if span >= width:
        assert view.column(time) == column
    assert view.column(time - 1) < column or time == t0


@given(starts, spans, widths, st.data())
def test_a_time_becomes_a_pixel_that_holds_it(t0: int, span: int, width: int, data: st.DataObject) -> None:
    view = Viewport(t0, t0 + span, width)
    time = data.draw(st.integers(t0, t0 + span - 1))
    column = view.column(time)
    assert 0 <= column < width
    assert view.time(column) <= time
    if span <= width:  # a pixel holds at most one nanosecond: back comes the very one
        assert view.time(column) in (time, time + 1) and view.column(time) == column
    assert abs(view.x(time) - column) < 1.000001
    assert float(view.xs(np.array([time]))[0]) == pytest.approx(view.x(time), abs=1e-6)


@given(starts, st.integers(10_000, TEN_YEARS), widths, st.floats(0, 1), st.floats(0.1, 10))
def test_zooming_keeps_the_time_under_the_pointer(t0: int, span: int, width: int, at: float, factor: float) -> None:
    view = Viewport(t0, t0 + span, width)
    x = at * width
    time = view.time(x)
    zoomed = view.zoomed(x, factor)
    assert zoomed.span == max(round(span * factor), MIN_SPAN)
    assert zoomed.x(time) == pytest.approx(x, abs=0.01 + 2 / min(view.ns_per_px, zoomed.ns_per_px))


def test_zooming_in_without_end_stops_where_nothing_is_left_to_see() -> None:
    view = Viewport(0, 10**9, 1_000)
    for _ in range(200):
        view = view.zoomed(500, 0.5)
    assert view.span == MIN_SPAN


def test_panning_there_and_back_is_exact() -> None:
    view = Viewport(10**18, 10**18 + 12_345_678_901, 1_600)
    assert view.panned(37).panned(-37) == view


def test_half_of_the_window_stays_on_the_session() -> None:
    view = Viewport(10**18, 10**18 + 1_000, 100).clamped(0, 500)
    assert (view.t0, view.span) == (0, 1_000)
    far_out = Viewport(0, 10**12, 100).clamped(1_000, 2_000)
    assert far_out.span == 4_000


def test_fitting_leaves_air_on_both_sides() -> None:
    view = fitted(1_000, 2_000, 100)
    assert view.t0 < 1_000 and view.t1 > 2_000
    assert fitted(5, 5, 100).span >= MIN_SPAN


def test_an_empty_viewport_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        Viewport(5, 5, 100)
