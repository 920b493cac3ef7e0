"""The command line's manners: help, mistakes, no display, doctor, bench, collect; never a traceback."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE

from flowscope_app import __version__
from flowscope_app.cli.commands import COMMANDS
from flowscope_app.exchange import FORMATS

FLOWSCOPE = [sys.executable, "-m", "flowscope_app"]


def flowscope(*words: str, drop: tuple[str, ...] = (), **env: str) -> subprocess.CompletedProcess[str]:
    outer = {name: value for name, value in os.environ.items() if name not in drop}
    return subprocess.run([*FLOWSCOPE, *words], capture_output=True, text=True, timeout=PATIENCE, env={**outer, **env})


def test_the_version(home: Path) -> None:
    assert flowscope("--version").stdout == f"flowscope {__version__}\n"


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_every_command_has_help(home: Path, name: str) -> None:
    done = flowscope(*([name] if name else []), "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: flowscope{' ' if name else ''}{name}")
    assert done.stderr == ""


def test_the_help_names_every_command_and_every_format(home: Path) -> None:
    text = flowscope("--help").stdout
    assert all(f"  {name} " in text for name in COMMANDS)
    assert all(name in flowscope("export", "--help").stdout for name in FORMATS)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["exprot"], "did you mean `flowscope export`"),
        (["nonsense"], "no command or file is called 'nonsense'"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["export"], "-o/--output"),
        (["export", "--all", "--session", "x", "-o", "y"], "not allowed with"),
        (["import"], "FILE"),
        (["collect", "extra"], "unrecognized arguments: extra"),
    ],
)
def test_wrong_arguments_are_two_and_one_line(home: Path, words: list[str], says: str) -> None:
    done = flowscope(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_no_display_is_one_line_that_says_what_to_do(home: Path) -> None:
    done = flowscope(drop=("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    assert done.returncode == 1
    assert re.fullmatch(
        r"flowscope: there is no display .*flowscope collect.*QT_QPA_PLATFORM=offscreen.*\n", done.stderr
    )


def test_a_system_library_that_is_missing_is_named_with_what_to_install(home: Path, tmp_path: Path) -> None:
    broken_qt(tmp_path)
    done = flowscope(PYTHONPATH=str(tmp_path), QT_QPA_PLATFORM="offscreen")
    assert done.returncode == 1
    assert re.fullmatch(r"flowscope: the window can't be loaded: libEGL\.so\.1.*libegl1.*\n", done.stderr)


def broken_qt(folder: Path) -> None:
    """A PySide6 that can't be loaded, as on a machine without Qt's system libraries."""
    (folder / "PySide6").mkdir()
    (folder / "PySide6" / "__init__.py").write_text(
        "raise ImportError('libEGL.so.1: cannot open shared object file')\n"
    )


def test_a_file_to_open_that_is_not_there_is_one_line(home: Path, tmp_path: Path) -> None:
    done = flowscope(str(tmp_path / "gone.flowscope"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"flowscope: there is no file {tmp_path}/gone.flowscope")


# collect


def test_collect_says_where_it_listens_and_ends_cleanly(start_collector: Callable[..., Any], free_addr: str) -> None:
    collector = start_collector()
    assert collector.addr == free_addr
    assert collector.stop() == 0


def test_collect_ends_cleanly_on_sigterm(start_collector: Callable[..., Any]) -> None:
    collector = start_collector()
    collector.process.send_signal(signal.SIGTERM)
    assert collector.process.wait(PATIENCE) == 0


def test_collect_takes_its_address_from_the_environment_too(home: Path, free_addr: str) -> None:
    process = subprocess.Popen(
        [*FLOWSCOPE, "collect"],
        env={**os.environ, "FLOWSCOPE_ADDR": free_addr},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == f"listening on {free_addr}\n"
    process.terminate()
    assert process.wait(PATIENCE) == 0
    process.stdout.close()


@pytest.mark.parametrize("addr", ["nonsense", "off", "file:///tmp/x", "tcp://127.0.0.1:1,tcp://127.0.0.1:2"])
def test_an_address_that_can_not_be_listened_on_is_one_line(home: Path, addr: str) -> None:
    done = flowscope("collect", "--addr", addr)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "tcp://127.0.0.1:3569" in done.stderr


def test_a_taken_port_is_one_line(home: Path, free_addr: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(free_addr.rpartition(":")[2])))
        taken.listen()
        done = flowscope("collect", "--addr", free_addr)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert free_addr.removeprefix("tcp://") in done.stderr


def test_a_folder_that_can_not_be_written_is_one_line(home: Path, tmp_path: Path, free_addr: str) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way of a folder")
    done = flowscope("collect", "--addr", free_addr, "--db", str(blocked / "x.db"))
    assert done.returncode == 1
    assert "can't be written" in done.stderr
    assert done.stderr.count("\n") == 1


# doctor


def test_the_doctor_finds_nothing_wrong_where_nothing_is(home: Path, free_addr: str) -> None:
    done = flowscope("doctor", "--addr", free_addr)
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("SDK", "Qt", "ZeroMQ", "SQLite", "is free", "langchain", "llamaindex", "nothing wrong was found"):
        assert word in done.stdout, word


def test_the_doctor_finds_the_collector_and_what_it_holds(start_collector: Callable[..., Any]) -> None:
    collector = start_collector()
    text = flowscope("doctor", "--addr", collector.addr).stdout
    assert f"pid {collector.process.pid}, listening on {collector.addr}" in text
    assert "is held by that collector" in text
    assert collector.db in text
    assert "nothing wrong was found" in text


def test_the_doctor_names_who_holds_the_port(home: Path, free_addr: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(free_addr.rpartition(":")[2])))
        taken.listen()
        text = flowscope("doctor", "--addr", free_addr).stdout
    assert f"(pid {os.getpid()})" in text


def test_the_doctor_works_when_everything_is_broken(home: Path, free_addr: str, tmp_path: Path) -> None:
    (home / "flowscope.db").write_bytes(b"no database" * 1000)
    (home / "settings.json").write_text("{")
    (home / "collector.json").write_text(json.dumps({"pid": os.getpid(), "addr": "x", "control": "x", "db": "x"}))
    broken_qt(tmp_path)
    done = flowscope("doctor", "--addr", free_addr, PYTHONPATH=str(tmp_path), VIRTUAL_ENV="", FLOWSCOPE_AUTO="none")
    assert (done.returncode, done.stderr) == (0, "")
    for finding in ("libEGL.so.1", "not a database", "settings.json can't be used", "pid"):
        assert re.search(rf"✗ .*{re.escape(finding)}", done.stdout), finding
    assert (home / "settings.json").exists()
    assert "to look at" in done.stdout


def test_the_doctor_speaks_ascii_where_it_must(home: Path, free_addr: str) -> None:
    done = flowscope("doctor", "--addr", free_addr, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    assert done.stdout.isascii()


# bench


def test_the_benchmarks_are_those_of_the_checkout(home: Path) -> None:
    folder = Path(__file__).resolve().parents[1] / "bench"
    found = flowscope("bench", "--list").stdout.split()
    assert found == sorted(path.stem.removeprefix("bench_") for path in folder.glob("bench_*.py"))
    done = flowscope("bench", "nonsense")
    assert done.returncode == 1
    assert "no benchmark 'nonsense'" in done.stderr


# what goes wrong inside


def test_a_fault_of_our_own_is_one_line_and_a_traceback_on_demand(home: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import flowscope_app.cli.database as d\n"
        "def broken(db): raise ZeroDivisionError('within')\n"
        "d.reading = broken\n"
    )
    done = flowscope("sessions", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert re.fullmatch(r"flowscope: ZeroDivisionError: within; .*FLOWSCOPE_DEBUG=1.*\n", done.stderr)
    done = flowscope("sessions", PYTHONPATH=str(tmp_path), FLOWSCOPE_DEBUG="1")
    assert "Traceback" in done.stderr
