"""Who is dead: by process on this host, by silence and a lost connection elsewhere, never twice wrongly of the same."""

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

from flowscope.protocol import Header, ProducerInfo, Record, producer_id
from flowscope_app.collector import lives
from flowscope_app.collector.lives import Lives, process_state
from flowscope_app.collector.producers import Producers
from flowscope_app.collector.pulse import Beat, Pulse
from flowscope_app.store import Incoming, StoreReader, StoreWriter


class World:
    """A store, what was heard, and looks that come as often as the test likes."""

    def __init__(self, writer: StoreWriter) -> None:
        self.writer, self.producers, self.sent = writer, Producers(), 0
        self.connected: set[str] = set()
        self.lives = Lives(writer, self.producers, self.connected.__contains__)

    def hear(self, producer: ProducerInfo, end_ns: int | None = None) -> None:
        self.sent += 1
        span = Record("a", "s", None, "call", "custom", "python", 5, end_ns, status="success" if end_ns else "pending")
        header = Header(producer=producer, seq=self.sent, count=1, sent_ns=time.time_ns())
        self.writer.write([Incoming(header, [span])])
        self.producers.committed(header, 1)

    def beat(self, name: str) -> None:
        Pulse(self.producers, lambda _: True).heard(name, Beat())

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


FAR = ProducerInfo(producer_id("x" * 32), "s", "far.py", pid=7, host="elsewhere", secret="x" * 32)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time need pass until silence counts."""
    monkeypatch.setattr(lives, "QUIET_S", -1.0)
    monkeypatch.setattr(lives, "AWAY_S", -1.0)


@pytest.mark.usefixtures("hasty")
def test_another_machine_s_program_without_heartbeats_is_quiet_until_a_day_has_passed(world: World) -> None:
    world.hear(producer(7, "elsewhere"))
    world.look()
    assert (world.left(), world.producers.states) == (0, {"p": "quiet"}), "its process number means nothing here"
    world.writer.connection.execute("UPDATE sessions SET last_ns = last_ns - 86401 * 1000000000")
    world.connected.add("p")
    world.look()
    assert world.left() == 0, "who is connected lives"
    world.connected.clear()
    world.look()
    assert (world.left(), world.producers.states) == (1, {"p": "gone"})


@pytest.mark.usefixtures("hasty")
def test_another_machine_s_program_whose_heartbeats_and_connection_are_gone_is_given_up(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.hear(FAR)
    world.connected.add(FAR.id)
    world.beat(FAR.id)
    world.look()
    assert world.left() == 0, "it stands still, but its connection is there"
    world.connected.clear()
    world.look()
    assert (world.left(), world.producers.states) == (1, {FAR.id: "gone"})
    assert "far.py (pid 7 on elsewhere) was not heard any more, with 1 span open" in caplog.text
    with StoreReader(str(world.writer.path)) as reader:
        (found,) = reader.records(reader.sessions()[0].key)
    assert found.error == "abandoned: nothing more was heard of the program that opened this span"
    world.hear(FAR, end_ns=9)
    assert world.left() == 0, "it was only away: the real end holds"


def test_another_machine_s_program_is_waited_for_at_first(world: World) -> None:
    world.hear(FAR)
    world.beat(FAR.id)
    world.look()
    assert (world.left(), world.producers.states) == (0, {FAR.id: "live"})


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("sends", "left"), [(FAR, 1), (ProducerInfo("old", "s", pid=7, host="elsewhere"), 0)])
def test_who_should_have_said_hello_to_the_next_collector_and_has_not_is_given_up(
    world: World, sends: ProducerInfo, left: int
) -> None:
    world.hear(sends)
    world.producers = Producers()
    world.lives = Lives(world.writer, world.producers, world.connected.__contains__)
    world.connected.add(sends.id)
    world.look()
    assert world.left() == 0
    world.connected.clear()
    world.look()
    assert world.left() == left


@pytest.mark.usefixtures("hasty")
def test_a_span_of_a_client_without_a_header_is_open_for_a_day_at_most(world: World) -> None:
    world.writer.write([Incoming(None, [Record("a", "s", None, "call", "custom", "go", 5)])])
    world.look()
    assert world.left() == 0
    world.writer.connection.execute("UPDATE sessions SET last_ns = last_ns - 86401 * 1000000000")
    world.look()
    assert world.left() == 1
    with StoreReader(str(world.writer.path)) as reader:
        delta = reader.spans_since(reader.sessions()[0].key, 0)
        assert len(delta.tracks) == 1, "it stays on its line"


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
