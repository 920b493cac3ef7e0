"""Tracks by caller, program, thread or task: the same spans, each where it belongs, also while they come."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timeline_sessions import S, check_layout, delta, lived, random_session, table_of

from flowscope_app.spans.table import SpanTable, Track
from flowscope_app.timeline.grouping import Grouping, Groups
from flowscope_app.timeline.rows import row_map, track_order
from flowscope_app.timeline.scene import Arranged, Scene

BOT, API = "python 3.11 · pid 7", "node 20 · pid 9"
TRACKS = {
    1: Track(1, "bot.py", f"{BOT} · MainThread", "p1", "", "", "bot.py"),
    2: Track(2, "ask", f"{BOT} · MainThread · ask", "p1", "", "ask", "bot.py"),
    3: Track(3, "pool-0", f"{BOT} · pool-0", "p1", "pool-0", "", "bot.py"),
    4: Track(4, "pool-1", f"{BOT} · pool-1", "p1", "pool-1", "", "bot.py"),
    5: Track(5, "embed", f"{API} · worker · embed", "p2", "worker", "embed", "api.mjs"),
}
SPANS = [
    S(1, 0, 100, track=1),
    S(2, 10, 90, 1, track=2),
    S(3, 20, 40, 2, track=3),
    S(4, 20, 40, 2, track=4),
    S(5, 50, 60, 2, track=5),
]
SAID = {
    Grouping.CALLER: {1: ("bot.py", f"{BOT} · MainThread"), 5: ("embed", f"{API} · worker · embed")},
    Grouping.PROGRAM: {1: ("bot.py", f"{BOT} · 3 threads"), 5: ("api.mjs", f"{API} · 1 thread")},
    Grouping.THREAD: {
        1: ("bot.py", f"{BOT} · MainThread · 1 task"),
        3: ("pool-0", f"{BOT} · pool-0"),
        4: ("pool-1", f"{BOT} · pool-1"),
        5: ("worker", f"{API} · worker · 1 task"),
    },
    Grouping.TASK: {key: (track.label, track.detail) for key, track in TRACKS.items()},
}


@pytest.mark.parametrize("grouping", Grouping)
def test_each_span_is_on_its_track_and_the_track_says_what_it_is(grouping: Grouping) -> None:
    scene = Scene(table_of(SPANS, TRACKS), grouping=grouping)
    check_layout(scene.layout)
    shown = {track: (scene.tracks[track].label, scene.tracks[track].detail) for track in track_order(scene.layout)}
    assert shown == SAID[grouping]


@pytest.mark.parametrize("grouping", Grouping)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 80), turn=st.integers(0, 11))
def test_what_is_regrouped_while_spans_come_ends_as_what_is_opened_so(
    grouping: Grouping, seed: int, count: int, turn: int
) -> None:
    tracks = {key: Track(key, f"t{key}", "", f"p{key % 3}", f"thread {key % 4}", f"task {key}") for key in range(1, 7)}
    spans = random_session(seed, count, tracks=6)
    table = SpanTable()
    scene, work = Scene(table), None
    for at, batch in enumerate(lived(spans, seed)):
        used = {span.track: tracks[span.track] for span in batch}
        scene.apply(table.apply(delta(batch, used)))
        if at == turn:
            work = scene.regroup(grouping)()  # its answer comes when another batch has come
        elif work is not None:
            scene.regrouped(work)
            work = None
        check_layout(scene.layout)
    assert scene.grouping is grouping
    if scene.layout.restless:
        scene.layout.rebuild()
    opened = Arranged.of(table_of(spans, tracks), grouping)
    assert picture(scene.layout) == picture(opened.layout)
    assert len(scene.links) == len(opened.links)


def picture(layout) -> dict[int, int | None]:
    rows = row_map(layout, frozenset())
    return {int(layout.table.key[row]): rows.top_of(layout.lane_of(row)) for row in range(layout.n)}


def test_what_is_collapsed_stays_so_in_each_grouping() -> None:
    scene = Scene(table_of(SPANS, TRACKS))
    scene.toggle(5)
    scene.regrouped(scene.regroup(Grouping.THREAD)())
    assert scene.collapsed == frozenset()
    scene.toggle(3)
    scene.regrouped(scene.regroup(Grouping.CALLER)())
    assert scene.collapsed == {5}
    scene.regrouped(scene.regroup(Grouping.THREAD)())
    assert scene.collapsed == {3}


def test_a_track_that_nothing_is_known_of_stands_for_itself_until_it_is_known() -> None:
    table = table_of(SPANS, {key: TRACKS[key] for key in (1, 2, 3)})
    groups = Groups(table, Grouping.PROGRAM)
    assert groups.of(slice(None)).tolist() == [1, 1, 1, 4, 5]
    table.tracks.update(TRACKS)
    assert groups.learn(), "spans are in another group now"
    assert groups.of(np.array([3, 4], np.int32)).tolist() == [1, 5]
    assert not groups.learn()
