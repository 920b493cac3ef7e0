"""The tree of spans as an item model, under Qt's own model tester."""

from __future__ import annotations

import random

import numpy as np
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from sample_sessions import Recorder, big, support_agent

from flowscope_app.qtmodels.state import ViewState
from flowscope_app.qtmodels.tree_model import Column, SpanTreeModel
from flowscope_app.spans.kinds import Kind, Status

Outline = list[tuple[str, "Outline"]]


def watched(state: ViewState) -> SpanTreeModel:
    model = SpanTreeModel(state)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, model)
    tester.setUseFetchMore(False)  # it would fetch within `rowsInserted` and then complain of that
    return model


def outline(model: SpanTreeModel, above: QModelIndex | None = None) -> Outline:
    above = above or QModelIndex()
    if model.canFetchMore(above):
        model.fetchMore(above)
    kids = [model.index(place, 0, above) for place in range(model.rowCount(above))]
    return [(str(kid.data()), outline(model, kid)) for kid in kids]


def expected(state: ViewState, row: int = -1) -> Outline:
    """What the table says, without the model."""
    table = state.table
    rows = [r for r in range(table.n) if table.parent[r] == row]
    rows.sort(key=lambda r: (int(table.start[r]), r))
    return [(table.op_name(r), expected(state, r)) for r in rows]


def test_a_session_reads_as_it_was_called(state: ViewState) -> None:
    state.set_table(support_agent().table())
    assert outline(watched(state)) == expected(state)


def test_children_are_known_only_when_asked_for(state: ViewState) -> None:
    state.set_table(support_agent().table())
    model = SpanTreeModel(state)  # the tester would ask
    root = model.index(0, 0)
    assert model.hasChildren(root)
    assert model.rowCount(root) == 0
    assert model.canFetchMore(root)
    model.fetchMore(root)
    assert model.rowCount(root) == 3


def test_cells_say_what_a_person_reads(state: ViewState) -> None:
    state.set_table(support_agent(running=False).table())
    model = watched(state)
    row = next(r for r in range(state.table.n) if state.table.op_name(r) == "ChatOpenAI")
    index = model.index_of(row)
    texts = [index.siblingAtColumn(column).data() for column in Column]
    assert texts == ["ChatOpenAI", "452 ms", "16 ms", "620 / 88", ""]
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "ChatOpenAI, llm, done"
    assert model.headerData(1, Qt.Orientation.Horizontal) == "Duration"


def test_a_long_or_broken_name_makes_one_short_line(state: ViewState) -> None:
    recorder = Recorder()
    recorder.span("x" * 1_000_000 + "\n<img src=x>", Kind.LLM, 0, 1)
    recorder.span("", Kind.LLM, 2, 3)
    state.set_table(recorder.table())
    model = watched(state)
    assert len(model.index(0, 0).data()) == 200
    assert model.index(1, 0).data() == "(no name)"


def test_arriving_spans_join_without_a_reset(state: ViewState) -> None:
    recorder = support_agent()
    state.set_table(recorder.table())
    model = watched(state)
    outline(model)
    resets: list[int] = []
    model.modelReset.connect(lambda: resets.append(1))
    recorder.span("refund", Kind.TOOL, 1300, 1310, parent=10)
    recorder.span("second run", Kind.CHAIN, 4000, 4100)
    recorder.span("early", Kind.CHAIN, 1, 2)
    model.update_rows(state.apply(recorder.delta()).changed)
    assert outline(model) == expected(state)
    assert not resets


def test_a_parent_that_arrives_late_takes_its_children_in(state: ViewState) -> None:
    recorder = Recorder()
    recorder.span("child", Kind.TOOL, 10, 20, parent=3)
    recorder.span("other child", Kind.TOOL, 30, 40, parent=3)
    state.set_table(recorder.table())
    model = watched(state)
    assert [name for name, _ in outline(model)] == ["child", "other child"]
    recorder.span("parent", Kind.CHAIN, 0, 50, key=3)
    model.update_rows(state.apply(recorder.delta()).changed)
    assert outline(model) == [("parent", [("child", []), ("other child", [])])]


def test_any_order_of_arrival_gives_the_same_tree(state: ViewState) -> None:
    recorder = big(operations=14, runs=3)
    delta = recorder.delta()
    for seed in range(4):
        rng = random.Random(seed)
        order = list(range(len(delta.rows)))
        rng.shuffle(order)
        state.set_table(type(state.table)())
        model = watched(state)
        at = 0
        while at < len(order):
            size = rng.choice([1, 3, 17])
            part = type(delta)(delta.rows[order[at : at + size]], delta.names, delta.tracks, at)
            model.update_rows(state.apply(part).changed)
            outline(model) if rng.random() < 0.5 else None
            at += size
        assert outline(model) == expected(state)


def test_a_circle_of_parents_stays_a_tree(state: ViewState) -> None:
    recorder = Recorder()
    recorder.span("a", Kind.CHAIN, 0, 10, parent=2)
    recorder.span("b", Kind.CHAIN, 1, 9)
    state.set_table(recorder.table())
    model = watched(state)
    outline(model)
    recorder.span("b", Kind.CHAIN, 1, 9, parent=1, key=2)
    model.update_rows(state.apply(recorder.delta()).changed)
    assert outline(model) == expected(state)


def test_a_filter_keeps_matches_and_what_is_above_them(state: ViewState) -> None:
    state.set_table(support_agent().table())
    state.mask = state.table.status == Status.ERROR
    model = watched(state)
    assert outline(model) == [("LangGraph support-agent", [("act", [("lookup_order", [("POST orders:8080", [])])])])]
    row = next(r for r in range(state.table.n) if state.table.op_name(r) == "act")
    assert not model.matches(row)
    assert not model.index_of(1).isValid()


def test_a_filter_is_followed_without_a_reset(state: ViewState) -> None:
    recorder = support_agent()
    state.set_table(recorder.table())
    state.mask = np.ones(state.table.n, bool)
    model = watched(state)
    outline(model)
    state.mask = state.table.kind == Kind.LLM
    model.refilter()
    assert outline(model) == [
        ("LangGraph support-agent", [("plan", [("ChatOpenAI", [])]), ("answer", [("ChatOpenAI", [])])])
    ]
    state.mask = np.ones(state.table.n, bool)
    model.refilter()
    assert outline(model) == expected(state)


def test_running_spans_are_as_long_as_the_clock_says(state: ViewState) -> None:
    state.set_table(support_agent().table())
    model = watched(state)
    model.now = int(state.table.start[0]) + 5_000_000_000
    assert model.index(0, Column.DURATION).data() == "5.00 s"
    assert model.within_run(0) == (0.0, 1.0)


def test_an_empty_session_has_no_items(state: ViewState) -> None:
    model = watched(state)
    assert model.rowCount() == 0
    assert not model.hasChildren()
