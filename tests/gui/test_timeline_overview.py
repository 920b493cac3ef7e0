"""What the timeline says and shows of the whole: the overview's brush, the card at the pointer, why it is empty."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from timeline_sessions import T0, S, delta, table_of
from timeline_views import at, drag, over, shown, timeline_of, two_sessions

from flowscope_app.spans.kinds import Kind
from flowscope_app.spans.notes import NOTE_DTYPE, Notes
from flowscope_app.spans.table import SpanTable
from flowscope_app.timeline.rows import BEFORE, HEADER

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


def test_the_brush_shows_the_range_and_moves_it(opened, state, qtbot):
    qtbot.waitUntil(lambda: opened.overview.bars.density is not None)
    state.set_range(T0 + 200 * MS, T0 + 400 * MS, user=True)
    left, right = opened.overview.brush.getRegion()
    first = opened.overview._first
    assert (round(left) + first, round(right) + first) == state.range
    opened.overview.brush.setRegion((left + 50 * MS, right + 50 * MS))
    assert shown(state) == (250 * MS, 450 * MS)
    opened.overview.brush.setRegion((left + 50 * MS, right + 100 * MS))
    assert shown(state) == (250 * MS, 500 * MS)


def test_drawing_on_the_overview_zooms_and_a_click_goes_there(opened, state, qtbot):
    qtbot.waitUntil(lambda: opened.overview.bars.density is not None)
    strip = opened.overview
    state.set_range(T0, T0 + 50 * MS, user=True)
    drag(strip.viewport(), QPoint(500, 20), QPoint(800, 20))
    whole, width = strip._last - strip._first, strip.box.rect().width()
    assert state.range[1] - state.range[0] == pytest.approx(300 / width * whole, rel=0.03)
    span = state.range[1] - state.range[0]
    QTest.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(200, 20))
    assert state.range[1] - state.range[0] == span
    assert sum(state.range) // 2 - strip._first == pytest.approx(200 / width * whole, rel=0.05)


def test_a_range_too_small_to_see_still_has_a_brush_to_grasp(opened, state, qtbot):
    qtbot.waitUntil(lambda: opened.overview.bars.density is not None)
    state.set_range(T0 + 500 * MS, T0 + 500 * MS + 1_000, user=True)
    left, right = opened.overview.brush.getRegion()
    assert (right - left) * opened.overview.box.rect().width() / (opened.overview._last - opened.overview._first) >= 5
    opened.overview.brush.setRegion((left + 10 * MS, right + 10 * MS))
    assert state.range[1] - state.range[0] == 1_000
    assert state.range[0] == pytest.approx(T0 + 510 * MS, abs=2)


def test_pointing_at_a_bar_says_what_it_is_and_leaving_takes_it_away(opened, state, qtbot):
    QTest.mouseMove(opened.canvas.viewport(), over(opened, 2))
    qtbot.waitUntil(opened.card.isVisible)
    said = opened.card.text()
    for part in ("lookup_order", "tool", "400 ms", "failed"):
        assert part in said
    assert state.hovered == 3
    QTest.qWait(15)  # pyqtgraph leaves out moves that come faster than a hundred a second
    QTest.mouseMove(opened.canvas.viewport(), at(opened, 500, 250))
    qtbot.waitUntil(lambda: not opened.card.isVisible())
    assert state.hovered is None


def test_the_card_says_when_the_first_token_came(opened, state, qtbot):
    notes = np.zeros(1, NOTE_DTYPE)
    notes["key"], notes["first"] = 2, 120 * MS
    state.set_notes(Notes(notes))
    QTest.mouseMove(opened.canvas.viewport(), over(opened, 1))
    qtbot.waitUntil(opened.card.isVisible)
    assert "first token after 120 ms" in opened.card.text()


def test_the_card_says_how_many_spans_a_run_holds(view, state, qtbot):
    state.choose_session(1)
    state.set_table(table_of([S(key, key * 10, key * 10 + 5) for key in range(1, 100_000)]))
    QTest.mouseMove(view.canvas.viewport(), at(view, 500, HEADER + BEFORE + 8))
    qtbot.waitUntil(view.card.isVisible)
    assert "spans" in view.card.text().splitlines()[0]


def test_it_says_what_is_so_when_there_is_nothing_to_show(view, state):
    assert view.empty.isVisible() and view.empty.title() == "No session selected"
    state.choose_session(1)
    assert "Opening" in view.empty.title()
    state.set_table(SpanTable())
    assert view.empty.title() == "No spans yet"
    state.apply(delta(SPANS))
    assert not view.empty.isVisible()
