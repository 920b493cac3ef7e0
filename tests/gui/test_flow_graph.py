"""The flow graph's view: shares selection and filter, keeps still while spans arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from sample_sessions import Recorder, agent_loop, big, support_agent

from flowscope_app import theme
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.views.flow_graph import FlowGraphView
from flowscope_app.views.flow_graph.items import EdgeItem, NodeItem

Show = Callable[[Recorder | None], FlowGraphView]


@pytest.fixture
def show(qtbot: QtBot, state: ViewState) -> Iterator[Show]:
    def shown(recorder: Recorder | None) -> FlowGraphView:
        view = FlowGraphView(state)
        qtbot.addWidget(view)
        view.resize(1060, 420)
        if recorder is not None:
            state.set_table(recorder.table())
        view.show()
        settle(qtbot, view)
        return view

    yield shown


def settle(qtbot: QtBot, view: FlowGraphView) -> None:
    qtbot.waitUntil(lambda: view.idle)


def node(view: FlowGraphView, label: str) -> NodeItem:
    return next(item for item in view.canvas.nodes.values() if item.label == label)


def click(view: FlowGraphView, item: NodeItem) -> None:
    QTest.mouseClick(view.canvas.viewport(), Qt.MouseButton.LeftButton, pos=view.canvas.mapFromScene(item.pos()))


def row(state: ViewState, name: str) -> int:
    return max(row for row in range(state.table.n) if state.table.op_name(row) == name)


def test_it_draws_the_session_and_all_of_it_is_in_view(show: Show) -> None:
    view = show(support_agent())
    assert {item.label for item in view.canvas.nodes.values()} >= {"START", "plan", "act", "answer", "END"}
    seen = view.canvas.viewport().rect()
    assert all(seen.contains(view.canvas.mapFromScene(item.card.center())) for item in view.canvas.nodes.values())


def test_a_click_selects_the_operations_newest_failed_span(show: Show, state: ViewState) -> None:
    view = show(agent_loop())
    click(view, node(view, "read_file"))
    assert state.table.status[state.selected_row] == Status.ERROR
    assert node(view, "read_file").chosen


def test_a_span_selected_elsewhere_is_marked_here(show: Show, state: ViewState) -> None:
    view = show(support_agent())
    state.select_row(row(state, "Retriever"))
    assert [item.label for item in view.canvas.nodes.values() if item.chosen] == ["Retriever"]
    state.select(None)
    assert not any(item.chosen for item in view.canvas.nodes.values())


def test_a_click_beside_the_nodes_selects_nothing(show: Show, state: ViewState) -> None:
    view = show(support_agent())
    state.select_row(3)
    QTest.mouseClick(view.canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    assert state.selected is None


def test_a_double_click_filters_by_the_operation(show: Show, state: ViewState) -> None:
    view = show(support_agent())
    where = view.canvas.mapFromScene(node(view, "lookup_order").pos())
    QTest.mouseDClick(view.canvas.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert state.filter_text == 'op="lookup_order"'


def test_what_the_filter_leaves_out_is_pale(show: Show, state: ViewState, qtbot: QtBot) -> None:
    view = show(support_agent())
    state.set_mask(state.table.kind == Kind.LLM)
    settle(qtbot, view)
    assert node(view, "ChatOpenAI").opacity() == 1
    assert node(view, "act").opacity() < 0.5
    assert node(view, "START").opacity() == 1


def test_by_call_shows_single_calls(show: Show, state: ViewState, qtbot: QtBot) -> None:
    view = show(support_agent())
    state.select_row(row(state, "ChatOpenAI"))
    view.corner.choose(1)
    settle(qtbot, view)
    assert [item.label for item in view.canvas.nodes.values()].count("ChatOpenAI") == 2
    assert [id_ for id_, item in view.canvas.nodes.items() if item.chosen] == [state.selected]


def test_by_call_follows_the_selection_into_another_run(show: Show, state: ViewState, qtbot: QtBot) -> None:
    view = show(big(runs=12))
    view.corner.choose(1)
    settle(qtbot, view)
    first = int(state.table.key[3])
    assert first not in view.canvas.nodes
    state.select(first)
    settle(qtbot, view)
    assert first in view.canvas.nodes


def test_new_figures_leave_every_card_where_it_is(show: Show, state: ViewState, qtbot: QtBot) -> None:
    recorder = support_agent()
    view = show(recorder)
    before = {id_: (item, QPointF(item.pos())) for id_, item in view.canvas.nodes.items()}
    recorder.span("answer", Kind.CHAIN, 1256, 1724, 1, key=10)
    state.apply(recorder.delta())
    settle(qtbot, view)
    assert {id_: (item, item.pos()) for id_, item in view.canvas.nodes.items()} == before
    shown = node(view, "answer").node
    assert shown is not None
    assert shown.pending == 0


def test_a_new_operation_joins(show: Show, state: ViewState, qtbot: QtBot) -> None:
    recorder = support_agent()
    view = show(recorder)
    recorder.span("send_mail", Kind.TOOL, 1800, 1810, parent=10)
    state.apply(recorder.delta())
    settle(qtbot, view)
    assert node(view, "send_mail").node is not None


def test_zoom_and_pan_stay_while_spans_arrive_and_fit_takes_the_whole_up_again(
    show: Show, state: ViewState, qtbot: QtBot
) -> None:
    recorder = support_agent()
    view = show(recorder)
    view.canvas.zoom(1.7)
    scale = view.canvas.transform().m11()
    recorder.span("send_mail", Kind.TOOL, 1800, 1810, parent=10)
    state.apply(recorder.delta())
    settle(qtbot, view)
    assert view.canvas.transform().m11() == scale
    QTest.keyClick(view.canvas, Qt.Key.Key_0)
    assert view.canvas.transform().m11() < scale


def test_dragging_pans_and_selects_nothing(show: Show, state: ViewState) -> None:
    view = show(support_agent())
    item = node(view, "act")
    start = view.canvas.mapFromScene(item.pos())
    port = view.canvas.viewport()
    QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(port, start + QPoint(30, 12))
    QTest.mouseMove(port, start + QPoint(60, 24))
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=start + QPoint(60, 24))
    assert state.selected is None
    moved = view.canvas.mapFromScene(item.pos()) - start
    assert (moved - QPoint(60, 24)).manhattanLength() <= 2


def test_arrow_keys_go_from_node_to_node(show: Show) -> None:
    view = show(agent_loop())
    QTest.keyClick(view.canvas, Qt.Key.Key_Right)
    names = []
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left):
        QTest.keyClick(view.canvas, key)
        names.append(next(item.label for item in view.canvas.nodes.values() if item.chosen))
    assert names == ["model", "tools", "model"]
    assert "5 calls" in view.canvas.accessibleDescription()


def test_a_failed_call_has_its_path_in_the_errors_colour(show: Show) -> None:
    view = show(support_agent())
    named = {id_: item.label for id_, item in view.canvas.nodes.items()}
    red = {(named[e.edge.source], named[e.edge.target]) for e in view.canvas.edges.values() if e.edge.errors}
    assert red == {("act", "lookup_order"), ("lookup_order", "POST orders:8080")}
    edge = next(e for e in view.canvas.edges.values() if named[e.edge.target] == "lookup_order" and e.edge.errors)
    picture = view.canvas.grab().toImage()
    middle = view.canvas.mapFromScene(edge.shape().pointAtPercent(0.25))
    assert seen_near(picture, middle, theme.current().error)


def seen_near(picture: QImage, point: QPoint, colour: QColor) -> bool:
    """Whether that colour, but for smoothing, is within 12 px of a point."""

    def like(x: int, y: int) -> bool:
        pixel = picture.pixelColor(x, y)
        off = abs(pixel.red() - colour.red()) + abs(pixel.green() - colour.green()) + abs(pixel.blue() - colour.blue())
        return off < 90

    around = QRect(point - QPoint(12, 12), QSize(25, 25)) & picture.rect()
    return any(
        like(x, y) for x in range(around.left(), around.right() + 1) for y in range(around.top(), around.bottom() + 1)
    )


def test_words_of_a_trace_are_shown_as_they_are(show: Show) -> None:
    recorder = Recorder()
    recorder.span("<b>bold</b>\n" + "x" * 100_000, Kind.TOOL, 0, 1)
    view = show(recorder)
    label = next(item.label for item in view.canvas.nodes.values() if item.label not in ("START", "END"))
    assert label.startswith("<b>bold</b> x")
    assert len(label) <= 80
    edge = next(item for item in view.canvas.edges.values() if isinstance(item, EdgeItem))
    assert edge.spoken("a", "b") == "a leads to b, once"


def test_it_waits_while_it_is_not_seen(qtbot: QtBot, state: ViewState) -> None:
    view = FlowGraphView(state)
    qtbot.addWidget(view)
    state.set_table(support_agent().table())
    assert view.idle
    assert not view.canvas.nodes
    view.show()
    qtbot.waitUntil(lambda: bool(view.canvas.nodes))


def test_an_empty_session_says_so(show: Show, state: ViewState) -> None:
    view = show(None)
    assert view.says == "No session chosen"
    state.loading = True
    state.session_changed.emit()
    assert view.says == "Reading the session …"


def test_it_follows_the_theme(show: Show) -> None:
    view = show(support_agent())
    theme.set_mode("light")
    assert view.canvas.grab().toImage().pixelColor(3, 3) == theme.LIGHT.panel
    theme.set_mode("dark")
    assert view.canvas.grab().toImage().pixelColor(3, 3) == theme.DARK.panel
    theme.set_mode("system")


def test_sixteen_hundred_operations_do_not_hold_up_the_window(show: Show, state: ViewState) -> None:
    recorder = Recorder()
    root = recorder.span("root", Kind.CHAIN, 0, 99_000)
    for number in range(1600):
        recorder.span(f"step {number}", Kind.TOOL, number * 10, number * 10 + 5, root)
    view = show(recorder)
    assert len(view.canvas.nodes) <= 102
    assert view.note.startswith("The 100 operations that took longest, of 1,601.")
