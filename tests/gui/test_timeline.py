"""The timeline's window side: what mouse, wheel and keys do, what follows the shared state, what is said."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QFocusEvent, QNativeGestureEvent, QPointingDevice, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from timeline_scenes import come_to_rest
from timeline_sessions import T0, S, delta, table_of
from timeline_views import at, drag, over, shown, timeline_of, two_sessions

from flowscope_app.spans.kinds import Kind
from flowscope_app.spans.rows import SessionRow
from flowscope_app.timeline.grouping import Grouping
from flowscope_app.timeline.rows import BEFORE, HEADER, ROW
from flowscope_app.views.timeline import TimelineView

MS = 1_000_000
SPANS = [
    S(1, 0, 1_000 * MS, kind=Kind.AGENT, op="agent"),
    S(2, 100 * MS, 400 * MS, 1, kind=Kind.LLM, op="ChatOpenAI"),
    S(3, 500 * MS, 900 * MS, 1, kind=Kind.TOOL, error=True, op="lookup_order"),
    S(4, 520 * MS, 880 * MS, 3, track=2, kind=Kind.HTTP, op="GET /orders"),
]


@pytest.fixture
def state():
    return two_sessions()


@pytest.fixture
def view(state, qtbot, qapp):
    return timeline_of(state, qtbot)


@pytest.fixture
def opened(view, state):
    state.choose_session(1)
    state.set_table(table_of(SPANS))
    return view


def go_live(state):
    state.set_sessions([SessionRow(1, "s", "session", pending=1, last_ns=time.time_ns())])
    state.choose_session(1)


def wheel(view, point, dx=0, dy=0, modifiers=Qt.KeyboardModifier.NoModifier):
    place = QPointF(point)
    glob = QPointF(view.canvas.viewport().mapToGlobal(point))
    event = QWheelEvent(
        place, glob, QPoint(), QPoint(dx, dy), Qt.MouseButton.NoButton, modifiers, Qt.ScrollPhase.NoScrollPhase, False
    )
    QApplication.sendEvent(view.canvas.viewport(), event)


def press(view, key):
    QTest.keyClick(view.canvas, key)


def test_an_opened_session_is_shown_whole(opened, state):
    start, end = shown(state)
    assert -100 * MS < start < 0 and 1_000 * MS < end < 1_100 * MS
    assert state.follow, "nobody asked to stay"


def test_the_wheel_zooms_at_the_pointer_and_stops_following(opened, state):
    point = over(opened, 1)
    scene = opened.canvas.item.scene_shown
    x = opened.canvas.box.mapFromScene(opened.canvas.mapToScene(point)).x()
    before = scene.view.time(x)
    span = scene.view.span
    wheel(opened, point, dy=120)
    assert scene.view.span < span
    assert abs(scene.view.time(x) - before) <= scene.view.ns_per_px
    assert not state.follow
    wheel(opened, point, dy=-240)
    assert scene.view.span > span


@pytest.mark.parametrize(("dx", "dy", "modifiers"), [(120, 0, "No"), (0, 120, "Shift")])
def test_a_sideways_wheel_pans(opened, state, dx, dy, modifiers):
    start, end = state.range
    wheel(opened, over(opened, 0), dx, dy, getattr(Qt.KeyboardModifier, f"{modifiers}Modifier"))
    assert state.range[0] < start
    assert state.range[1] - state.range[0] == end - start


def test_dragging_moves_the_session_under_the_hand_both_ways(opened, state):
    opened.resize(1_060, 160)
    start, end = state.range
    width = opened.canvas.item.scene_shown.view.width
    drag(opened.canvas.viewport(), at(opened, 600, 60), at(opened, 500, 40))
    assert state.range[0] - start == pytest.approx(100 * (end - start) / width, rel=0.02)
    assert opened.canvas.item.scene_shown.top == 20
    assert opened.scroll_bar.value() == 20
    assert state.selected is None, "a drag is no click"


def test_the_scroll_bar_moves_the_rows(opened):
    opened.resize(1_060, 160)
    assert opened.scroll_bar.maximum() > 0
    opened.scroll_bar.setValue(15)
    assert opened.canvas.item.scene_shown.top == 15


def test_a_click_selects_and_beside_all_bars_clears(opened, state, qtbot):
    with qtbot.waitSignal(state.selection_changed):
        QTest.mouseClick(opened.canvas.viewport(), Qt.MouseButton.LeftButton, pos=over(opened, 2))
    assert state.selected == 3
    with qtbot.waitSignal(state.selection_changed):
        QTest.mouseClick(opened.canvas.viewport(), Qt.MouseButton.LeftButton, pos=at(opened, 500, 250))
    assert state.selected is None


def test_a_click_on_a_header_folds_its_track_and_unfolds_it(opened):
    scene = opened.canvas.item.scene_shown
    for expected in (None, HEADER + BEFORE):
        QTest.mouseClick(opened.canvas.viewport(), Qt.MouseButton.LeftButton, pos=at(opened, 300, 10))
        assert scene.top_of(0) == expected


def test_a_double_click_drills_in(opened, state):
    point = over(opened, 1)
    QTest.mouseClick(opened.canvas.viewport(), Qt.MouseButton.LeftButton, pos=point)
    QTest.mouseDClick(opened.canvas.viewport(), Qt.MouseButton.LeftButton, pos=point)
    QTest.mouseRelease(opened.canvas.viewport(), Qt.MouseButton.LeftButton, pos=point)
    start, end = shown(state)
    assert 80 * MS < start < 100 * MS and 400 * MS < end < 420 * MS


def test_keys_zoom_pan_and_fit(opened, state, qtbot):
    whole = state.range

    def tap(key):
        press(opened, key)
        qtbot.waitUntil(lambda: opened.glide.resting)

    tap(Qt.Key.Key_W)
    assert state.range[1] - state.range[0] < whole[1] - whole[0]
    tap(Qt.Key.Key_S)
    tap(Qt.Key.Key_D)
    assert state.range[0] > whole[0]
    tap(Qt.Key.Key_A)
    press(opened, Qt.Key.Key_Plus)
    assert state.range[1] - state.range[0] < whole[1] - whole[0]
    press(opened, Qt.Key.Key_0)
    assert state.range == whole
    state.select(2)
    press(opened, Qt.Key.Key_F)
    start, end = shown(state)
    assert 80 * MS < start < 100 * MS and 400 * MS < end < 420 * MS


def test_a_held_key_glides_on_until_it_goes_up_or_the_keyboard_goes_elsewhere(opened, state, qtbot):
    begins = [state.range[0]]
    state.range_changed.connect(lambda: begins.append(state.range[0]))
    away = lambda: QApplication.sendEvent(opened.canvas, QFocusEvent(QEvent.Type.FocusOut))  # noqa: E731
    for let_go in (lambda: QTest.keyRelease(opened.canvas, Qt.Key.Key_D), away):
        QTest.keyPress(opened.canvas, Qt.Key.Key_D)
        frames, far = len(begins), begins[-1] + (state.range[1] - state.range[0]) // 4
        qtbot.waitUntil(lambda far=far: begins[-1] > far)
        assert len(begins) - frames >= 3, "by frames, not by leaps"
        let_go()
        qtbot.waitUntil(lambda: opened.glide.resting)
        rested = state.range
        QTest.qWait(50)
        assert state.range == rested
        opened.fit_all()


def test_w_zooms_in_on_what_the_pointer_is_at(opened, state, qtbot):
    QTest.mouseMove(opened.canvas.viewport(), at(opened, 700, 200))
    qtbot.waitUntil(lambda: opened.canvas.pointer_x is not None)
    x = opened.canvas.pointer_x
    under = opened.canvas.item.scene_shown.view.time(round(x))
    press(opened, Qt.Key.Key_W)
    qtbot.waitUntil(lambda: opened.glide.resting)
    assert abs(opened.canvas.item.scene_shown.view.x(under) - x) < 3


def test_arrow_keys_go_to_parent_child_and_siblings_and_escape_clears(opened, state):
    went = []
    for key in ("Down", "Down", "Right", "Down", "Up", "Left", "Up", "Escape"):
        press(opened, getattr(Qt.Key, f"Key_{key}"))
        went.append(state.selected)
    assert went == [1, 2, 3, 4, 3, 2, 1, None]
    assert "agent" in opened.canvas.accessibleDescription()


def test_a_span_selected_elsewhere_is_brought_in_view(opened, state):
    opened.resize(1_060, 130)
    state.set_range(T0, T0 + 50 * MS, user=True)
    state.select(4)
    scene = opened.canvas.item.scene_shown
    assert state.range[0] < T0 + 880 * MS and state.range[1] > T0 + 520 * MS
    assert scene.top < scene.top_of(3) < scene.top + scene.height


def test_following_keeps_the_newest_in_view_until_the_user_moves(view, state):
    go_live(state)
    now = time.time_ns() - T0
    state.set_table(table_of([S(1, now, None)]))
    state.apply(delta([S(2, now + 5_000 * MS, now + 5_500 * MS, 1)]))
    assert shown(state)[1] > now + 5_500 * MS
    wheel(view, at(view, 300, 30), dy=120)
    stayed = state.range
    state.apply(delta([S(3, now + 9_000 * MS, now + 9_500 * MS, 1)]))
    assert state.range == stayed
    press(view, Qt.Key.Key_L)
    assert state.follow
    assert shown(state)[0] < now + 9_500 * MS <= shown(state)[1]


def test_a_rate_of_growth_is_shown_by_leaps_and_the_end_by_an_exact_fit(view, state, qtbot):
    go_live(state)
    state.set_table(table_of([S(1, 0, None)]))
    seen = set()
    for step in range(1, 40):
        state.apply(delta([S(1 + step, step * 100 * MS, (step * 100 + 50) * MS, 1)]))
        seen.add(state.range)
    assert len(seen) < 25
    state.apply(delta([S(1, 0, 4_000 * MS)]))
    state.set_sessions([SessionRow(1, "s", "session", last_ns=1)])
    view._upkeep._settle.start(0)
    qtbot.waitUntil(lambda: shown(state)[1] == 4_080 * MS)


def test_time_passes_only_while_something_runs_and_is_seen(view, state, qtbot):
    go_live(state)
    state.set_table(table_of([S(1, (time.time_ns() - T0), None)]))
    timer = view._grow
    assert timer.isActive() and timer.interval() >= 100
    before = view.canvas.item.scene_shown.now
    qtbot.waitUntil(lambda: view.canvas.item.scene_shown.now > before)
    view.hide()
    assert not timer.isActive()
    view.show()
    assert timer.isActive()
    state.apply(delta([S(1, (time.time_ns() - T0), (time.time_ns() - T0) + 1)]))
    assert not timer.isActive()


def test_rows_are_put_in_order_once_it_is_quiet(view, state, qtbot):
    go_live(state)
    state.set_table(table_of([S(1, 0, None)]))
    state.apply(delta([S(2, 10 * MS, 20 * MS)]))
    state.apply(delta([S(1, 0, 5 * MS)]))
    scene = view.canvas.item.scene_shown
    assert len(scene.rows.tops) == 2
    view._upkeep._settle.setInterval(10)
    state.apply(delta([S(3, 30 * MS, 40 * MS)]))
    qtbot.waitUntil(lambda: len(scene.rows.tops) == 1)


class Paintings(QObject):
    """Counts the paintings of a canvas."""

    def __init__(self, view):
        super().__init__()
        self.count = 0
        self._watched = view.canvas.viewport()
        self._watched.installEventFilter(self)

    def eventFilter(self, watched, event):
        self.count += watched is self._watched and event.type() == QEvent.Type.Paint
        return False


def test_many_changes_make_one_painting(opened, state, qtbot):
    come_to_rest(opened)
    QTest.qWait(50)
    paintings = Paintings(opened)
    for step in range(50):
        state.set_range(T0 + step * MS, T0 + (500 + step) * MS, user=True)
    qtbot.waitUntil(lambda: paintings.count > 0)
    QTest.qWait(20)
    assert paintings.count < 10


def test_a_hidden_view_paints_and_counts_nothing(opened, state, qtbot):
    qtbot.waitUntil(lambda: opened.overview.bars.density is not None)
    opened.hide()
    paintings = Paintings(opened)
    counted = opened.overview.bars.density
    state.apply(delta([S(9, 1_000 * MS, 1_100 * MS)]))
    qtbot.wait(300)
    assert paintings.count == 0
    assert opened.overview.bars.density is counted
    opened.show()
    qtbot.waitUntil(lambda: opened.overview.bars.density is not counted)


def test_another_session_begins_anew(opened, state):
    state.select(2)
    state.set_range(T0, T0 + 10, user=True)
    state.choose_session(2)
    state.set_follow(True)
    state.set_table(table_of([S(7, 3_000 * MS, 4_000 * MS)]))
    start, end = shown(state)
    assert 2_900 * MS < start < 3_000 * MS and 4_000 * MS < end < 4_100 * MS
    assert opened.canvas.item.selected == -1


def test_a_pinch_zooms(opened, state):
    span = state.range[1] - state.range[0]
    point = QPointF(over(opened, 1))
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture, QPointingDevice.primaryPointingDevice(), 2, point, point, point,
        0.25, QPointF(),
    )  # fmt: skip
    assert event.type() == QEvent.Type.NativeGesture
    QApplication.sendEvent(opened.canvas.viewport(), event)
    assert state.range[1] - state.range[0] == pytest.approx(span / 1.25, rel=1e-6)


def test_a_filter_dims_what_it_leaves_out(opened, state):
    state.set_mask(np.array([False, True, False, False]))
    styles = opened.canvas.item.scene_shown.bars.style
    assert (styles >= 4).sum() == 3


def test_spans_that_came_after_the_filter_are_counted_until_it_is_made_again(opened, state, qtbot):
    state.set_mask(np.array([False, True, False, False]))
    qtbot.waitUntil(lambda: counted(opened) == 1)
    state.apply(delta([S(9, 1_000 * MS, 1_100 * MS)]))
    qtbot.waitUntil(lambda: counted(opened) == 2)


def counted(view: TimelineView) -> int:
    density = view.overview.bars.density
    return -1 if density is None else int(density.started.sum())


def test_every_part_has_a_name_for_a_screen_reader(opened):
    for part in (opened, opened.canvas, opened.overview):
        assert part.accessibleName()


def test_the_keyboard_comes_in_by_the_view(opened):
    assert opened.focusProxy() is opened.canvas
    assert opened.canvas.focusPolicy() == Qt.FocusPolicy.StrongFocus


def test_the_views_own_row_height_is_the_scroll_bars_step(opened):
    assert opened.scroll_bar.singleStep() == ROW


def test_tracks_are_grouped_another_way_from_the_menu_and_by_key(opened, state, qtbot):
    shown = lambda: opened.canvas.item.scene_shown  # noqa: E731
    state.select(4)
    assert len(shown().rows.bands) == 2
    opened.tracks.menu().actions()[1].trigger()
    qtbot.waitUntil(lambda: shown().grouping is Grouping.PROGRAM)
    assert state.grouping is Grouping.PROGRAM
    assert opened.tracks.text() == "Tracks: programs"
    assert shown().top_of(3) is not None
    press(opened, Qt.Key.Key_G)
    press(opened, Qt.Key.Key_G)
    qtbot.waitUntil(lambda: shown().grouping is Grouping.TASK)
    state.apply(delta([S(5, 0, 10 * MS, track=3)]))
    assert len(shown().rows.bands) == 3


def test_another_session_comes_in_the_tracks_that_were_chosen(opened, state, qtbot):
    state.set_grouping(Grouping.THREAD)
    state.choose_session(2)
    state.set_table(table_of(SPANS))
    qtbot.waitUntil(lambda: opened.canvas.item.scene_shown.grouping is Grouping.THREAD)
