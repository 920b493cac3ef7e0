"""What the window says of its collector: figures, the last minutes, faults and losses."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import orjson
import pytest
import zmq
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from flowscope.protocol import Header, ProducerInfo, encode_header
from flowscope_app.base.figures import FIGURES
from flowscope_app.qtmodels.feed import Feed
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.shell.banner import Banner
from flowscope_app.shell.health import HealthDialog, HealthHistory
from flowscope_app.shell.link import CollectorLink
from flowscope_app.shell.notices import Acts, Notices, fault_text, lost_text


class Parts:
    """What of the window this takes, on a real collector."""

    def __init__(self, collector: Any, qtbot: QtBot) -> None:
        self.collector, self.qtbot = collector, qtbot
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.link = CollectorLink(collector.db, collector.addr)
        self.history = HealthHistory(self.link)
        self.state = ViewState()
        self.queries = Queries(collector.db)
        self.feed = Feed(collector.db, self.state)
        self.banner = Banner(self.window)
        self.pressed: list[str] = []
        acts = Acts(*(lambda name=name: self.pressed.append(name) for name in ("doctor", "health", "log")))
        self.notices = Notices(self.banner, self.state, self.queries, self.link, acts, self.window)
        self.link.open()

    def send(self, *records: dict[str, Any], seq: int = 1, dropped: int = 0) -> None:
        header = Header(producer=ProducerInfo("p", "s", program="bot.py"), seq=seq, count=len(records), dropped=dropped)
        with zmq.Context() as context, context.socket(zmq.PUSH) as push:
            push.connect(self.collector.addr)
            push.send_multipart([encode_header(header), orjson.dumps(records)])

    def until(self, what: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(what)

    def close(self) -> None:
        self.feed.close()
        self.queries.close()
        self.link.close()


@pytest.fixture
def parts(collector: Any, qtbot: QtBot, qapp: QApplication) -> Iterator[Parts]:
    made = Parts(collector, qtbot)
    yield made
    made.close()


def span(name: str) -> dict[str, Any]:
    times = {"start_time": "2026-11-22T15:11:42Z", "end_time": "2026-11-22T15:11:43Z"}
    return {"id": name, "session_id": "s", "operation": "op", **times}


def test_the_dialog_says_every_figure_and_program_and_follows(parts: Parts) -> None:
    parts.send(span("a"), {"id": "wrong"})
    parts.until(lambda: parts.link.status.get("health", {}).get("spans_stored") == 1)
    dialog = HealthDialog(parts.link, parts.history, parts.window)
    dialog.show()
    said = [label.text() for label in dialog.findChildren(QLabel)]
    assert all(figure.label in said for figure in FIGURES)
    assert any(text.startswith("bot.py") for text in said)
    parts.send(span("b"), seq=3)
    parts.until(lambda: dialog.value("spans_stored") == "2")
    assert dialog.value("records_refused") == "1"
    assert dialog.value("writable") == "yes"
    assert len(parts.history.rate) >= 2
    dialog.grab()
    dialog.close()


def test_lost_spans_of_the_session_shown_are_said_with_a_way_to_the_log(parts: Parts) -> None:
    parts.send(span("a"), seq=38, dropped=2)
    parts.until(lambda: bool(parts.state.sessions))
    assert parts.banner.text() == ""
    parts.state.choose_session(parts.state.sessions[0].key)
    parts.until(lambda: "37 spans missing here" in parts.banner.text())
    assert "2 spans dropped by their program" in parts.banner.text()
    parts.banner.press()
    assert parts.pressed == ["log"]
    parts.banner.say("Opening a file … 50 %")
    parts.banner.say("")
    parts.until(lambda: "37 spans missing here" in parts.banner.text())


def test_a_locked_database_is_said_for_as_long_as_it_is(parts: Parts) -> None:
    parts.send(span("a"))
    parts.collector.wait_spans(1)
    with closing(sqlite3.connect(parts.collector.db, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        parts.send(span("b"), seq=2)
        parts.until(lambda: "locked by another program" in parts.banner.text())
        assert parts.banner.text().startswith("Nothing is recorded just now. flowscope.db is locked"), "no folder"
        other.execute("ROLLBACK")
    parts.until(lambda: parts.banner.text() == "")


def test_another_message_is_not_taken_away_while_nothing_changes(parts: Parts) -> None:
    parts.until(lambda: bool(parts.link.status))
    parts.banner.say("a.jsonl was not opened: it is empty")
    with parts.qtbot.waitSignal(parts.link.changed):
        pass
    assert parts.banner.text() == "a.jsonl was not opened: it is empty"


@pytest.mark.parametrize(
    ("missing", "dropped", "said"),
    [(0, 0, ""), (1, 0, "1 span missing here"), (1_200, 0, "1,200 spans missing"), (0, 1, "1 span dropped by its")],
)
def test_losses_in_words(missing: int, dropped: int, said: str) -> None:
    text = lost_text(missing, dropped)
    assert text.startswith(said) and bool(text) == bool(said)


def test_a_status_without_a_fault_says_nothing() -> None:
    assert [fault_text(status) for status in ({}, {"fault": ""}, {"fault": 3})] == ["", "", ""]
