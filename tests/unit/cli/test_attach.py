"""What `flowscope run` puts into a program's environment."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from flowscope.protocol import DEFAULT_ADDR
from flowscope_app.cli import attach
from flowscope_app.collector import connection


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["python", "app.py"], "app"),
        (["/usr/bin/python3.11", "-u", "-X", "dev", "src/app.py", "-m", "x"], "app"),
        (["python", "-m", "pkg.tool", "arg"], "pkg.tool"),
        (["python", "-c", "print(1)"], "python"),
        (["python3"], "python3"),
        (["python.exe", "my app.py"], "my_app"),
        (["node", "--inspect", "server.mjs"], "server"),
        (["uv", "run", "app.py"], "app"),
        (["uv", "run", "python", "app.py"], "app"),
        (["poetry", "run", "pytest", "-q"], "pytest"),
        (["/opt/bin/pytest", "tests"], "pytest"),
        (["./работа.py"], "работа"),
        (["-"], "program"),
    ],
)
def test_a_session_is_named_after_the_program(command: list[str], name: str) -> None:
    assert re.fullmatch(re.escape(name) + r"-\d{8}-\d{6}-[0-9a-f]{4}", attach.session_id(command))


def test_two_runs_are_two_sessions() -> None:
    assert len({attach.session_id(["app"]) for _ in range(20)}) > 15


def test_what_is_set_already_is_kept(home: Path) -> None:
    outer = {"FLOWSCOPE_ADDR": "tcp://127.0.0.1:9", "FLOWSCOPE_SESSION": "mine", "PYTHONPATH": "/a:/b", "X": "y"}
    inner = attach.environment(["app"], outer)
    assert inner == {**outer, "PYTHONPATH": attach.hook_folder() + os.pathsep + "/a:/b"}


@pytest.mark.parametrize("empty", [{}, {"PYTHONPATH": ""}])
def test_no_empty_entry_gets_on_the_path(home: Path, empty: dict[str, str]) -> None:
    assert attach.environment(["app"], empty)["PYTHONPATH"] == attach.hook_folder()


def test_the_default_address_without_a_collector(home: Path) -> None:
    assert attach.push_addr() == DEFAULT_ADDR


def test_the_address_of_the_collector_that_runs(home: Path) -> None:
    write(home, pid=os.getpid())
    assert attach.push_addr() == "tcp://127.0.0.1:4000"


def write(home: Path, pid: int) -> None:
    home.mkdir(exist_ok=True)
    found = {"pid": pid, "addr": "tcp://127.0.0.1:4000", "control": "tcp://127.0.0.1:4001", "db": "x", "epoch": "e"}
    connection.path().write_text(json.dumps(found))
