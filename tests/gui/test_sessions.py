"""The sessions list: chosen by keyboard, kept while totals move, safe with any name."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from patience import PATIENCE_MS
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest

from flowscope_app import theme
from flowscope_app.qtmodels.sessions_model import CostRole, LiveRole, SessionsModel, WhenRole
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.rows import SessionRow
from flowscope_app.store import Incoming
from flowscope_app.views.sessions import SessionsView

DAY = 86_400_000_000_000


def row(key, name="", *, ago=DAY, **more):
    return SessionRow(key, f"id-{key}", name or f"session {key}", last_ns=time.time_ns() - ago, **more)


@pytest.fixture
def state():
    return ViewState()


@pytest.fixture
def view(state, qtbot, qapp):
    made = SessionsView(state, None)
    qtbot.addWidget(made)
    made.resize(248, 600)
    made.show()
    qtbot.waitExposed(made)
    return made


def names(model):
    return [model.index(at).data() for at in range(model.rowCount())]


def test_the_model_stands_qts_own_tester_through_every_change(state, qapp):
    model = SessionsModel(state)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    a, b, c = row(1), row(2), row(3)
    for sessions in ([a], [b, a], [a, b], [c, a, b], [b, c], [], [c, b, a], [a, b, c], [replace(b, spans=9), a]):
        state.set_sessions(sessions)
        assert names(model) == [session.name for session in sessions]
    del tester


def test_keys_choose_and_another_views_choice_shows(view, state):
    state.set_sessions([row(1), row(2), row(3)])
    state.choose_session(1)
    assert view.list.currentIndex().row() == 0
    QTest.keyClick(view.list, Qt.Key.Key_Down)
    assert state.session.key == 2
    QTest.keyClick(view.list, Qt.Key.Key_End)
    assert state.session.key == 3
    state.choose_session(1)
    assert view.list.currentIndex().row() == 0


def test_a_click_chooses(view, state):
    state.set_sessions([row(1), row(2)])
    QTest.mouseClick(
        view.list.viewport(), Qt.MouseButton.LeftButton, pos=view.list.visualRect(view.model.index(1)).center()
    )
    assert state.session.key == 2


def test_the_selection_stays_while_sessions_come_go_and_move(view, state):
    chosen = []
    state.set_sessions([row(1), row(2), row(3)])
    state.choose_session(2)
    state.session_changed.connect(lambda: chosen.append(state.session))
    for keys in ((4, 1, 2, 3), (2, 4, 1, 3), (3, 2), (5, 3, 2)):
        state.set_sessions([row(key, spans=key) for key in keys])
        assert view.list.currentIndex().row() == keys.index(2)
    state.set_sessions([row(5), row(3)])  # deleted: nothing is chosen in its place behind the user's back
    assert chosen == [] and not view.list.currentIndex().isValid()


def test_says_that_there_is_none(view, state):
    assert view.empty.isVisible()
    state.set_sessions([row(1)])
    assert not view.empty.isVisible() and view.list.isVisible()


def test_live_is_said_and_ends(view, state):
    state.set_sessions([row(1, ago=-DAY), row(2, ago=DAY), row(3, ago=30_000_000_000, pending=1)])
    model = view.model
    assert [model.index(at).data(LiveRole) for at in range(3)] == [True, False, True]
    assert model.index(0).data(WhenRole) == "live" and model.index(1).data(WhenRole) == "yesterday"
    state.set_sessions([row(1, ago=60_000_000_000), row(2)])
    assert model.index(0).data(LiveRole) is False


def test_asks_the_shell_to_delete(view, state, qtbot):
    state.set_sessions([row(1)])
    state.choose_session(1)
    with qtbot.waitSignal(view.delete_requested) as asked:
        QTest.keyClick(view.list, Qt.Key.Key_Delete)
    assert asked.args == ["id-1"]


def test_any_name_is_drawn_on_one_line(view, state):
    hostile = "<h1>x</h1>\u202egnp\n\x00" + "long " * 500
    state.set_sessions([row(1, hostile, errors=17, spans=10**9, tokens_in=10**9), row(2, "नमस्ते 👋 שלום")])
    shown = view.model.index(0).data()
    assert "\n" not in shown and "\u202e" not in shown and "\x00" not in shown
    for mode in ("dark", "light"):
        theme.set_mode(mode)
        assert not view.grab().isNull()
    assert "1,000,000,000 spans" in view.model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)


def test_what_a_session_cost_is_told_and_an_unknown_price_is_said(stage, record):
    asked = {"gen_ai__usage__input_tokens": 1_000_000, "start": -86_400 * 300}
    known = asked | {"gen_ai__request__model": "gpt-4o", "gen_ai__provider__name": "openai"}
    own = asked | {"gen_ai__request__model": "own-7b"}
    sent = [
        record("a", session="priced", **known),
        record("b", session="both", **known),
        record("c", session="both", **own),
        record("d", session="own", **own),
        record("e", "tool", session="free"),
    ]
    stage.writer.write([Incoming(None, sent)])
    view = SessionsView(stage.state, stage.queries)
    stage.show(view, 240, 400)

    def costs():
        indexes = [view.model.index(row) for row in range(view.model.rowCount())]
        return {index.data(): index.data(CostRole) for index in indexes}

    expected = {"priced": "$2.50", "both": "≥ $2.50", "own": "cost ?", "free": ""}
    stage.qtbot.waitUntil(lambda: costs() == expected, timeout=PATIENCE_MS)
    both = next(view.model.index(row) for row in range(4) if view.model.index(row).data() == "both")
    assert both.data(Qt.ItemDataRole.ToolTipRole) == "Cost at least $2.50, 1 call of unknown price"
    assert "cost at least $2.50" in both.data(Qt.ItemDataRole.AccessibleTextRole)
    stage.writer.write([Incoming(None, [record("f", session="priced", **known)])])
    stage.qtbot.waitUntil(lambda: costs()["priced"] == "$5.00", timeout=PATIENCE_MS)
