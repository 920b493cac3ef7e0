"""What the control channel tells a producer: how far its records are on the disk, and whose word that is."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import delivery
import orjson
import pytest
import zmq

from flowscope.protocol import Header, ProducerInfo, encode_header
from flowscope_app.collector import client
from flowscope_app.store import StoreReader


class Peer:
    """A producer made by hand: a PUSH and a DEALER socket."""

    def __init__(self, context: zmq.Context[Any], addr: str, name: str = "p") -> None:
        self.name = name
        self.push = context.socket(zmq.PUSH)
        self.push.connect(addr)
        self.dealer = context.socket(zmq.DEALER)
        self.dealer.connect(client.control_of(addr))

    def send(self, seq: int, count: int, body: bytes | None = None, frames: int = 0) -> None:
        """Push records number `seq` to `seq + count - 1`, or `body` in their place."""
        records = [
            {"id": str(seq + place), "session_id": "s", "operation": "op", "start_time": "2026-11-22T15:11:42Z"}
            for place in range(count)
        ]
        header = encode_header(Header(1, ProducerInfo(self.name, "s"), seq, count))
        self.push.send_multipart([header, orjson.dumps(records) if body is None else body] + [b""] * frames)

    def hello(self, **more: Any) -> dict[str, Any]:
        self.dealer.send(orjson.dumps({"cmd": "hello", "producer": self.name, **more}))
        while (heard := self.hear()).get("producer") != self.name and heard.get("ok", True):
            pass
        return heard

    def hear(self) -> dict[str, Any]:
        assert self.dealer.poll(5_000), "nothing is heard"
        heard = orjson.loads(self.dealer.recv())
        assert isinstance(heard, dict)
        return heard

    def acknowledged(self, number: int) -> dict[str, Any]:
        """Acknowledgements until this one; they never pass it nor go back."""
        before = 0
        while (ack := self.hear())["watermark"] != number:
            assert before <= ack["watermark"] < number
            before = ack["watermark"]
        return ack


@pytest.fixture
def peer(collector: Any) -> Iterator[Callable[..., Peer]]:
    with zmq.Context() as context:
        context.linger = 0
        yield lambda name="p", addr=collector.addr: Peer(context, addr, name)
        context.destroy(0)


def test_what_is_acknowledged_is_there_for_a_reader(peer: Callable[..., Peer], collector: Any) -> None:
    producer = peer()
    answer = producer.hello()
    assert answer["ok"] and answer["watermark"] == 0 and 1 in answer["protocol"]
    number = 0
    for count in (1, 500, 37):
        producer.send(number + 1, count)
        number += count
        ack = producer.acknowledged(number)
        assert (ack["ack"], ack["epoch"]) == ("p", answer["epoch"])
        with closing(collector.reader()) as reader:
            assert sum(row.spans for row in reader.sessions()) == number
    assert producer.hello()["watermark"] == number


def test_a_hole_is_not_acknowledged_until_it_is_filled_or_given_up(peer: Callable[..., Peer]) -> None:
    producer = peer()
    producer.hello()
    producer.send(1, 5)
    producer.acknowledged(5)
    producer.send(11, 5)
    assert producer.hear()["watermark"] == 5
    producer.send(6, 5)
    producer.acknowledged(15)
    producer.send(21, 5)
    assert producer.hear()["watermark"] == 15
    assert producer.hello(first=21)["watermark"] == 25
    producer.send(26, 5)
    producer.acknowledged(30)


@pytest.mark.parametrize("body", [b"nonsense", b'[{"id": 1}]', b"[" * 600], ids=["no JSON", "no record", "too deep"])
def test_what_can_not_be_stored_is_acknowledged_too(peer: Callable[..., Peer], body: bytes) -> None:
    producer = peer()
    producer.hello()
    producer.send(1, 1, body)
    producer.acknowledged(1)


def test_a_batch_too_large_to_be_read_uses_up_its_numbers(peer: Callable[..., Peer]) -> None:
    producer = peer()
    producer.hello()
    producer.send(1, 7, b"x" * (65 << 20))
    producer.acknowledged(7)


def test_a_batch_sent_again_is_acknowledged_again_and_stored_once(peer: Callable[..., Peer], collector: Any) -> None:
    producer = peer()
    producer.hello()
    for _ in range(3):
        producer.send(1, 5)
        producer.acknowledged(5)
    assert delivery.account(collector.db) == delivery.Account(5, 5, 0, 0)


def test_who_said_hello_last_for_a_producer_is_told(peer: Callable[..., Peer]) -> None:
    before, after, other = peer(), peer(), peer("q")
    for each in (before, after, other):
        each.hello()
    after.send(1, 5)
    after.acknowledged(5)
    assert not before.dealer.poll(50) and not other.dealer.poll(50)


def test_a_hello_that_makes_no_sense_is_refused_in_one_line(peer: Callable[..., Peer]) -> None:
    producer = peer()
    for wrong in ({"producer": ""}, {"producer": 5}, {"producer": "p" * 300}, {"first": 0}, {"first": "1"}):
        answer = producer.hello(**wrong)
        assert not answer["ok"] and "\n" not in answer["error"]


@contextmanager
def two(start_collector: Callable[..., Any], folder: Path) -> Iterator[list[Any]]:
    yield [start_collector(addr=f"ipc://{folder}/{name}", db=str(folder / f"{name}.db")) for name in "ab"]


def test_several_collectors_get_a_stream_each_without_gaps(start_collector: Callable[..., Any], tmp_path: Path) -> None:
    with two(start_collector, tmp_path) as collectors:
        program = delivery.produce(",".join(each.addr for each in collectors), 5_000, 2.0)
        delivery.pause(0.5)
        collectors[0].process.kill()
        collectors[0].process.wait(10)
        collectors[0] = start_collector(addr=collectors[0].addr, db=collectors[0].db)
        assert delivery.finish(program) == ["made", "flushed True"]
        found = [delivery.account(each.db) for each in collectors]
        assert all(each.stored and not (each.missing or each.dropped or each.twice) for each in found)
        assert sum(each.stored for each in found) == 5_000
        with StoreReader(collectors[0].db) as a, StoreReader(collectors[1].db) as b:
            ids = [{row.id for row in reader.producers(reader.sessions()[0].key)} for reader in (a, b)]
        assert len(ids[0]) == len(ids[1]) == 1 and not ids[0] & ids[1]


def test_a_program_that_ends_waits_until_its_spans_are_stored(collector: Any) -> None:
    begun = time.monotonic()
    program = delivery.run(
        """
        import flowscope
        for number in range(2_000):
            with flowscope.trace("work"):
                pass
        """,
        addr=collector.addr,
        flush_timeout="20",
    )
    assert delivery.finish(program) == []
    collector.process.kill()
    assert delivery.account(collector.db) == delivery.Account(2_000, 2_000, 0, 0)
    assert time.monotonic() - begun < 15


def test_a_fork_in_mid_delivery_leaves_each_process_its_own_spans(collector: Any) -> None:
    program = delivery.run(
        """
        import os
        import flowscope
        children = []
        for turn in range(5):
            for number in range(1_000):
                with flowscope.trace("parent"):
                    pass
            pid = os.fork()
            if pid == 0:
                for number in range(100):
                    with flowscope.trace("child"):
                        pass
                os._exit(0 if flowscope.flush(30) else 1)
            children.append(pid)
        print([os.waitpid(pid, 0)[1] for pid in children], flowscope.flush(30))
        """,
        addr=collector.addr,
    )
    assert delivery.finish(program) == ["[0, 0, 0, 0, 0] True"]
    assert delivery.account(collector.db) == delivery.Account(5_500, 5_500, 0, 0)


def test_a_program_forgets_what_nobody_will_acknowledge(tmp_path: Path) -> None:
    """A PULL socket without a control channel, as another program's collector may be."""
    addr = f"ipc://{tmp_path}/alone"
    with zmq.Context() as context, context.socket(zmq.PULL) as pull:
        pull.bind(addr)
        program = delivery.run(
            """
            import os, time
            import flowscope
            text = os.urandom(50_000).hex()
            for number in range(400):  # 40 MB, more than may wait for an acknowledgement
                with flowscope.trace("work", input=text):
                    time.sleep(0.005)
            print(flowscope.flush(10), flush=True)
            """,
            addr=addr,
        )
        count = 0
        while count < 400 and pull.poll(10_000):
            count += len(orjson.loads(pull.recv_multipart()[1]))
        assert delivery.finish(program) == ["True"]
        assert count >= 400


@pytest.mark.parametrize("kind", [zmq.ROUTER, zmq.PULL, None], ids=["mute", "not a router", "not ZeroMQ"])
def test_a_control_channel_that_never_answers_keeps_no_program_waiting_for_ever(
    kind: int | None, free_addr: str
) -> None:
    control = free_addr.rsplit(":", 1)[0] + f":{int(free_addr.rsplit(':', 1)[1]) + 1}"
    with zmq.Context() as context, context.socket(zmq.PULL) as data, contextlib.ExitStack() as held:
        data.setsockopt(zmq.RCVTIMEO, 20_000)
        data.bind(free_addr)
        if kind is None:
            mute = held.enter_context(socket.socket())
            mute.bind(("127.0.0.1", int(control.rsplit(":", 1)[1])))
            mute.listen()
        else:
            held.enter_context(context.socket(kind)).bind(control)
        code = "import flowscope\nwith flowscope.trace('op'): pass\nprint(flowscope.flush(20))"
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "FLOWSCOPE_ADDR": free_addr},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout == "True\n"
        assert len(data.recv_multipart()) == 2
