"""A scene: hits, headers that stay, links between tracks, the way to relatives."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from timeline_sessions import T0, S, delta, lived, random_session, table_of

from flowscope_app.spans.table import SpanTable, Track
from flowscope_app.timeline.grouping import Groups
from flowscope_app.timeline.layout import Layout
from flowscope_app.timeline.links import Links
from flowscope_app.timeline.rows import BEFORE, HEADER, ROW
from flowscope_app.timeline.scene import Scene
from flowscope_app.timeline.viewport import Viewport
from flowscope_app.timeline.walk import relative

FAMILY = [S(1, 0, 1_000), S(2, 100, 400, parent=1), S(3, 500, 900, parent=1), S(4, 150, 300, parent=2, track=2)]


def scene(spans: list[S], height: int = 400) -> Scene:
    made = Scene(table_of(spans))
    made.view = Viewport(T0, T0 + 1_000, 1_000)
    made.height = height
    made.now = T0 + 1_000
    return made


def test_a_hit_names_the_span_under_the_point() -> None:
    shown = scene(FAMILY)
    first, second = HEADER + BEFORE + 5, HEADER + BEFORE + ROW + 5
    hits = [shown.hit(50, first), shown.hit(200, second), shown.hit(700, second)]
    assert [hit and hit.row for hit in hits] == [0, 1, 2]
    assert shown.hit(450, second) is None
    assert shown.hit(200, 5) is None, "a header is no span"


def test_a_header_stays_while_its_rows_pass_and_covers_them() -> None:
    shown = scene(FAMILY, height=30)
    shown.scroll_to(30)
    (band, top), *_rest = shown.header_tops()
    assert (band.track, top) == (1, 0)
    assert shown.band_header(10) is not None
    assert shown.hit(200, 10) is None


def test_scrolling_stops_at_both_ends() -> None:
    shown = scene(FAMILY, height=30)
    shown.scroll_to(10_000)
    assert shown.top == shown.rows.height - 30
    shown.scroll_to(-5)
    assert shown.top == 0


def test_collapsing_hides_rows_and_revealing_opens_them() -> None:
    shown = scene(FAMILY)
    shown.toggle(1)
    assert shown.top_of(0) is None
    shown.reveal(0)
    assert shown.top_of(0) == HEADER + BEFORE


def test_bars_are_made_anew_only_when_something_changed() -> None:
    shown = scene(FAMILY)
    first = shown.bars
    assert shown.bars is first
    shown.view = shown.view.panned(10)
    assert shown.bars is not first


def test_rows_that_came_after_the_filter_pass_it() -> None:
    shown = scene(FAMILY)
    shown.mask = np.zeros(4, np.bool_)
    shown.apply(shown.table.apply(delta([S(9, 950, 990, parent=1)])))
    assert shown.bars.style.tolist().count(0) == 1


def test_calls_between_tracks_are_links_if_both_ends_are_on_the_screen() -> None:
    shown = scene(FAMILY)
    assert shown.links_seen().tolist() == [3]
    shown.toggle(2)
    assert shown.links_seen().tolist() == []
    shown.toggle(2)
    shown.view = Viewport(T0 + 600, T0 + 900, 1_000)
    assert shown.links_seen().tolist() == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 80))
def test_links_of_a_live_session_are_those_of_the_same_session_opened(seed: int, count: int) -> None:
    spans = random_session(seed, count)
    program = {track: Track(track, f"track {track}", "", f"p{track % 2}") for track in (1, 2, 3)}
    table = SpanTable()
    links = Links(Groups(table))
    for batch in lived(spans, seed):
        links.apply(table.apply(delta(batch, program)))
    fresh, layout = Links(Groups(table)), Layout(table)
    view = Viewport(table.origin, table.latest + 1, 100)
    lanes = set(range(len(layout.lanes)))
    seen, opened = (set(found.seen(layout, lanes, view, most=1_000).tolist()) for found in (links, fresh))
    assert len(links) == len(fresh) and seen == opened


def test_too_many_links_to_tell_apart_are_none() -> None:
    spans = [S(1, 0, 1_000), *(S(key, key, key + 1, parent=1, track=2) for key in range(2, 200))]
    assert scene(spans).links_seen().tolist() == []


def test_arrow_keys_walk_the_family() -> None:
    table = table_of(FAMILY)
    assert relative(table, -1, "child") == 0
    assert relative(table, 0, "child") == 1
    assert relative(table, 1, "next") == 2
    assert relative(table, 2, "previous") == 1
    assert relative(table, 2, "next") == -1
    assert relative(table, 3, "parent") == 1
    assert relative(table, 0, "parent") == -1
    assert relative(table_of([]), -1, "next") == -1


def test_the_extent_reaches_to_now_while_something_runs() -> None:
    running = scene([S(1, 0, None)])
    assert running.extent() == (T0, T0 + 1_000)
    assert scene([S(1, 0, 10)]).extent() == (T0, T0 + 10)
