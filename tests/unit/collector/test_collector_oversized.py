"""Connections that ZeroMQ cuts off, told whenever it closes them: before or after it says so."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator

import pytest
from patience import PATIENCE

from flowscope_app.collector.oversized import GREETING, Oversized

Pair = tuple[socket.socket, int]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def connection(listener: socket.socket) -> Pair:
    """A client that was greeted and has sent what nobody read, and the descriptor of the other end."""
    client = socket.create_connection(listener.getsockname())
    ours = listener.accept()[0]
    ours.sendall(bytes(GREETING + 1))
    client.recv(GREETING + 1)
    client.sendall(b"more")
    return client, ours.detach()


@pytest.fixture
def watch(listener: socket.socket) -> Iterator[Oversized]:
    made = Oversized(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
    yield made
    made.close()


def test_one_that_is_closed_after_it_was_said_to_be_is_told_later(watch: Oversized, listener: socket.socket) -> None:
    client, ours = connection(listener)
    watch.accepted(ours)
    assert not watch.closed(ours)
    assert watch.late() == 0  # still open
    os.close(ours)
    assert watch.late() == 1
    assert watch.late() == 0
    client.settimeout(PATIENCE)
    with client, pytest.raises(ConnectionError):  # nothing holds the connection open any more
        client.recv(1)


def test_one_that_is_closed_before_it_is_said_to_be_is_told_at_once(watch: Oversized, listener: socket.socket) -> None:
    client, ours = connection(listener)
    watch.accepted(ours)
    os.close(ours)
    with client:
        assert watch.closed(ours)


def test_the_end_of_an_earlier_one_with_the_same_descriptor_is_not_taken_for_it(
    watch: Oversized, listener: socket.socket
) -> None:
    client, ours = connection(listener)
    watch.accepted(ours)  # of the one before, heard of so late that the descriptor is this one's already
    assert not watch.closed(ours)
    watch.accepted(ours)
    os.close(ours)
    assert watch.late() == 0
    with client:
        assert watch.closed(ours)


def test_one_whose_end_nobody_told_is_let_go(watch: Oversized, listener: socket.socket) -> None:
    client, ours = connection(listener)
    watch.accepted(ours)
    os.close(ours)
    deadline = time.monotonic() + PATIENCE
    client.setblocking(False)
    with client:
        while not _has_ended(client):
            assert time.monotonic() < deadline, "its second descriptor holds it open"
            assert watch.late() == 0
            time.sleep(0.05)


def _has_ended(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
