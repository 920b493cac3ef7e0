"""The connection file: whole, private, and believed only while its process lives."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from flowscope_app.collector import connection

CONTENT = {"addr": "tcp://127.0.0.1:1", "control": "tcp://127.0.0.1:2", "db": "/x/a.db", "epoch": "e"}


def test_it_is_private_and_found_while_the_process_lives(home: Path) -> None:
    assert connection.find() is None
    assert connection.write({**CONTENT, "pid": os.getpid()})
    assert stat.S_IMODE(connection.path().stat().st_mode) == 0o600
    found = connection.find("/x/a.db")
    assert found is not None and found.control == CONTENT["control"]
    assert connection.find("sqlite:////x/a.db") == found
    assert connection.find("/x/other.db") is None
    connection.remove()
    assert [path.name for path in home.iterdir()] == []


def test_that_of_another_process_is_left_alone_and_not_believed_once_it_is_dead(home: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    connection.write({**CONTENT, "pid": dead.pid})
    assert connection.find() is None
    connection.remove()
    assert connection.path().exists()


def test_nonsense_in_it_is_nothing(home: Path) -> None:
    for text in ("", "{", "[]", '{"pid": "x"}', '{"pid": 1e999}', "[" * 5_000):
        connection.path().write_text(text)
        assert connection.find() is None


def test_a_home_that_can_not_be_written_does_not_stop_the_collector(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("FLOWSCOPE_HOME", str(home / "file" / "below"))
    assert not connection.write({**CONTENT, "pid": 1})
    connection.remove()
