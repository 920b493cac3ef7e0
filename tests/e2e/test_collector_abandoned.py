"""A program that is killed in the middle of a span, with a real collector looking on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

from patience import PATIENCE

from flowscope_app.collector import client
from flowscope_app.spans.kinds import Status

PROGRAM = """
import flowscope, time
with flowscope.trace("whole"):
    pass
with flowscope.trace("outer"):
    with flowscope.trace("call"):
        time.sleep(600)
"""


def start(collector: Any) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "FLOWSCOPE_ADDR": collector.addr, "FLOWSCOPE_SESSION": "killed"}
    return subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment)


def session(reader: Any) -> Any:
    return next((row for row in reader.sessions() if row.id == "killed"), None)


def test_spans_of_a_killed_program_become_abandoned_and_those_of_a_living_one_stay_open(collector: Any) -> None:
    with start(collector) as dies, start(collector) as lives:
        try:
            collector.wait_for(lambda reader: (row := session(reader)) is not None and row.pending == 4)
            dies.kill()
            dies.wait()
            collector.wait_for(lambda reader: session(reader).abandoned == 2)
            with collector.reader() as reader:
                row = session(reader)
                assert (row.spans, row.pending, row.errors) == (6, 2, 0)
                rows = reader.spans_since(row.key, 0).rows
                left = rows[rows["status"] == Status.ABANDONED]
                assert (left["end"] >= left["start"]).all()
                assert (left["end"] <= row.last_ns).all(), "it ends when it was last heard, not when it was found"
                owners = {reader.spans_since(row.key, 0).tracks[track].producer for track in left["track"].tolist()}
                assert len(owners) == 1
        finally:
            dies.kill()
            lives.kill()


def test_what_died_while_no_collector_ran_is_found_by_the_next_one(start_collector: Any) -> None:
    first = start_collector()
    with start(first) as program:
        first.wait_for(lambda reader: (row := session(reader)) is not None and row.pending == 2)
        assert first.stop() == 0
        program.send_signal(signal.SIGKILL)
    second = start_collector(addr=first.addr)
    second.wait_for(lambda reader: session(reader).abandoned == 2)
    status = client.request(client.control_of(second.addr), {"cmd": "status"}, PATIENCE)
    assert status["ok"]
