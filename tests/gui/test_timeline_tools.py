"""Back and forward, boxes, ranges with their sums, marks, the critical path, first tokens and gaps on the timeline."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from timeline_sessions import T0, S, table_of
from timeline_views import timeline_of, two_sessions

from flowscope.protocol import Header, ProducerInfo
from flowscope_app import theme
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.kinds import Kind
from flowscope_app.spans.notes import NOTE_DTYPE, Notes
from flowscope_app.spans.rows import Report
from flowscope_app.store import Incoming
from flowscope_app.timeline.drawlist import DIM
from flowscope_app.views.timeline import TimelineView
from flowscope_app.views.timeline.gaps import gaps_of

MS = 1_000_000
SPANS = [
    S(1, 0, 1_000 * MS, kind=Kind.AGENT, op="agent"),
    S(2, 100 * MS, 400 * MS, 1, kind=Kind.LLM, op="ChatOpenAI"),
    S(3, 120 * MS, 200 * MS, 1, kind=Kind.TOOL, op="cache"),
    S(4, 500 * MS, 900 * MS, 1, kind=Kind.TOOL, error=True, op="lookup_order"),
    S(5, 520 * MS, 880 * MS, 4, track=2, kind=Kind.HTTP, op="GET /orders"),
]


@pytest.fixture
def state():
    return two_sessions()


@pytest.fixture
def view(state, qtbot, qapp):
    made = timeline_of(state, qtbot)
    state.choose_session(1)
    state.set_table(table_of(SPANS))
    return made


def at(view, time, y):
    """A point of the canvas's viewport: a time (ns after T0) and a height in the view box, negative on the axis."""
    x = view.canvas.item.scene_shown.view.x(T0 + time)
    return view.canvas.mapFromScene(view.canvas.box.mapToScene(QPointF(x, y)))


def drag(view, start, end, modifiers=Qt.KeyboardModifier.NoModifier):
    target = view.canvas.viewport()
    QTest.mousePress(target, Qt.MouseButton.LeftButton, modifiers, start)
    for step in range(1, 5):
        place = start + (end - start) * step / 4
        here, there = QPointF(place), QPointF(target.mapToGlobal(place))
        kind, left = QEvent.Type.MouseMove, Qt.MouseButton.LeftButton
        QApplication.sendEvent(target, QMouseEvent(kind, here, there, Qt.MouseButton.NoButton, left, modifiers))
        QTest.qWait(15)  # pyqtgraph leaves out moves that come faster than a hundred a second
    QTest.mouseRelease(target, Qt.MouseButton.LeftButton, modifiers, end)


def shown(state):
    return tuple(round((time - T0) / MS) for time in state.range)


def pixel(view, time, row, dy):
    scene = view.canvas.item.scene_shown
    point = at(view, time, scene.top_of(row) - scene.top + dy)
    return view.canvas.grab().toImage().pixelColor(point).name()


def test_shift_and_drag_zooms_to_the_box_and_one_goes_back_and_forward(view, state):
    whole = state.range
    drag(view, at(view, 200 * MS, 250), at(view, 600 * MS, 260), Qt.KeyboardModifier.ShiftModifier)
    boxed = state.range
    assert shown(state) == pytest.approx((200, 600), abs=3)
    QTest.keyClick(view.canvas, Qt.Key.Key_BracketLeft)
    assert state.range == whole
    QTest.keyClick(view.canvas, Qt.Key.Key_BracketRight)
    assert state.range == boxed
    drag(view, at(view, 500 * MS, 250), at(view, 400 * MS, 250))
    QTest.keyClick(view.canvas, Qt.Key.Key_BracketLeft)
    assert state.range == boxed, "a drag is one step, however many moves it has"


def test_a_drag_on_the_axis_sums_what_it_holds_and_escape_lets_go(view, state, qtbot):
    whole = state.range
    drag(view, at(view, 90 * MS, -10), at(view, 450 * MS, -10))
    qtbot.waitUntil(lambda: "Busy 36" in view.tools.card.text())  # it says what is so while one drags, too
    assert view.tools.card.isVisible() and state.range == whole
    said = view.tools.card.text()
    assert "Spans 3" in said and "100%" in said and "llm 1 · 300 ms" in said
    state.select(2)
    for chosen, selected in ((None, 2), (None, None)):
        QTest.keyClick(view.canvas, Qt.Key.Key_Escape)
        assert (view.tools.shown.chosen, state.selected) == (chosen, selected)
    assert not view.tools.card.isVisible()


def test_r_sums_the_selected_spans_time_and_f_shows_it(view, state, qtbot):
    state.select(4)
    QTest.keyClick(view.canvas, Qt.Key.Key_R)
    qtbot.waitUntil(view.tools.card.isVisible)
    assert "Errors ✕ 1" in view.tools.card.text()
    QTest.keyClick(view.canvas, Qt.Key.Key_F)
    assert shown(state) == (500, 900)


def test_marks_are_set_at_the_pointer_gone_to_and_kept_by_session(view, state, tmp_path, qtbot):
    kept = tmp_path / "marks.json"
    state.marks.keep_in(kept)
    QTest.mouseMove(view.canvas.viewport(), at(view, 300 * MS, 250))
    qtbot.waitUntil(lambda: view.canvas.pointer_x is not None)
    QTest.keyClick(view.canvas, Qt.Key.Key_M)
    (mark,) = state.marks.times
    assert mark == pytest.approx(T0 + 300 * MS, abs=3 * MS)
    assert json.loads(kept.read_text()) == {"s": [mark]}
    state.set_range(T0 + 250 * MS, T0 + 450 * MS, user=True)
    QTest.mouseClick(view.canvas.viewport(), Qt.MouseButton.LeftButton, pos=at(view, mark - T0, -10))
    qtbot.waitUntil(lambda: sum(state.range) // 2 == pytest.approx(mark, abs=2))
    state.choose_session(2)
    assert state.marks.times == () and view.tools.shown.marks == ()
    again = ViewState()
    again.marks.keep_in(kept)
    again.marks.show("s")
    assert again.marks.times == (mark,)
    again.marks.toggle(mark)
    assert json.loads(kept.read_text()) == {}


@pytest.mark.parametrize("said", [b"[1]", b'{"s": ["x", 1e3, true]}', b"{", b'{"s": 5}'])
def test_a_broken_file_of_marks_counts_as_empty(tmp_path, said):
    path = tmp_path / "marks.json"
    path.write_bytes(said)
    state = ViewState()
    state.marks.keep_in(path)
    state.marks.show("s")
    assert state.marks.times == ()


def test_the_critical_path_dims_what_nobody_waited_for(view, state, qtbot):
    QTest.keyClick(view.canvas, Qt.Key.Key_C)
    qtbot.waitUntil(lambda: view.tools.shown.path is not None)
    bars = view.canvas.item.scene_shown.bars
    dim = {int(row) for row in bars.row[bars.style & DIM > 0]}
    assert dim == {2}, "the look-up in the cache ran beside the call that was waited for"
    assert pixel(view, 300 * MS, 1, 17) == theme.current().text.name()
    state.set_mask(np.array([True, False, True, True, True]))
    assert {
        int(row) for row in view.canvas.item.scene_shown.bars.row[view.canvas.item.scene_shown.bars.style & DIM > 0]
    }
    QTest.keyClick(view.canvas, Qt.Key.Key_C)
    bars = view.canvas.item.scene_shown.bars
    assert {int(row) for row in bars.row[bars.style & DIM > 0]} == {1}, "the filter's own"


def test_the_first_token_is_a_line_in_its_bar(view, state):
    before = pixel(view, 200 * MS, 1, 3)
    notes = np.zeros(1, NOTE_DTYPE)
    notes["key"], notes["first"] = 2, 100 * MS
    state.set_notes(Notes(notes))
    assert pixel(view, 200 * MS, 1, 3) != before
    assert pixel(view, 250 * MS, 1, 3) == before


def test_a_link_of_the_selected_span_stands_out(view, state):
    plain = view.canvas.grab().toImage()
    state.select(5)
    links = view.canvas.item.scene_shown.links
    assert links.of((4, -1)) == {4} and links.of((3, -1)) == {4} and links.of((0, -1)) == set()
    assert view.canvas.grab().toImage() != plain


def test_gaps_are_those_of_the_session_less_what_came_after_all():
    gap = Report("gap", "", 30, "s", "p", T0 + 5, 1)
    reports = [
        gap,
        replace(gap, count=10, time_ns=T0 + 7),
        replace(gap, kind="filled", count=15),
        replace(gap, kind="dropped", count=1, time_ns=T0 + 99),
        replace(gap, session="other"),
    ]
    found = [(each.time - T0, each.count, each.text) for each in gaps_of("s", reports, T0, T0 + 50)]
    assert found == [(5, 25, "25 spans missing here"), (50, 1, "1 span dropped by the program")]


def test_a_gap_in_a_programs_numbers_is_shown_on_the_axis(stage, record, qtbot):
    view = TimelineView(stage.state, stage.queries)
    stage.show(view, 900, 300)
    who = ProducerInfo("p1", session_id="s")
    stage.writer.write([Incoming(Header(producer=who, seq=1, count=1), [record("a", start=0, end=4)])])
    stage.writer.write([Incoming(Header(producer=who, seq=39, count=1), [record("b", start=5, end=9)])])
    stage.open(record("c", start=9, end=9.5))
    qtbot.waitUntil(lambda: bool(view.tools.shown.gaps))
    (gap,) = view.tools.shown.gaps
    assert gap.text == "37 spans missing here"
    x = view.canvas.item.scene_shown.view.x(gap.time)
    assert view.canvas.axis.tip_at(x) == gap.text
