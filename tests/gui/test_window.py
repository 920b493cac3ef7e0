"""The whole window on a real collector: what it says in every state, one selection everywhere, its keys."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zmq
from patience import PATIENCE_MS
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget
from pytestqt.qtbot import QtBot

from flowscope_app import theme
from flowscope_app.base.errors import FlowScopeError
from flowscope_app.shell.app import Desktop, open_desktop
from flowscope_app.spans import rows
from flowscope_app.store import StoreWriter
from flowscope_app.timeline.grouping import Grouping

OpenWindow = Callable[..., Desktop]


def push(addr: str, *spans: dict[str, Any]) -> None:
    """The smallest client there is."""
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.setsockopt(zmq.LINGER, PATIENCE_MS)
        socket.connect(addr)
        for span in spans:
            socket.send_json(span)


def span(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"span-{number}",
        "session_id": "shop",
        "operation": f"step {number}",
        "start_time": f"2026-01-01T00:00:{number:02d}Z",
        "end_time": f"2026-01-01T00:00:{number + 1:02d}Z",
        **more,
    }


def shown(desktop: Desktop, number: int) -> Callable[[], bool]:
    return lambda: desktop.window.state.table.n == number


def test_an_empty_window_says_how_to_attach_a_program(open_window: OpenWindow) -> None:
    window = open_window().window
    texts = [label.text() for label in window.centre.findChildren(QLabel) if label.isVisible()]
    assert "flowscope run python app.py" in texts
    buttons = [button for button in window.centre.findChildren(QAbstractButton) if button.isVisible()]
    (copy,) = [button for button in buttons if button.accessibleName() == "Copy the command"]
    copy.click()
    assert QGuiApplication.clipboard().text() == "flowscope run python app.py"


def test_spans_of_the_smallest_client_appear_in_every_view(qtbot: QtBot, open_window: OpenWindow) -> None:
    desktop = open_window()
    push(desktop.link.addr, span(1), span(2, parent_id="span-1"), span(3, status="error", error="no stock"))
    qtbot.waitUntil(shown(desktop, 3))
    window = desktop.window
    assert window.windowTitle().startswith("shop")
    window.state.select_row(2)
    qtbot.waitUntil(lambda: window.inspector.details() is not None)
    details = window.inspector.details()
    assert details is not None
    assert details.payload.error == "no stock"
    assert window.centre.tree.tree.currentIndex().data() is not None


def test_a_hostile_name_is_shown_and_nothing_else_happens(qtbot: QtBot, open_window: OpenWindow) -> None:
    desktop = open_window()
    push(desktop.link.addr, span(1, operation='<img src="file:///etc/passwd"><b>x</b>\u202e', input="<script>"))
    qtbot.waitUntil(shown(desktop, 1))
    desktop.window.state.select_row(0)
    qtbot.waitUntil(lambda: desktop.window.inspector.details() is not None)
    assert not desktop.window.grab().isNull()
    rich = [label for label in desktop.window.findChildren(QLabel) if label.textFormat() != Qt.TextFormat.PlainText]
    assert [label.text() for label in rich if label.text()] == []


def test_what_was_open_comes_back_at_the_next_start(qtbot: QtBot, open_window: OpenWindow) -> None:
    first = open_window()
    push(first.link.addr, span(1), span(2, session_id="other"))
    qtbot.waitUntil(lambda: len(first.window.state.sessions) == 2)
    wanted = next(row for row in first.window.state.sessions if row.id == "shop")
    first.window.state.choose_session(wanted.key)
    first.window.state.set_filter("status:success")
    first.window.state.set_grouping(Grouping.THREAD)
    theme.set_mode("light")
    first.close()
    second = open_window()
    qtbot.waitUntil(lambda: second.window.state.session is not None)
    session = second.window.state.session
    assert session is not None
    assert session.id == "shop"
    qtbot.waitUntil(lambda: second.window.state.filter_text == "status:success")
    assert second.window.state.grouping is Grouping.THREAD
    assert second.window.centre.timeline.tracks.text() == "Tracks: threads"
    assert not theme.current().dark
    theme.set_mode("dark")


def test_a_session_file_given_at_the_start_is_opened(qtbot: QtBot, open_window: OpenWindow, tmp_path: Path) -> None:
    file = tmp_path / "sent.jsonl"
    file.write_text(json.dumps(span(1)) + "\n")
    desktop = open_window(file)
    qtbot.waitUntil(shown(desktop, 1))


def test_a_session_file_that_is_not_sound_is_said(qtbot: QtBot, open_window: OpenWindow, tmp_path: Path) -> None:
    file = tmp_path / "bad.flowscope"
    file.write_bytes(b"\x28\xb5\x2f\xfd no zstd")
    desktop = open_window(file)
    qtbot.waitUntil(lambda: "bad.flowscope" in desktop.window.banner.text())
    assert "\n" not in desktop.window.banner.text()


def test_a_session_is_renamed_and_deleted_through_the_collector(qtbot: QtBot, open_window: OpenWindow) -> None:
    desktop = open_window()
    push(desktop.link.addr, span(1))
    qtbot.waitUntil(shown(desktop, 1))
    replies: list[Any] = []
    desktop.link.command({"cmd": "rename_session", "session": "shop", "name": "Shop <b>"}, replies.append)
    qtbot.waitUntil(lambda: desktop.window.state.sessions[0].name == "Shop <b>")
    desktop.link.command({"cmd": "delete_session", "session": "shop"}, replies.append)
    qtbot.waitUntil(lambda: not desktop.window.state.sessions)
    qtbot.waitUntil(lambda: desktop.window.state.session is None)


def test_a_program_that_begins_is_shown_while_nothing_else_is_live(
    qtbot: QtBot, open_window: OpenWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_LIVE_AFTER_COMMIT_NS", 1_000_000_000)
    desktop = open_window()
    push(desktop.link.addr, span(1))
    qtbot.waitUntil(shown(desktop, 1))
    state = desktop.window.state
    qtbot.waitUntil(lambda: not state.live)
    push(desktop.link.addr, span(2, session_id="next"))
    qtbot.waitUntil(lambda: state.session is not None and state.session.id == "next")
    state.set_follow(False)
    qtbot.waitUntil(lambda: not state.live)
    push(desktop.link.addr, span(3, session_id="third"))
    qtbot.waitUntil(lambda: len(state.sessions) == 3)
    assert state.session is not None
    assert state.session.id == "next"


def test_errors_are_stepped_through_by_key(qtbot: QtBot, open_window: OpenWindow) -> None:
    desktop = open_window()
    bad = {"status": "error", "error": "no"}
    push(desktop.link.addr, span(1, **bad), span(2), span(3, **bad))
    qtbot.waitUntil(shown(desktop, 3))
    window = desktop.window
    seen = []
    for _ in range(3):
        window.commands.step_error(1)
        seen.append(window.state.table.op_name(window.state.selected_row))
    assert seen == ["step 1", "step 3", "step 1"]


def test_the_palette_finds_an_action_by_a_part_of_its_name_and_runs_it(qtbot: QtBot, open_window: OpenWindow) -> None:
    window = open_window().window
    window.palette_dialog.popup()
    line = window.palette_dialog.focusWidget()
    assert line is not None
    qtbot.keyClicks(line, "light")
    assert window.palette_dialog.names()[0] == "Light theme"
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert not theme.current().dark
    theme.set_mode("dark")


def test_whatever_the_tab_key_reaches_has_a_name(qtbot: QtBot, open_window: OpenWindow) -> None:
    desktop = open_window()
    push(desktop.link.addr, *(span(number) for number in range(3)))
    qtbot.waitUntil(shown(desktop, 3))
    window = desktop.window
    window.state.select_row(0)
    for tab in range(window.centre.tabs.count()):
        window.centre.tabs.setCurrentIndex(tab)
        reached = [
            widget
            for widget in window.findChildren(QWidget)
            if widget.isVisible() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.focusProxy() is None
        ]
        assert len(reached) > 8
        said = {widget: widget.accessibleName() or str(widget.property("text") or "") for widget in reached}
        assert not [type(widget).__name__ for widget, name in said.items() if not name]


def test_every_shortcut_means_one_thing(open_window: OpenWindow) -> None:
    keys = [key for row in open_window().window.commands.rows() for key in row.keys]
    assert len(keys) == len(set(keys))


def test_a_second_window_on_the_database_is_refused(open_window: OpenWindow, home: Path, free_addr: str) -> None:
    open_window()
    with pytest.raises(FlowScopeError, match="is open in another FlowScope window"):
        open_desktop(str(home / "flowscope.db"), free_addr, [])


def test_a_database_of_a_newer_schema_opens_no_window(home: Path, free_addr: str) -> None:
    path = home / "flowscope.db"
    StoreWriter.open(str(path)).close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(FlowScopeError, match="written by a newer FlowScope"):
        open_desktop(str(path), free_addr, [])


def test_a_folder_that_cannot_be_made_opens_no_window(tmp_path: Path, free_addr: str) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(FlowScopeError, match="cannot be made"):
        open_desktop(str(file / "flowscope.db"), free_addr, [])
