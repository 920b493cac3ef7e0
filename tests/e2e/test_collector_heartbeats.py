"""Frozen is told from slow, and gone from both, by heartbeats: of this machine's programs and of others'."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import delivery
import zmq
from patience import PATIENCE
from peers import Peer

from flowscope_app.collector import client

PROGRAM = """
import sys, time
import flowscope
with flowscope.trace("work"):
    pass
print(flowscope.flush(90), flush=True)
sys.stdin.read()
"""


def programs(collector: Any) -> dict[str, dict[str, Any]]:
    """Each program by its id, as the collector's status tells."""
    status = client.request(client.control_of(collector.addr), {"cmd": "status"}, PATIENCE)
    return {row["id"]: row for row in status["programs"]}


def wait_state(collector: Any, name: str, state: str, meanwhile: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Wait until a program is in a state; "" is any program. `meanwhile` is done before each look."""
    deadline = time.monotonic() + PATIENCE
    while True:
        meanwhile()
        rows = programs(collector)
        found = rows.get(name) or (next(iter(rows.values()), {}) if not name else {})
        if found.get("state") == state:
            return found
        assert time.monotonic() < deadline, f"it is {found}, not {state}"
        time.sleep(0.1)


def test_a_program_that_is_stopped_is_frozen_until_it_goes_on_and_gone_when_it_is_killed(collector: Any) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=delivery.settings(addr=collector.addr),
    ) as program:  # fmt: skip
        assert delivery.line(program) == "True"
        found = wait_state(collector, "", "live")
        assert found["pid"] == program.pid
        program.send_signal(signal.SIGSTOP)
        assert wait_state(collector, found["id"], "frozen")["silent_s"] > 2
        said = subprocess.run(
            [sys.executable, "-m", "flowscope_app", "doctor", "--addr", collector.addr, "--db", collector.db],
            capture_output=True, text=True, timeout=PATIENCE, check=True,
        ).stdout  # fmt: skip
        assert f"pid {program.pid}" in said and "· frozen" in said
        program.send_signal(signal.SIGCONT)
        wait_state(collector, found["id"], "live")
        program.kill()
        wait_state(collector, found["id"], "gone")


def test_frozen_slow_and_gone_are_told_apart_without_looking_at_processes(collector: Any) -> None:
    with zmq.Context() as context:
        far = Peer(context, collector.addr, secret="0123456789abcdef0123456789abcdef")
        far.hello()
        far.send(1, 5, host="elsewhere", pid=7, program="far.py")
        far.acknowledged(5)
        wait_state(collector, far.name, "live", lambda: far.beat(sent=5))
        slow = {"sent": 9, "unacknowledged": 4, "queued": 30, "waiting_ms": 2_500}
        assert wait_state(collector, far.name, "slow", lambda: far.beat(**slow))["queued"] == 34
        thief = Peer(context, collector.addr)
        thief.name = far.name
        thief.beat(sent=9)  # shows nothing of whom it names
        since = time.monotonic()
        far.beat(sent=9, waiting_ms="x" * 1000)  # type: ignore[arg-type]
        wait_state(collector, far.name, "frozen")
        assert time.monotonic() - since > 6, "three heartbeats were missed"
        health = client.request(client.control_of(collector.addr), {"cmd": "status"}, PATIENCE)["health"]
        assert (health["producers_live"], health["producers_slow"], health["producers_frozen"]) == (0, 0, 1)
        wait_state(collector, far.name, "live", lambda: far.beat(sent=9))
        far.close()
        wait_state(collector, far.name, "gone")
        thief.close()
