"""Two protocol versions side by side: the SDK speaks the newest that whoever is there knows."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import delivery
import orjson
import pytest
import zmq
from patience import OUTLASTS, PATIENCE, wait_until

from flowscope.protocol import Header, control_addr, decode_body, split_message


def _binds(socket: zmq.Socket[bytes], where: str) -> bool:
    """Whether the address was free; ZeroMQ lets go of another socket's a moment after that is closed."""
    try:
        socket.bind(where)
    except zmq.ZMQError:
        return False
    return True


class Stand:
    """Stands in a collector's place, stores nothing, and acknowledges all it gets. Speaks `versions`."""

    def __init__(self, context: zmq.Context[Any], addr: str, versions: list[int] | None, epoch: str = "a") -> None:
        self.versions, self.epoch = versions, epoch
        self.headers: list[Header] = []
        self.records = 0
        self.beats: list[dict[str, Any]] = []
        self.hellos: list[dict[str, Any]] = []
        self.dropped_known = True
        self.pull, self.router = context.socket(zmq.PULL), context.socket(zmq.ROUTER)
        for socket, where in ((self.pull, addr), (self.router, control_addr(addr))):
            socket.linger = 0
            wait_until(lambda socket=socket, where=where: _binds(socket, where))
        self.poller = zmq.Poller()
        self.poller.register(self.pull, zmq.POLLIN)
        self.poller.register(self.router, zmq.POLLIN)
        self._peer = b""

    def serve(self, what: Callable[[], bool]) -> None:
        """Serve until `what` holds."""
        deadline = time.monotonic() + PATIENCE
        while not what():
            assert time.monotonic() < deadline, "it does not come"
            events = dict(self.poller.poll(100))
            if self.router in events:
                self._hear(*self.router.recv_multipart())
            if self.pull in events:
                self._take(self.pull.recv_multipart())

    def _hear(self, peer: bytes, message: bytes) -> None:
        self._peer = peer
        said = orjson.loads(message)
        (self.beats if said["cmd"] == "beat" else self.hellos).append(said)
        if said["cmd"] == "hello":
            more = {} if self.versions is None else {"protocol": self.versions}
            self._tell({"ok": True, "producer": said["producer"], **more})

    def _take(self, frames: list[bytes]) -> None:
        header, body = split_message(frames)
        assert header is not None and header.producer is not None
        self.headers.append(header)
        self.records += len(decode_body(body))
        if self._peer:
            self._tell({"ack": header.producer.id})

    def _tell(self, message: dict[str, Any]) -> None:
        last = self.headers[-1] if self.headers else Header(seq=1, count=0)
        message.update(watermark=last.seq + last.count - 1, epoch=self.epoch)
        if self.dropped_known:
            message["dropped"] = last.dropped
        self.router.send_multipart([self._peer, orjson.dumps(message)])

    def close(self) -> None:
        self.pull.close(0)
        self.router.close(0)


@contextmanager
def context() -> Iterator[zmq.Context[Any]]:
    made: zmq.Context[Any] = zmq.Context()
    try:
        yield made
    finally:
        made.destroy(0)


PROGRAM = """
import sys
import flowscope
for line in sys.stdin:
    with flowscope.trace("work"):
        pass
    print(flowscope.flush(90), flush=True)
"""


@contextmanager
def program(addr: str) -> Iterator[Callable[[], None]]:
    """A program that makes a span each time it is asked to."""
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=delivery.settings(addr=addr)
    ) as running:
        assert running.stdin is not None
        asking = running.stdin

        def make() -> None:
            print("go", file=asking, flush=True)

        yield make
        asking.close()
        assert running.stdout is not None
        assert set(running.stdout.read().split()) == {"True"}


@pytest.mark.parametrize("versions", [[1], None], ids=["it speaks 1", "it does not say"])
def test_a_collector_of_version_1_gets_version_1_and_no_heartbeats(versions: list[int] | None, free_addr: str) -> None:
    with context() as zmq_context, program(free_addr) as make:
        stand = Stand(zmq_context, free_addr, versions)
        stand.dropped_known = False
        for number in range(1, 4):
            make()
            stand.serve(lambda number=number: stand.records >= number)
        assert not stand.beats, "the first would have come with the answer to the hello"
        assert {header.version for header in stand.headers} == {1}
        assert stand.hellos[0]["protocol"] == [1, 2], "it says what it speaks"


def test_the_newest_version_both_speak_is_taken_and_left_when_another_collector_comes(free_addr: str) -> None:
    with context() as zmq_context, program(free_addr) as make:
        stand = Stand(zmq_context, free_addr, [1, 2, 3])
        make()
        stand.serve(lambda: stand.records >= 1 and bool(stand.beats))
        make()
        stand.serve(lambda: stand.records >= 2)
        last = stand.headers[-1]
        assert last.version == 2 and last.producer is not None and last.producer.proven and last.sent_ns
        assert stand.hellos[0]["secret"] == last.producer.secret
        idle = len(stand.beats)
        stand.serve(lambda: len(stand.beats) >= idle + 2)  # they come though nothing is to be done
        beat = {"cmd": "beat", "producer": last.producer.id, "sent": 2}
        assert stand.beats[-1] == {**beat, "unacknowledged": 0, "queued": 0, "dropped": 0, "waiting_ms": 0}
        stand.close()
        older = Stand(zmq_context, free_addr, [1], epoch="b")
        older.serve(lambda: bool(older.hellos))  # it has noticed
        make()
        older.serve(lambda: older.records >= 1)
        assert {header.version for header in older.headers} == {1}
        assert older.headers[-1].producer == last.producer, "it is the same producer still"


def test_drops_that_were_not_acknowledged_are_told_again_before_the_program_ends(free_addr: str) -> None:
    source = """
    import flowscope
    with flowscope.trace("work"):
        pass
    assert flowscope.flush(90)
    with flowscope.trace("too large", input="x" * 40_000_000):
        pass
    """
    with context() as zmq_context:
        stand = Stand(zmq_context, free_addr, [1, 2])
        running = delivery.run(source, addr=free_addr, flush_timeout=OUTLASTS, max_value="64MiB", buffer="256MiB")
        stand.serve(lambda: stand.records >= 1)
        stand.dropped_known = False
        stand.serve(lambda: sum(header.dropped == 1 for header in stand.headers) >= 2)
        assert running.poll() is None
        stand.dropped_known = True
        stand.serve(lambda: running.poll() is not None)
        assert (running.returncode, stand.headers[-1].count, stand.headers[-1].dropped) == (0, 0, 1)
