"""The main job: real programs, in any order, with and without a window; the window itself in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from patience import OUTLASTS, PATIENCE, wait_until

SAMPLES = Path(__file__).resolve().parents[2] / "resources" / "samples"
WAITS = """
import sys
import flowscope.auto
from langchain_core.runnables import RunnableLambda
double = RunnableLambda(lambda x: 2 * x).with_config(run_name="double")
print(double.invoke(21), flush=True)
sys.stdin.readline()
print(double.invoke(4), flush=True)
"""


def environment(**more: str) -> dict[str, str]:
    inner = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSCOPE_")}
    return {**inner, "QT_QPA_PLATFORM": "offscreen", "FLOWSCOPE_FLUSH_TIMEOUT": str(OUTLASTS), **more}


def test_a_program_that_was_there_first_is_recorded_from_its_beginning(
    home: Path, free_addr: str, start_collector: Callable[..., Any]
) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", WAITS],
        env=environment(FLOWSCOPE_ADDR=free_addr, FLOWSCOPE_SESSION="early", FLOWSCOPE_RAISE="1"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    assert program.stdin is not None
    assert program.stdout.readline() == "42\n"  # the first call is made while nobody listens
    collector = start_collector(addr=free_addr)
    collector.wait_spans(1)
    out, _ = program.communicate("go\n", timeout=PATIENCE)
    assert (out, program.returncode) == ("8\n", 0)
    collector.wait_spans(2)


@pytest.mark.parametrize("sample", ["support_agent.py", "rag_eval.py"])
def test_a_program_with_no_window_anywhere_ends_as_it_would_alone(sample: str, free_addr: str, tmp_path: Path) -> None:
    def run(**more: str) -> tuple[str, str, int]:
        done = subprocess.run(
            [sys.executable, str(SAMPLES / sample)],
            env=environment(HOME=str(tmp_path), **more),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.stdout, done.stderr, done.returncode

    assert run(FLOWSCOPE_ADDR=free_addr) == run()


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("raise SystemExit(3)", 3),
        ("1/0", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
    ],
)
def test_an_exit_status_is_the_programs_own_with_nobody_listening(code: str, status: int, free_addr: str) -> None:
    program = f"import flowscope\nwith flowscope.trace('step'): pass\n{code}\n"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(FLOWSCOPE_ADDR=free_addr),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == status


def test_both_real_programs_arrive_whole(collector: Any) -> None:
    """The samples, attached by their environment alone: one session, nothing pending or lost."""
    programs = [
        subprocess.Popen(
            [sys.executable, str(SAMPLES / name)],
            env=environment(FLOWSCOPE_ADDR=collector.addr, FLOWSCOPE_SESSION="both"),
            stdout=subprocess.DEVNULL,
        )
        for name in ("support_agent.py", "rag_eval.py")
    ]
    assert [program.wait(PATIENCE) for program in programs] == [0, 0]
    collector.wait_spans(100)
    reader = collector.reader()
    (session,) = reader.sessions()
    assert {"langchain", "llamaindex"} <= set(session.frameworks)
    assert session.errors >= 1  # the order service is busy once
    assert not reader.reports()
    assert all(row.dropped == row.missing == 0 for row in reader.producers(session.key))
    reader.close()


def window(home: Path, addr: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "flowscope_app", "--addr", addr, "--db", str(home / "flowscope.db")]
    more = {"FLOWSCOPE_HOME": str(home)}
    return subprocess.Popen(command, env=environment(**more), stderr=subprocess.PIPE, text=True)


def test_a_second_window_on_one_database_is_one_line(home: Path, free_addr: str, tmp_path: Path) -> None:
    first = window(home, free_addr)
    try:
        lock = home / "flowscope.db.window.lock"
        wait_until(lambda: lock.exists() and str(first.pid).encode() in lock.read_bytes())
        second = window(home, free_addr)
        _, said = second.communicate(timeout=PATIENCE)
        assert second.returncode == 1
        assert said.count("\n") == 1
        assert f"is open in another FlowScope window (pid {first.pid})" in said
        assert first.poll() is None
    finally:
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=PATIENCE)
    assert first.returncode == 0


def test_the_window_ends_cleanly_on_ctrl_c_and_takes_its_collector_along(home: Path, free_addr: str) -> None:
    process = window(home, free_addr)
    connection = home / "collector.json"
    wait_until(connection.exists)  # the window itself may still be in the middle of its start
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "Traceback" not in said
    assert not connection.exists()
