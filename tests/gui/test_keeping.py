"""What is kept and what is lost, in the window: pins, imports given up, losses counted alike, what was abandoned."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import zmq
from patience import PATIENCE_MS
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QProgressBar
from pytestqt.qtbot import QtBot

from flowscope.protocol import Header, ProducerInfo, encode_header
from flowscope_app.qtmodels.metrics_model import Column
from flowscope_app.shell.app import Desktop
from flowscope_app.shell.output import OutputDialog
from flowscope_app.shell.status_bar import StatusBar
from flowscope_app.store import Incoming, StoreReader, StoreWriter
from flowscope_app.views.sessions.delegate import SessionDelegate


def span(number: int, **more: Any) -> dict[str, Any]:
    times = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-01T00:00:01Z"}
    return {"id": f"{number:016x}", "session_id": "shop", "operation": "step", **times, **more}


def push(addr: str, seq: int, records: list[dict[str, Any]], dropped: int = 0) -> None:
    header = Header(1, ProducerInfo("p", "shop", "shop.py"), seq, len(records), dropped)
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.setsockopt(zmq.LINGER, PATIENCE_MS)
        socket.connect(addr)
        socket.send_multipart([encode_header(header), orjson.dumps(records)])


def test_a_session_is_pinned_and_unpinned_and_the_list_shows_it(
    qtbot: QtBot, open_window: Callable[..., Desktop]
) -> None:
    desktop = open_window()
    push(desktop.link.addr, 1, [span(1)])
    state, window = desktop.window.state, desktop.window
    qtbot.waitUntil(lambda: state.session is not None)
    index = window.sessions.model.index(0)
    before = window.sessions.list.grab().toImage()
    window.commands.pin_session(None, None)
    qtbot.waitUntil(lambda: state.sessions[0].pinned)
    assert "pinned" in str(index.data(0x0B))  # Qt.AccessibleTextRole
    assert isinstance(window.sessions.list.itemDelegate(), SessionDelegate)
    assert window.sessions.list.grab().toImage() != before, "the pin is drawn"
    window.sessions.pin_requested.emit("shop", False)
    qtbot.waitUntil(lambda: not state.sessions[0].pinned)


def test_an_import_shows_how_far_it_is_and_leaves_nothing_when_it_is_cancelled(
    qtbot: QtBot, open_window: Callable[..., Desktop], tmp_path: Path, home: Path
) -> None:
    file = tmp_path / "long.jsonl"
    lines = (json.dumps(span(number, input="x" * 200)) for number in range(150_000))
    file.write_text("\n".join(lines) + "\n")
    desktop = open_window(file)
    window = desktop.window
    bar = window.banner.findChild(QProgressBar)
    assert bar is not None
    qtbot.waitUntil(lambda: bar.isVisibleTo(window.banner) and bar.value() > 0)
    assert "long.jsonl" in window.banner.text()
    window.banner.press()
    qtbot.waitUntil(lambda: "cancelled" in window.banner.text())
    assert not bar.isVisibleTo(window.banner)
    assert not window.state.sessions
    desktop.close()
    StoreWriter.open(str(home / "flowscope.db")).close()  # sweeps what is hidden
    with StoreReader(str(home / "flowscope.db")) as reader:
        assert reader.sessions() == [] and reader.reports() == []


def test_status_bar_and_banner_count_the_same_losses_after_a_new_start_too(
    qtbot: QtBot, open_window: Callable[..., Desktop]
) -> None:
    for turn in range(2):
        desktop = open_window()
        if turn == 0:
            push(desktop.link.addr, 38, [span(1)], dropped=5)
        window = desktop.window
        (bar,) = window.findChildren(StatusBar)
        texts = lambda: {label.text() for label in bar.findChildren(QLabel)}  # noqa: B023, E731
        qtbot.waitUntil(lambda: "42 lost" in texts())  # noqa: B023
        qtbot.waitUntil(lambda: "37 spans missing here" in window.banner.text())  # noqa: B023
        assert "5 spans dropped" in window.banner.text()
        desktop.close()


def test_what_retention_would_delete_is_shown_and_nothing_is_deleted(
    qtbot: QtBot, open_window: Callable[..., Desktop]
) -> None:
    desktop = open_window()
    push(desktop.link.addr, 1, [span(1)])
    qtbot.waitUntil(lambda: bool(desktop.window.state.sessions))
    row = next(row for row in desktop.window.commands.rows() if row.name.startswith("What retention"))
    row.run()
    (dialog,) = desktop.window.findChildren(OutputDialog)
    text = dialog.findChild(QPlainTextEdit)
    assert text is not None
    qtbot.waitUntil(lambda: "Looking" not in text.toPlainText())
    assert text.toPlainText().startswith("would delete 0 sessions")
    assert len(desktop.window.state.sessions) == 1


def test_abandoned_calls_are_told_as_such_in_metrics_and_graph(
    qtbot: QtBot, open_window: Callable[..., Desktop], home: Path
) -> None:
    from flowscope.protocol import parse_record

    with StoreWriter.open(str(home / "flowscope.db")) as writer:
        open_span = span(2, end_time=None, operation="left")
        records = [parse_record(one) for one in (span(1), open_span, span(3, operation="left"))]
        header = Header(producer=ProducerInfo("p", "shop"), count=3)
        writer.write([Incoming(header, records)])
        assert writer.abandon("p") == 1
    window = open_window().window
    qtbot.waitUntil(lambda: window.state.table.n == 3)
    window.centre.timeline.fit_all()
    window.centre.tabs.setCurrentIndex(2)
    model = window.centre.metrics.model
    qtbot.waitUntil(lambda: model.row_of("left") >= 0)
    row = model.row_of("left")
    cells = {column: model.index(row, column).data() for column in (Column.CALLS, Column.ERRORS, Column.ABANDONED)}
    assert cells == {Column.CALLS: "2", Column.ERRORS: "–", Column.ABANDONED: "1 ∅"}
    assert model.index(row, Column.P50).data() == "1.00 s", (
        "how long it was left open says nothing of how long it takes"
    )
    from flowscope_app.analysis.graph_build import by_operation
    from flowscope_app.analysis.snapshot import Snapshot
    from flowscope_app.views.flow_graph.drawing import figures, spoken

    graph = by_operation(Snapshot.of(window.state.table, window.state.now()))
    (node,) = [node for node in graph.nodes if node.label == "left"]
    assert "1 ∅" in figures(node, "operation") and "1 abandoned" in spoken(node, graph)
