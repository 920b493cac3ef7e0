"""The search bar writes the one filter that every view draws by."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from patience import PATIENCE, PATIENCE_MS
from PySide6.QtCore import Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QVBoxLayout, QWidget
from sample_sessions import big

from flowscope_app.qtmodels.filter_controller import FilterController
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.kinds import Kind
from flowscope_app.spans.rows import SessionRow
from flowscope_app.views.search import SearchBar


@pytest.fixture
def bar(stage, record):
    stage.open(
        record("plan", "llm", "Where is my refund?", "ok", start=0, end=0.45),
        record("lookup_order", "tool", {"id": 1}, error="RateLimitError: refund service", start=1, end=1.4),
        record("ChatOpenAI", "llm", "hi", "ho", start=2, end=4, gen_ai__request__model="gpt-4o-mini"),
        record("späte Antwort", "chain", start=5, end=5.1),
    )
    window = QWidget()
    layout = QVBoxLayout(window)
    made = SearchBar(stage.state, stage.queries)
    layout.addWidget(made)
    layout.addStretch(1)
    stage.show(window, 700, 300)
    window.activateWindow()
    made.focus_query()
    made.kept = window
    return made


def write(bar, text):
    bar.line.selectAll()
    QTest.keyClicks(bar.line, text)
    bar.line._popup.hide()


def matched(stage, names):
    def held():
        mask = stage.state.mask
        found = None if mask is None else [stage.state.table.op_name(row) for row in np.flatnonzero(mask)]
        assert found == names

    stage.qtbot.waitUntil(held)


def test_filters_every_view_and_counts(stage, bar):
    write(bar, "kind:llm")
    matched(stage, ["plan", "ChatOpenAI"])
    assert bar.counter.text() == "2 matches"
    write(bar, "kind:llm model:gpt* duration>1s")
    matched(stage, ["ChatOpenAI"])
    write(bar, "kind:embedding")
    matched(stage, [])
    assert bar.counter.text() == "no match" and not bar.next.isEnabled()


def test_steps_through_matches_in_time_and_around(stage, bar):
    write(bar, "-status:pending")
    for expected in ("1 of 4", "2 of 4", "3 of 4", "4 of 4", "1 of 4"):
        QTest.keyClick(bar.line, Qt.Key.Key_Return)
        assert bar.counter.text() == expected
    QTest.keyClick(bar.line, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert stage.state.selected == stage.key("späte Antwort")
    QTest.mouseClick(bar.previous, Qt.MouseButton.LeftButton)
    assert stage.state.selected == stage.key("ChatOpenAI")
    write(bar, "status:error")
    matched(stage, ["lookup_order"])
    bar.previous_match()  # the selected span does not match: the next one on that side
    assert bar.counter.text() == "1 of 1" and stage.state.selected == stage.key("lookup_order")


def test_free_text_looks_into_inputs_outputs_and_errors(stage, bar):
    write(bar, '"refund"')
    matched(stage, ["plan", "lookup_order"])
    assert bar.counter.text() == "2 matches"
    write(bar, "SPÄTE")
    matched(stage, ["späte Antwort"])
    write(bar, '-"refund" -kind:chain')
    matched(stage, ["ChatOpenAI"])


def test_a_long_search_keeps_no_payload_waiting(stage, bar):
    release, read = threading.Event(), []
    stage.queries.run(lambda _reader: release.wait(PATIENCE), lambda _done: None, slot="filter", long=True)
    stage.queries.payload(stage.key("plan"), read.append)
    stage.qtbot.waitUntil(lambda: bool(read))
    release.set()
    assert read[0].span_id == "plan"


def test_the_last_text_typed_is_found_however_fast_it_changed(stage, bar):
    write(bar, "refund")
    matched(stage, ["plan", "lookup_order"])
    write(bar, "refun")
    write(bar, "refund")
    matched(stage, ["plan", "lookup_order"])


def test_a_search_that_nobody_waits_for_stops_and_the_next_one_is_answered(stage, bar):
    begun = threading.Event()

    def endless(reader):
        begun.set()
        reader._rows("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n")

    stage.queries.run(endless, lambda _done: None, slot="another", long=True)
    assert begun.wait(PATIENCE)
    stage.queries.drop("another")
    write(bar, '"refund"')
    matched(stage, ["plan", "lookup_order"])


def test_a_large_session_is_filtered_beside_the_window_and_only_by_the_last_query(stage):
    state, masks = ViewState(), []
    state.set_sessions([SessionRow(1, "big", "big")])
    state.choose_session(1)
    state.set_table(big(runs=1_000).table())
    control = FilterController(state, stage.queries)
    state.filter_changed.connect(lambda: masks.append(state.mask))
    state.set_filter("kind:llm")
    state.set_filter("kind:tool")
    control.step(True)  # Enter, before anything is known
    control.step(True)
    assert state.mask is None and not control.idle
    stage.qtbot.waitUntil(lambda: control.idle, timeout=PATIENCE_MS)
    table = state.table
    (mask,) = masks
    assert (mask == (table.kind == Kind.TOOL)).all() and mask.any()
    in_time = sorted(np.flatnonzero(mask).tolist(), key=lambda row: (table.start[row], row))
    assert (state.selected_row, control.position) == (in_time[1], 2)
    control.step(False)
    control.step(False)
    assert (state.selected_row, control.position) == (in_time[-1], len(in_time))


def test_an_invalid_query_says_where_and_keeps_the_last_filter(stage, bar):
    write(bar, "kind:llm")
    matched(stage, ["plan", "ChatOpenAI"])
    write(bar, "kind:llm duration>abc")
    stage.qtbot.waitUntil(bar.problem.isVisible)
    assert bar.problem.text() == "duration>abc: expected a time like 400ms at character 19"
    assert bar.property("invalid") is True and bar.counter.text() == ""
    matched(stage, ["plan", "ChatOpenAI"])
    write(bar, "kind:llm duration>1s")
    matched(stage, ["ChatOpenAI"])
    assert not bar.problem.isVisible()


def test_escape_clears_then_leaves(stage, bar):
    write(bar, "kind:llm")
    matched(stage, ["plan", "ChatOpenAI"])
    QTest.keyClick(bar.line, Qt.Key.Key_Escape)
    assert bar.line.text() == ""
    stage.qtbot.waitUntil(lambda: stage.state.mask is None)
    assert bar.counter.text() == "" and not bar.clear.isVisible()
    QTest.keyClick(bar.line, Qt.Key.Key_Escape)
    assert not bar.line.hasFocus()


def test_new_spans_are_filtered_too(stage, bar, record):
    write(bar, "kind:llm")
    matched(stage, ["plan", "ChatOpenAI"])
    lengths = []
    stage.state.table_changed.connect(lambda _: lengths.append(len(stage.state.mask) == stage.state.table.n))
    stage.write(record("late", "llm", start=9, end=10), record("other", "tool", start=9, end=10))
    matched(stage, ["plan", "ChatOpenAI", "late"])
    assert lengths and all(lengths)  # a view never meets a mask of another length
    write(bar, "kind:llm zebra")
    matched(stage, [])
    stage.write(record("stripes", "llm", "a zebra", start=11, end=12))
    matched(stage, ["stripes"])


def test_another_views_filter_shows_and_a_session_change_keeps_it(stage, bar, record):
    stage.state.set_filter('op="plan"')
    matched(stage, ["plan"])
    assert bar.line.text() == 'op="plan"'
    other = record("plan", "chain", session="t")
    other.id = "plan-t"
    stage.open(other, session="t")
    matched(stage, ["plan"])


def test_completes_fields_and_values(stage, bar):
    bar.line.clear()
    QTest.keyClicks(bar.line, "kin")
    assert bar.line.options() == ["kind:"]
    QTest.keyClick(bar.line._popup, Qt.Key.Key_Tab)
    assert bar.line.text() == "kind:"
    assert bar.line.options() == ["llm", "chain", "tool"]
    QTest.keyClick(bar.line._popup, Qt.Key.Key_Down)
    QTest.keyClick(bar.line._popup, Qt.Key.Key_Return)
    assert bar.line.text() == "kind:llm "
    matched(stage, ["plan", "ChatOpenAI"])
    QTest.keyClicks(bar.line, "op:sp")
    assert bar.line.options() == ['"späte Antwort"']
    QTest.keyClick(bar.line._popup, Qt.Key.Key_Tab)
    assert bar.line.text() == 'kind:llm op:"späte Antwort" '


def test_colouring_leaves_text_cursor_selection_and_undo_alone(bar):
    bar.line.setText("💥")
    QTest.keyClicks(bar.line, ' status:error "')
    bar.line._popup.hide()
    bar.line.setSelection(2, 6)
    bar.line._colour()
    assert bar.line.text() == '💥 status:error "' and bar.line.selectedText() == " statu"
    bar.line.end(False)
    QTest.keyClick(bar.line, Qt.Key.Key_Backspace)
    bar.line.undo()
    assert bar.line.text() == '💥 status:error "'


def test_an_input_method_composes_undisturbed(stage, bar):
    bar.line.clear()
    bar.line.inputMethodEvent(QInputMethodEvent("こん", []))
    event = QInputMethodEvent("", [])
    event.setCommitString("今日")
    bar.line.inputMethodEvent(event)
    assert bar.line.text() == "今日"
    stage.qtbot.waitUntil(lambda: stage.state.filter_text == "今日")


def test_every_control_has_a_name(bar):
    assert all(button.accessibleName() for button in bar.findChildren(QAbstractButton))
    assert bar.line.accessibleName() == "Search spans"
