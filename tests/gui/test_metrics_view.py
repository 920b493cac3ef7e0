"""The metrics' table and its view: figures, order, range, filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from pytestqt.qtbot import QtBot
from sample_sessions import MS, T0, Recorder, agent_loop, support_agent

from flowscope_app.analysis.metrics import measure
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.qtmodels.metrics_model import Column, MetricsModel
from flowscope_app.qtmodels.notes_feed import NotesFeed
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.kinds import Kind
from flowscope_app.views.metrics import MetricsView

if TYPE_CHECKING:
    from conftest import Stage


@pytest.fixture
def view(qtbot: QtBot, state: ViewState) -> MetricsView:
    made = MetricsView(state)
    qtbot.addWidget(made)
    made.resize(1060, 420)
    made.show()
    return made


def load(qtbot: QtBot, view: MetricsView, state: ViewState, recorder: Recorder) -> None:
    state.set_table(recorder.table())
    settle(qtbot, view)


def settle(qtbot: QtBot, view: MetricsView) -> None:
    qtbot.waitUntil(lambda: view.idle)


def names(view: MetricsView) -> list[str]:
    return [view.model.name(row) for row in range(view.model.rowCount())]


def cells(model: MetricsModel, name: str) -> list[str]:
    row = model.row_of(name)
    return [str(model.index(row, column).data()) for column in Column]


def filled(recorder: Recorder) -> MetricsModel:
    table = recorder.table()
    model = MetricsModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, model)
    model.take(measure(Snapshot.of(table, table.latest)), table.names)
    return model


def test_a_row_says_how_an_operation_went(qapp: object) -> None:
    model = filled(agent_loop())
    assert cells(model, "read_file") == [
        "read_file", "4", "1", "25.0 %", "–", "109 ms", "109 ms", "109 ms", "436 ms", "436 ms", "15.9 %", "–", "–", "–",
    ]  # fmt: skip
    assert cells(model, "ChatAnthropic")[Column.TOKENS_IN] == "7,800"
    right = model.index(0, Column.P95).data(Qt.ItemDataRole.TextAlignmentRole)
    assert right & Qt.AlignmentFlag.AlignRight


def test_a_click_on_a_head_sorts_and_another_turns_it_round(qapp: object) -> None:
    model = filled(agent_loop())
    model.sort_by(Column.CALLS)
    calls = [int(model.index(row, Column.CALLS).data()) for row in range(model.rowCount())]
    assert calls == sorted(calls, reverse=True)
    assert model.headerData(Column.CALLS, Qt.Orientation.Horizontal) == "Calls ↓"
    model.sort_by(Column.CALLS)
    assert int(model.index(0, Column.CALLS).data()) == min(calls)
    model.sort_by(Column.NAME)
    assert [model.name(row) for row in range(2)] == ["ChatAnthropic", "LangGraph"]


def test_what_is_unknown_is_last_either_way(qapp: object) -> None:
    recorder = agent_loop()
    recorder.span("running", Kind.TOOL, 5_000, None)
    model = filled(recorder)
    for _ in range(2):
        model.sort_by(Column.P95)
        last = model.rowCount() - 1
        assert (model.name(last), model.index(last, Column.P95).data()) == ("running", "–")


def test_the_busiest_operation_is_first(view: MetricsView, state: ViewState, qtbot: QtBot) -> None:
    load(qtbot, view, state, agent_loop())
    assert names(view)[:2] == ["ChatAnthropic", "search_web"]


def test_figures_follow_the_timelines_range(view: MetricsView, state: ViewState, qtbot: QtBot) -> None:
    load(qtbot, view, state, support_agent(running=False))
    state.set_range(T0 + 510 * MS, T0 + 600 * MS)
    settle(qtbot, view)
    assert set(names(view)) == {"LangGraph support-agent", "act", "Retriever", "embed"}
    assert view.note == "Calls in the 90 ms that the timeline shows, of 1.72 s."


def test_figures_follow_the_filter(view: MetricsView, state: ViewState, qtbot: QtBot) -> None:
    load(qtbot, view, state, support_agent())
    state.set_mask(state.table.kind == Kind.LLM)
    settle(qtbot, view)
    assert names(view) == ["ChatOpenAI"]


def test_by_model(view: MetricsView, state: ViewState, qtbot: QtBot) -> None:
    load(qtbot, view, state, support_agent())
    view.corner.choose(1)
    settle(qtbot, view)
    assert names(view) == ["gpt-4o-mini"]
    assert view.model.headerData(0, Qt.Orientation.Horizontal) == "Model"


def test_a_click_filters_and_another_takes_it_back(view: MetricsView, state: ViewState, qtbot: QtBot) -> None:
    load(qtbot, view, state, support_agent())
    rect = view.table.visualRect(view.model.index(view.model.row_of("ChatOpenAI"), 0))
    for expected in ('op="ChatOpenAI"', ""):
        QTest.mouseClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
        assert state.filter_text == expected


def test_enter_filters_too(view: MetricsView, state: ViewState, qtbot: QtBot) -> None:
    load(qtbot, view, state, support_agent())
    view.table.setCurrentIndex(view.model.index(0, 0))
    QTest.keyClick(view.table, Qt.Key.Key_Return)
    assert state.filter_text == f'op="{names(view)[0]}"'


def test_arriving_spans_move_figures_and_leave_the_current_row(
    view: MetricsView, state: ViewState, qtbot: QtBot
) -> None:
    recorder = agent_loop()
    load(qtbot, view, state, recorder)
    view.table.setCurrentIndex(view.model.index(view.model.row_of("tools"), 0))
    recorder.span("slow", Kind.TOOL, 3_000, 9_000)
    state.apply(recorder.delta())
    settle(qtbot, view)
    assert names(view)[0] == "slow"
    assert view.model.name(view.table.currentIndex().row()) == "tools"


def test_it_says_why_there_are_no_figures(view: MetricsView, state: ViewState, qtbot: QtBot) -> None:
    assert view.says == "No session chosen"
    recorder = Recorder()
    recorder.span("work", Kind.TASK, 0, 1)
    load(qtbot, view, state, recorder)
    assert view.says == ""
    view.corner.choose(1)
    settle(qtbot, view)
    assert view.says == "No models"


def test_every_grouping_has_its_rows_and_its_filter(stage: Stage, record: Any) -> None:
    stage.open(
        record("a", "llm", gen_ai__request__model="gpt-4o", gen_ai__provider__name="openai"),
        *(record(f"b{n}", "llm", operation="b", gen_ai__request__model="own-7b") for n in range(2)),
    )
    view = MetricsView(stage.state, stage.queries)
    stage.show(view, 1060, 420)
    for grouping, name, term in (
        (1, "own-7b", 'model="own-7b"'),
        (2, "langchain", 'framework="langchain"'),
        (3, "python", 'program:"python"'),
    ):
        view.corner.choose(grouping)
        stage.qtbot.waitUntil(lambda at=grouping, name=name: view.idle and view.model.row_of(name) >= 0)
        view.table.chosen.emit(view.model.row_of(name))
        assert stage.state.filter_text == term


def test_a_cost_is_told_with_its_source_and_never_guessed(stage: Stage, record: Any) -> None:
    asked = {"gen_ai__usage__input_tokens": 1_000_000, "gen_ai__usage__output_tokens": 0, "start": -86_400 * 300}
    known = {"gen_ai__request__model": "gpt-4o", "gen_ai__provider__name": "openai"}
    stage.open(
        record("known", **asked, **known),
        record("own", **asked, gen_ai__request__model="own-7b"),
        record("m1", operation="mixed", **asked, **known),
        record("m2", operation="mixed", **asked, gen_ai__request__model="own-7b"),
        record("tool", "tool"),
    )
    notes = NotesFeed(stage.state, stage.queries)
    view = MetricsView(stage.state, stage.queries)
    stage.show(view, 1060, 420)
    notes._ask()
    stage.qtbot.waitUntil(lambda: view.idle and "Prices: genai-prices" in view.note)
    stage.qtbot.waitUntil(lambda: cells(view.model, "known")[Column.COST] == "$2.50")
    assert [cells(view.model, name)[Column.COST] for name in ("own", "mixed", "tool")] == ["unknown", "≥ $2.50", "–"]
    cell = view.model.index(view.model.row_of("mixed"), Column.COST)
    assert cell.data(Qt.ItemDataRole.ToolTipRole) == "1 call of unknown price"
    assert "2 calls of unknown price" in view.note


@pytest.mark.parametrize("width", [420, 600, 760, 900, 1700])
def test_columns_fit_the_pane_and_errors_stay(view: MetricsView, state: ViewState, qtbot: QtBot, width: int) -> None:
    load(qtbot, view, state, agent_loop())
    view.resize(width, 420)
    qtbot.waitUntil(lambda: view.table.horizontalScrollBar().maximum() == 0)
    shown = view.table.shown_columns()
    assert {Column.NAME, Column.CALLS, Column.ERRORS, Column.SELF} <= set(shown)
    assert (Column.RATE in shown) or cells(view.model, "read_file")[Column.ERRORS] == "1 · 25.0 %"
    assert (Column.SHARE in shown) == (width == 1700)


def test_plots_are_of_the_current_row_and_its_calls(view: MetricsView, state: ViewState, qtbot: QtBot) -> None:
    load(qtbot, view, state, agent_loop())
    assert view.plots.shown is not None
    assert view.plots.shown.course.calls.sum() == state.table.n
    view.table.setCurrentIndex(view.model.index(view.model.row_of("read_file"), 0))
    settle(qtbot, view)
    assert (view.plots.shown.durations.calls.sum(), view.plots.shown.durations.errors.sum()) == (4, 1)
    assert "4 calls, 1 error" in view.plots.course.accessibleDescription()
    QTest.keyClick(view.table, Qt.Key.Key_Escape)
    settle(qtbot, view)
    assert view.plots.shown.course.calls.sum() == state.table.n


def test_a_click_on_a_bar_filters_by_length_and_another_takes_it_back(
    view: MetricsView, state: ViewState, qtbot: QtBot
) -> None:
    load(qtbot, view, state, agent_loop())
    view.table.setCurrentIndex(view.model.index(view.model.row_of("read_file"), 0))
    settle(qtbot, view)
    plot = view.plots.histogram
    place = plot.mapFromScene(plot.box.mapViewToScene(QPointF(float(plot.edges[:2].mean()), 0.2)))
    for expected in ('op="read_file" duration>=100ms duration<110ms', ""):
        QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
        qtbot.waitUntil(lambda expected=expected: state.filter_text == expected)


def test_a_drag_over_time_sets_the_range(view: MetricsView, state: ViewState, qtbot: QtBot) -> None:
    load(qtbot, view, state, agent_loop())
    plot, first = view.plots.course, view.plots.shown.course.first
    ends = [plot.mapFromScene(plot.box.mapViewToScene(QPointF(float(plot.edges[at]), 1))) for at in (10, 30)]
    QTest.mousePress(plot.viewport(), Qt.MouseButton.LeftButton, pos=ends[0])
    for step in (1, 2, 3, 4):
        QTest.mouseMove(plot.viewport(), ends[0] + (ends[1] - ends[0]) * step / 4)
    QTest.mouseRelease(plot.viewport(), Qt.MouseButton.LeftButton, pos=ends[1])
    near = float(plot.edges[2])
    assert abs(state.range[0] - first - plot.edges[10]) < near
    assert abs(state.range[1] - first - plot.edges[30]) < near
    assert not state.follow


def test_without_room_plots_wait_behind_their_button(view: MetricsView, state: ViewState, qtbot: QtBot) -> None:
    view.resize(640, 420)
    load(qtbot, view, state, agent_loop())
    assert (view.plots.isVisible(), view.table.isVisible()) == (False, True)
    view.corner.plots.click()
    settle(qtbot, view)
    assert (view.plots.isVisible(), view.table.isVisible()) == (True, False)
    assert view.plots.shown is not None


def test_a_single_length_is_a_bar_among_others_and_an_instant_has_its_time(
    view: MetricsView, state: ViewState, qtbot: QtBot
) -> None:
    recorder = Recorder()
    recorder.span("tick", Kind.CHAIN, 0, 0)
    load(qtbot, view, state, recorder)
    histogram, course = view.plots.histogram, view.plots.course
    left, right = histogram.shown
    assert right - left >= 10 * (histogram.edges[-1] - histogram.edges[0])
    lengths, times = ([text for _place, text in plot.getAxis("bottom")._tickLevels[0]] for plot in (histogram, course))
    assert lengths[0] == "1 ns" and len(set(lengths)) == len(lengths) >= 2
    assert times == ["0 s"]
