"""Who is dead: by process and silence, on this host only, and never twice wrongly of the same producer."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowscope.protocol import Header, ProducerInfo, Record
from flowscope_app.collector import lives
from flowscope_app.collector.lives import Lives, process_state
from flowscope_app.collector.producers import Producers
from flowscope_app.store import Incoming, StoreReader, StoreWriter


class World:
    """A store, what was heard, and looks that come as often as the test likes."""

    def __init__(self, writer: StoreWriter) -> None:
        self.writer, self.producers, self.sent = writer, Producers(), 0
        self.lives = Lives(writer, self.producers)

    def hear(self, producer: ProducerInfo, end_ns: int | None = None) -> None:
        self.sent += 1
        span = Record("a", "s", None, "call", "custom", "python", 5, end_ns, status="success" if end_ns else "pending")
        header = Header(producer=producer, seq=self.sent, count=1, sent_ns=time.time_ns())
        self.writer.write([Incoming(header, [span])])
        self.producers.committed(header, 1)

    def look(self) -> None:
        self.lives.look(blocked=False)

    def left(self) -> int:
        with StoreReader(str(self.writer.path)) as reader:
            return reader.sessions()[0].abandoned


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(lives, "LOOK_S", 0.0)
    with StoreWriter.open(str(tmp_path / "a.db")) as writer:
        yield World(writer)


@pytest.fixture
def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def producer(pid: int, host: str = "") -> ProducerInfo:
    return ProducerInfo("p", "s", pid=pid, host=host or socket.gethostname())


def test_a_process_that_is_gone_is_given_one_more_look(world: World, gone: int) -> None:
    world.hear(producer(gone))
    world.look()
    assert world.left() == 0
    world.look()
    assert world.left() == 1


def test_while_it_is_still_heard_it_is_not_dead(world: World, gone: int) -> None:
    for _ in range(3):
        world.hear(producer(gone))
        world.look()
    assert world.left() == 0


def test_while_the_database_takes_no_writes_silence_means_nothing(world: World, gone: int) -> None:
    world.hear(producer(gone))
    world.look()
    world.lives.look(blocked=True)
    world.look()
    assert world.left() == 0


def test_one_that_is_heard_after_it_was_called_dead_is_never_judged_by_its_number_again(
    world: World, gone: int
) -> None:
    """A container's process number means nothing outside of it."""
    for _ in range(2):
        world.hear(producer(gone))
        world.look()
        world.look()
        world.look()
    assert world.left() == 0
    assert world.producers.states == {"p": "live"}


def test_other_machines_programs_are_quiet_at_most(world: World, gone: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world.hear(producer(gone, "elsewhere"))
    monkeypatch.setattr(lives, "QUIET_S", -1.0)
    for _ in range(3):
        world.look()
    assert (world.left(), world.producers.states) == (0, {"p": "quiet"})


def test_a_process_that_began_long_after_the_producer_is_another_one() -> None:
    now = time.time_ns()
    assert process_state(os.getpid(), now) == "live"
    assert process_state(os.getpid(), now - 10**9 * 86_400 * 3650) == "gone"


def test_a_stopped_process_is_told_from_a_slow_one() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        assert process_state(process.pid, None) == "frozen"
        process.send_signal(signal.SIGCONT)
        process.kill()


def test_lag_is_told_of_senders_on_this_host_only() -> None:
    producers = Producers()
    sent = time.time_ns() - 5_000_000
    near = producers.committed(Header(producer=producer(1), sent_ns=sent), 1)
    assert near is not None and near >= 5.0
    assert producers.committed(Header(producer=producer(1, "elsewhere"), sent_ns=sent), 1) is None
    assert producers.committed(Header(producer=producer(1)), 1) is None
