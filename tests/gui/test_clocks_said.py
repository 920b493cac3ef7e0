"""A track's header and the findings say that a program's clock is not the other's."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from flowscope_app import theme
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.qtmodels.findings_model import look
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.notes import Notes
from flowscope_app.spans.rows import SessionRow
from flowscope_app.spans.table import SPAN_DTYPE, SpanDelta, Track
from flowscope_app.views.timeline import TimelineView

MS = 1_000_000
T0 = 1_800_000_000_000 * MS


@pytest.mark.parametrize("shade", ["dark", "light"])
def test_the_header_and_the_findings_say_whose_clock_is_ahead(shade: str, qtbot: QtBot, qapp: QApplication) -> None:
    theme.apply(qapp, shade)
    rows = np.zeros(5, SPAN_DTYPE)
    rows["key"] = rows["id64"] = np.arange(1, 6)
    rows["parent64"], rows["track"] = (0, 1, 2, 1, 4), (1, 1, 2, 1, 2)
    rows["op"] = (1, 2, 3, 2, 3)
    rows["start"] = T0 + np.array((0, 10, 53, 60, 103)) * MS
    rows["end"] = T0 + np.array((120, 50, 89, 110, 150)) * MS
    rows["status"] = 1
    tracks = {1: Track(1, "support_bot.py", "python 3.11 · pid 41822 · MainThread", "p1")}
    tracks[2] = Track(2, "orders.mjs", "node 20.11.0 · pid 41830 · main", "p2")
    state = ViewState()
    state.set_sessions([SessionRow(1, "s", "session")])
    state.choose_session(1)
    view = TimelineView(state, None)
    qtbot.addWidget(view)
    view.resize(1_060, 300)
    view.show()
    qtbot.waitExposed(view)
    state.apply(SpanDelta(rows, {0: "", 1: "answer", 2: "ask orders", 3: "GET /orders"}, tracks, 1))
    qtbot.waitUntil(lambda: bool(view.canvas.item.clocks))
    assert view.canvas.item.clocks["p2"] == "clock about 41.5 ms ahead of support_bot.py"
    found = look(Snapshot.of(state.table, state.now()), Notes(), state.table.tracks)
    assert found[0].finding.title == "The clock of orders.mjs is about 41.5 ms ahead of that of support_bot.py"
    assert found[0].keys.tolist() == [5, 3]  # the clearest first: 40 ms that no order of events explains, then 39
    if folder := os.environ.get("FLOWSCOPE_PICTURES"):
        view.grab().save(f"{folder}/clocks-{shade}.png")
    state.choose_session(None)
    assert not view.canvas.item.clocks
