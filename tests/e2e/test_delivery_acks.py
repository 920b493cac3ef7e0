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
from patience import OUTLASTS, PATIENCE, PATIENCE_MS
from peers import Peer

from flowscope_app.collector import client
from flowscope_app.store import StoreReader


@pytest.fixture
def peer(collector: Any) -> Iterator[Callable[..., Peer]]:
    with zmq.Context() as context:
        context.linger = 0
        yield lambda name="p", addr=collector.addr, secret="": Peer(context, addr, name, secret)
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
    status = client.request(client.control_of(collector.addr), {"cmd": "status"}, 10.0)
    assert [row["records"] for row in status["programs"]] == [5], "what came again is not counted again"


def test_an_id_without_a_secret_is_told_to_its_first_connection_until_that_is_closed(
    peer: Callable[..., Peer],
) -> None:
    owner, thief, other = peer(), peer(), peer("q")
    owner.hello()
    other.hello()
    answer = thief.hello()
    assert not answer["ok"] and "another connection's" in answer["error"]
    owner.send(1, 5)
    owner.acknowledged(5)
    thief.send(6, 5, pid=666)
    owner.send(6, 5)
    owner.acknowledged(10)
    assert not thief.dealer.poll(50) and not other.dealer.poll(50)
    owner.close()
    while not (answer := thief.hello())["ok"]:
        time.sleep(0.02)  # the collector has not noticed yet
    assert answer["watermark"] == 10


def test_an_id_made_of_a_secret_is_told_to_who_has_it_however_late_and_wherever(peer: Callable[..., Peer]) -> None:
    early, owner = peer(), peer(secret="0123456789abcdef0123456789abcdef")
    early.name = owner.name
    assert early.hello()["error"].startswith("producer id"), "a thief that comes first gets nothing either"
    assert owner.hello()["watermark"] == 0
    assert not early.hello(secret="0123456789abcdef0123456789abcdee")["ok"]
    owner.send(1, 5)
    owner.acknowledged(5)
    again = peer(secret=owner.secret)
    assert again.hello()["watermark"] == 5
    again.send(6, 5)
    again.acknowledged(10)
    assert not early.dealer.poll(50)


def test_what_is_sent_under_an_id_whose_secret_is_not_known_moves_no_number_of_it(
    peer: Callable[..., Peer], collector: Any
) -> None:
    """Even if it names the owner's process: in version 1 that was enough."""
    owner, thief = peer(secret="0123456789abcdef0123456789abcdef"), peer()
    thief.name = owner.name
    owner.hello()
    thief.send(1, 5, prefix="forged")  # before the owner has sent anything
    owner.send(1, 3)
    owner.acknowledged(3)
    thief.send(4, 100, prefix="forged")
    owner.send(4, 2)
    owner.acknowledged(5)
    thief.send(106, 1, version=2, prefix="refused", secret="another secret of its own")
    collector.wait_for(lambda reader: reader.health().refused == 1)
    with closing(collector.reader()) as reader:
        key = reader.sessions()[0].key
        spans = {reader.payload(int(row["key"])).span_id for row in reader.spans_since(key, 0).rows}
        (other,) = {row.id for row in reader.producers(key)} - {owner.name}
    assert {"1", "2", "3", "4", "5"} < spans and "forged1" in spans and "refused106" not in spans
    assert other.startswith(f"{owner.name}~")


def test_a_hello_names_the_versions_both_sides_speak(peer: Callable[..., Peer]) -> None:
    assert peer("a").hello(protocol=[1])["protocol"] == [1, 2]
    assert peer("b").hello(protocol=[2, 3])["protocol"] == [1, 2]
    refused = peer("c").hello(protocol=[3, 4])
    assert refused["error"] == "protocol version [3, 4] is not spoken here (spoken: 1, 2)"
    assert not peer("d").hello(protocol="2")["ok"]


def test_drops_are_acknowledged_though_they_have_no_number(peer: Callable[..., Peer]) -> None:
    producer = peer()
    assert producer.hello()["dropped"] == 0
    producer.send(1, 0, dropped=7)
    assert producer.hear()["dropped"] == 7
    assert producer.hello()["dropped"] == 7


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
        for each in collectors:
            each.wait_for(lambda reader: bool(reader.sessions()))
        collectors[0].process.kill()
        collectors[0].process.wait(PATIENCE)
        collectors[0] = start_collector(addr=collectors[0].addr, db=collectors[0].db)
        assert delivery.finish(program) == ["made", "flushed True"]
        found = [delivery.account(each.db) for each in collectors]
        assert all(each.stored and not (each.missing or each.dropped or each.twice) for each in found)
        assert sum(each.stored for each in found) == 5_000
        with StoreReader(collectors[0].db) as a, StoreReader(collectors[1].db) as b:
            ids = [{row.id for row in reader.producers(reader.sessions()[0].key)} for reader in (a, b)]
        assert len(ids[0]) == len(ids[1]) == 1 and not ids[0] & ids[1]


def test_a_program_that_ends_waits_until_its_spans_are_stored(collector: Any) -> None:
    program = delivery.run(
        """
        import flowscope
        for number in range(2_000):
            with flowscope.trace("work"):
                pass
        """,
        addr=collector.addr,
        flush_timeout=OUTLASTS,
    )
    assert delivery.finish(program) == []
    collector.process.kill()
    assert delivery.account(collector.db) == delivery.Account(2_000, 2_000, 0, 0)


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
                os._exit(0 if flowscope.flush(90) else 1)
            children.append(pid)
        print([os.waitpid(pid, 0)[1] for pid in children], flowscope.flush(90))
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
            print(flowscope.flush(90), flush=True)
            """,
            addr=addr,
        )
        count = 0
        while count < 400 and pull.poll(PATIENCE_MS):
            count += len(orjson.loads(pull.recv_multipart()[1]))
        assert delivery.finish(program) == ["True"]
        assert count >= 400


@pytest.mark.parametrize("kind", [zmq.ROUTER, zmq.PULL, None], ids=["mute", "not a router", "not ZeroMQ"])
def test_a_control_channel_that_never_answers_keeps_no_program_waiting_for_ever(
    kind: int | None, free_addr: str
) -> None:
    control = free_addr.rsplit(":", 1)[0] + f":{int(free_addr.rsplit(':', 1)[1]) + 1}"
    with zmq.Context() as context, context.socket(zmq.PULL) as data, contextlib.ExitStack() as held:
        data.setsockopt(zmq.RCVTIMEO, PATIENCE_MS)
        data.bind(free_addr)
        if kind is None:
            mute = held.enter_context(socket.socket())
            mute.bind(("127.0.0.1", int(control.rsplit(":", 1)[1])))
            mute.listen()
        else:
            held.enter_context(context.socket(kind)).bind(control)
        code = "import flowscope\nwith flowscope.trace('op'): pass\nprint(flowscope.flush(90))"
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "FLOWSCOPE_ADDR": free_addr},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        assert done.stdout == "True\n"
        assert len(data.recv_multipart()) == 2
