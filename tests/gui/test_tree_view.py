"""The tree's view: one selection both ways, nothing lost while spans arrive."""

from __future__ import annotations

import numpy as np
import pytest
from patience import PATIENCE_MS
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from sample_sessions import Recorder, big, support_agent

from flowscope_app.qtmodels.state import ViewState
from flowscope_app.qtmodels.tree_model import Column
from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.spans.table import SpanTable
from flowscope_app.views.tree import TreeView


@pytest.fixture
def view(qtbot: QtBot, state: ViewState) -> TreeView:
    made = TreeView(state)
    qtbot.addWidget(made)
    made.resize(900, 400)
    made.show()
    return made


def seen(view: TreeView) -> list[str]:
    """The names from top to bottom."""
    names, index = [], view.model.index(0, 0)
    while index.isValid():
        names.append(str(index.data()))
        index = view.tree.indexBelow(index)
    return names


def row(state: ViewState, name: str) -> int:
    return max(row for row in range(state.table.n) if state.table.op_name(row) == name)


def test_a_small_session_is_open_all_the_way(view: TreeView, state: ViewState) -> None:
    state.set_table(support_agent().table())
    assert seen(view)[:4] == ["LangGraph support-agent", "plan", "ChatOpenAI", "act"]
    assert len(seen(view)) == state.table.n


def test_a_big_session_opens_at_its_runs(view: TreeView, state: ViewState) -> None:
    state.set_table(big(runs=20).table())
    assert len(seen(view)) == 20


@pytest.mark.parametrize("width", [1_200, 700, 440, 340])
def test_the_names_keep_their_room_and_nothing_is_scrolled_sideways(
    view: TreeView, state: ViewState, qtbot: QtBot, width: int
) -> None:
    state.set_table(support_agent().table())
    view.resize(width, 400)
    qtbot.waitUntil(lambda: view.tree.horizontalScrollBar().maximum() == 0, timeout=PATIENCE_MS)
    assert view.tree.columnWidth(Column.OPERATION) >= 200
    assert not view.tree.isColumnHidden(Column.DURATION)
    assert view.tree.isColumnHidden(Column.BAR) == (width < 700)


def test_a_click_selects_the_span(view: TreeView, state: ViewState) -> None:
    state.set_table(support_agent().table())
    index = view.model.index_of(row(state, "lookup_order"))
    QTest.mouseClick(view.tree.viewport(), Qt.MouseButton.LeftButton, pos=view.tree.visualRect(index).center())
    assert state.table.op_name(state.selected_row) == "lookup_order"


def test_keys_move_the_selection(view: TreeView, state: ViewState) -> None:
    state.set_table(support_agent().table())
    state.select_row(0)
    QTest.keyClick(view.tree, Qt.Key.Key_Down)
    assert state.table.op_name(state.selected_row) == "plan"


def test_a_span_selected_elsewhere_is_opened_up_to_and_current(view: TreeView, state: ViewState) -> None:
    state.set_table(big(runs=20).table())
    deep = int(np.argmax(state.table.depth))
    state.select_row(deep)
    current = view.tree.currentIndex()
    assert view.model.row_at(current) == deep
    assert view.tree.viewport().rect().intersects(view.tree.visualRect(current))
    state.select(None)
    assert not view.tree.selectionModel().hasSelection()


def test_arriving_spans_leave_expansion_selection_and_place(view: TreeView, state: ViewState, qtbot: QtBot) -> None:
    recorder = big(runs=20)
    state.set_table(recorder.table())
    view.tree.expand(view.model.index(2, 0))
    state.select_row(int(state.table.children(int(state.table.roots()[2]))[0]))
    view.tree.verticalScrollBar().setValue(40)
    before, scrolled = seen(view), view.tree.verticalScrollBar().value()
    chosen = state.selected
    recorder.span("late", Kind.CHAIN, 10_000_000, 10_000_001)
    recorder.span("early", Kind.CHAIN, -10, -5)
    state.apply(recorder.delta())
    qtbot.waitUntil(lambda: len(seen(view)) == len(before) + 2)
    assert seen(view) == ["early", *before, "late"]
    assert state.selected == chosen == int(state.table.key[view.model.row_at(view.tree.currentIndex())])
    assert view.tree.verticalScrollBar().value() == scrolled


def test_what_the_user_closed_stays_closed(view: TreeView, state: ViewState, qtbot: QtBot) -> None:
    recorder = support_agent()
    state.set_table(recorder.table())
    view.tree.collapse(view.model.index_of(row(state, "act")))
    recorder.span("another", Kind.TOOL, 600, 610, parent=4)
    recorder.span("step", Kind.CHAIN, 1600, 1610, parent=1)
    state.apply(recorder.delta())
    qtbot.waitUntil(lambda: "step" in seen(view))
    assert "another" not in seen(view)


def test_an_item_may_be_opened_before_what_arrived_is_brought_in(
    view: TreeView, state: ViewState, qtbot: QtBot
) -> None:
    recorder = big(runs=20)
    state.set_table(recorder.table())
    for number in range(3):
        recorder.span(f"late {number}", Kind.TOOL, 1, 2, parent=1)
        state.apply(recorder.delta())
        view.tree.expand(view.model.index(number, 0))
    qtbot.waitUntil(lambda: "late 2" in seen(view))


def test_what_arrives_while_it_is_hidden_is_there_when_it_is_seen(view: TreeView, state: ViewState) -> None:
    recorder = big(runs=20)
    state.set_table(recorder.table())
    view.tree.expand(view.model.index(0, 0))
    opened = seen(view)
    view.hide()
    recorder.span("late", Kind.CHAIN, 10_000_000, 10_000_001)
    state.apply(recorder.delta())
    state.select_row(state.table.n - 1)
    view.show()
    assert seen(view) == [*opened, "late"]
    assert view.model.row_at(view.tree.currentIndex()) == state.table.n - 1


def test_a_filter_shows_matches_below_what_called_them_and_its_end_shows_all(view: TreeView, state: ViewState) -> None:
    state.set_table(support_agent().table())
    everything = seen(view)
    state.filter_text = "status:error"
    state.set_mask(state.table.status == Status.ERROR)
    assert seen(view) == ["LangGraph support-agent", "act", "lookup_order", "POST orders:8080"]
    state.filter_text = ""
    state.set_mask(None)
    assert seen(view) == everything


def test_nothing_that_matches_is_said(view: TreeView, state: ViewState) -> None:
    assert view.says == "No session chosen"
    state.set_table(support_agent().table())
    assert view.says == ""
    state.filter_text = "op:nothing"
    state.set_mask(np.zeros(state.table.n, bool))
    assert view.says == "No span matches the filter"


def test_another_session_takes_the_place_of_the_one_before(view: TreeView, state: ViewState) -> None:
    state.set_table(support_agent().table())
    state.table = SpanTable()
    state.session_changed.emit()
    assert view.model.rowCount(QModelIndex()) == 0
    state.set_table(big(runs=1).table())
    assert len(seen(view)) == 60


def test_a_hundred_thousand_spans_arrive_and_scroll(view: TreeView, state: ViewState, qtbot: QtBot) -> None:
    recorder = Recorder()
    for number in range(2_000):
        root = recorder.span("run", Kind.CHAIN, number * 10, number * 10 + 9)
        for step in range(49):
            recorder.span("step", Kind.TOOL, number * 10 + step / 10, number * 10 + step / 10 + 0.05, root)
    state.set_table(recorder.table())
    assert state.table.n == 100_000
    view.tree.scrollToBottom()
    view.tree.expand(view.model.index(1_999, 0))
    assert view.model.rowCount(view.model.index(1_999, 0)) == 49
    recorder.span("new", Kind.CHAIN, 99_999, 100_000)
    state.apply(recorder.delta())
    qtbot.waitUntil(lambda: view.model.rowCount() == 2_001)


def test_what_was_selected_while_the_tab_was_hidden_is_in_sight_when_it_is_shown(
    view: TreeView, state: ViewState
) -> None:
    state.set_table(big(runs=200).table())
    view.hide()
    last = view.model.row_at(view.model.index(199, 0))
    state.select_row(last)
    view.show()
    assert view.tree.viewport().rect().contains(view.tree.visualRect(view.model.index_of(last)).center())
