"""The window and its collector: started, found, lost, started again, ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from patience import OUTLASTS, PATIENCE
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from flowscope.protocol import DEFAULT_ADDR, split_key, with_key
from flowscope_app import theme
from flowscope_app.collector import keys
from flowscope_app.collector.hosts import elsewhere
from flowscope_app.shell.attach import AttachDialog, attach_ways
from flowscope_app.shell.connection import running_collector
from flowscope_app.shell.link import CollectorLink, Reply

Open = Callable[..., CollectorLink]


@pytest.fixture
def open_link(qtbot: QtBot, home: Path, free_addr: str) -> Iterator[Open]:
    """Opens links, and closes them after the test."""
    opened: list[CollectorLink] = []

    def start(addr: str = free_addr) -> CollectorLink:
        link = CollectorLink(str(home / "flowscope.db"), addr)
        opened.append(link)
        link.open()
        return link

    yield start
    for link in opened:
        link.close()


def pid_of(home: Path) -> int:
    found = running_collector(str(home / "flowscope.db"))
    assert found is not None
    return found.pid


def ask(qtbot: QtBot, link: CollectorLink, request: Reply) -> Any:
    replies: list[Reply | None] = []
    link.command(request, replies.append)
    qtbot.waitUntil(lambda: bool(replies))
    return replies[0]


def test_the_window_starts_a_collector_and_ends_it(qtbot: QtBot, home: Path, open_link: Open) -> None:
    link = open_link()
    qtbot.waitUntil(lambda: link.listening)
    pid = pid_of(home)
    assert ask(qtbot, link, {"cmd": "hello"})["pid"] == pid
    qtbot.waitUntil(lambda: bool(link.status))
    link.close()
    qtbot.waitUntil(lambda: not psutil.pid_exists(pid))


def test_a_collector_that_runs_already_is_used_and_left_running(qtbot: QtBot, collector: Any, open_link: Open) -> None:
    link = open_link("tcp://127.0.0.1:1")  # where it would listen itself; the running one counts
    assert link.listening
    assert link.addr == collector.addr
    link.close()
    assert collector.process.poll() is None


def test_a_killed_collector_is_said_and_started_again(qtbot: QtBot, home: Path, open_link: Open) -> None:
    link = open_link()
    qtbot.waitUntil(lambda: link.listening)
    first = pid_of(home)
    os.kill(first, signal.SIGKILL)
    qtbot.waitUntil(lambda: bool(link.problem))
    qtbot.waitUntil(lambda: link.listening)
    assert link.problem == ""
    assert pid_of(home) != first


def test_a_taken_port_is_said_and_taken_up_once_it_is_free(qtbot: QtBot, free_addr: str, open_link: Open) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", int(free_addr.rsplit(":", 1)[1])))
        squatter.listen()
        link = open_link()
        qtbot.waitUntil(lambda: bool(link.problem))
        assert free_addr.rsplit(":", 1)[1] in link.problem
        assert "\n" not in link.problem
    qtbot.waitUntil(lambda: link.listening)


def test_a_window_on_every_address_has_the_key_and_its_commands_are_taken(
    qtbot: QtBot, home: Path, free_addr: str, open_link: Open
) -> None:
    key = keys.load().public
    link = open_link(with_key(free_addr.replace("127.0.0.1", "0.0.0.0"), key))
    qtbot.waitUntil(lambda: link.listening)
    assert split_key(link.addr)[1] == key
    arguments = " ".join(psutil.Process(pid_of(home)).cmdline())
    assert free_addr.rpartition(":")[2] in arguments and "key=" not in arguments
    assert "there is no session" in ask(qtbot, link, {"cmd": "delete_session", "session": "none"})["error"]


def test_what_is_offered_for_copying_attaches_a_program(collector: Any, start_collector: Callable[..., Any]) -> None:
    """The lines for any other language, with the key and without, and that for a program with the SDK."""
    subprocess.run(
        [sys.executable, "-c", attach_ways(collector.addr, DEFAULT_ADDR)[-1][1]], check=True, timeout=PATIENCE
    )
    collector.wait_spans(1)
    collector.stop()
    keyed = start_collector(addr=collector.addr.replace("127.0.0.1", "0.0.0.0"), db=str(collector.home / "b.db"))
    ways = attach_ways(elsewhere(keyed.addr), DEFAULT_ADDR)
    subprocess.run([sys.executable, "-c", ways[-1][1]], check=True, timeout=PATIENCE)
    variable, _, quoted = ways[1][1].split()[0].partition("=")
    given = {variable: quoted.strip("'"), "FLOWSCOPE_FLUSH_TIMEOUT": str(OUTLASTS)}
    program = [sys.executable, "-c", "import flowscope\nwith flowscope.trace('op'): pass"]
    subprocess.run(program, env={**os.environ, **given}, check=True, timeout=PATIENCE)
    keyed.wait_spans(2)


def test_the_dialog_has_room_for_the_key(qtbot: QtBot, qapp: QApplication) -> None:
    theme.apply(qapp, "dark")  # its fonts decide
    addr = with_key("tcp://255.255.255.255:65534", b"\xff" * 32)
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = AttachDialog(addr, DEFAULT_ADDR, parent)
    for label in dialog.findChildren(QLabel):
        assert addr not in label.text() or label.sizeHint().width() < dialog.width() - 150
    assert not [label for label in dialog.findChildren(QLabel) if addr in label.text() and "listens" in label.text()]
