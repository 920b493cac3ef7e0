"""The ways out of the process: ZeroMQ PUSH sockets, or a session file. Used by the background thread only."""

from __future__ import annotations

import os
from dataclasses import replace
from time import monotonic
from typing import Any, Protocol

import zmq

from flowscope._curve import say_keyless
from flowscope._link import Link
from flowscope.protocol import Address, ProducerInfo, producer_id

GRACE = 0.5
"""Seconds of looking for a collector's answer after which the end of a program waits for none; a refusal is one."""
LOOK = 0.02
"""What one look counts for at most: where this thread waits for its turn, so does the collector."""
LAST = 0.1
"""Seconds that ZeroMQ has at least, at the end, for what was handed to it."""

# What is open stays referenced: in a forked child nothing of the parent's sockets may be closed or complained about.
_open: list[Any] = []


class Transport(Protocol):
    """Takes batches of encoded records."""

    def poll(self) -> None:
        """Notice what has happened since."""

    def connected(self) -> bool:
        """Whether somebody is there, as far as is known."""

    def ready(self) -> bool:
        """Whether a batch is taken now."""

    def send(self, parts: list[bytes], dropped: int) -> bool:
        """Take a batch without waiting; False if it can't be taken now.

        `dropped` counts the records given up so far. No parts: only that is told.
        """

    def held(self) -> int:
        """Bytes of what was taken and may have to be sent again."""

    def settled(self) -> bool:
        """Whether all that was taken is stored; handed over, where nobody acknowledges."""

    def beat(self, queued: int) -> float | None:
        """Show that this program lives, if it is time, and that `queued` spans wait here; seconds until the next time.

        None: nobody wants to know.
        """

    def wait(self, seconds: float) -> None:
        """Wait for something to happen, at most `seconds`."""

    def hopeless(self) -> bool:
        """Whether a program that wants to end should not wait for this any longer."""

    def close(self, seconds: float) -> None:
        """Send what has been taken, within `seconds`, and close."""


def connect(address: Address, producer: ProducerInfo, limit: int) -> Transport:
    """The transport for a parsed address other than off; about `limit` bytes are held until they are stored."""
    if address.transport == "file":
        from flowscope._recording import Recording

        return Recording(address.path, producer)
    return Push(address, producer, limit)


class Push:
    """PUSH to one or several collectors in turn. Nothing is handed to ZeroMQ for a collector that isn't there.

    Each collector has a stream of its own, under an id of its own that nobody else can use: what went elsewhere would
    be missing from its numbers.
    """

    def __init__(self, address: Address, producer: ProducerInfo, limit: int) -> None:
        self._compress = not address.loopback
        self._looked = 0.0  # seconds
        self._last_look = monotonic()
        self._context: zmq.Context[Any] = zmq.Context()
        self._poller = zmq.Poller()
        share = limit // len(address.endpoints)
        self._links: list[Link] = []
        _open.append(self)
        for endpoint in address.endpoints:
            secret = os.urandom(16).hex()
            info = replace(producer, id=producer_id(secret), secret=secret)
            key = address.key(endpoint)
            if not key and not Address(address.transport, (endpoint,)).loopback:
                say_keyless(endpoint)
            self._links.append(Link(self._context, endpoint, info, share, self._poller, key))
        self._turn = 0
        self._told = 0  # of the dropped records, each to one collector

    def poll(self) -> None:
        now = monotonic()
        self._looked += min(now - self._last_look, LOOK)
        self._last_look = now
        for link in self._links:
            link.poll(now)

    def beat(self, queued: int) -> float | None:
        now = monotonic()
        due = [seconds for link in self._links if (seconds := link.beat(queued, now)) is not None]
        return min(due, default=None)

    def wait(self, seconds: float) -> None:
        self._poller.poll(max(1, int(seconds * 1000)))
        self.poll()

    def connected(self) -> bool:
        return any(link.data.connected for link in self._links)

    def ready(self) -> bool:
        now = monotonic()
        return any(link.ready(now) for link in self._links)

    def send(self, parts: list[bytes], dropped: int) -> bool:
        now = monotonic()
        for _ in self._links:
            link = self._links[self._turn % len(self._links)]
            self._turn += 1
            if link.ready(now) and link.take(parts, dropped - self._told, self._compress, now):
                self._told = dropped
                return True
        return False

    def held(self) -> int:
        return sum(link.window.size for link in self._links)

    def settled(self) -> bool:
        return all(link.settled() for link in self._links)

    def hopeless(self) -> bool:
        if any(link.seen for link in self._links):
            return False
        return all(link.data.refused for link in self._links) or self._looked > GRACE

    def close(self, seconds: float) -> None:
        linger = int(max(seconds, LAST) * 1000)
        for link in self._links:
            link.close(linger)
        self._context.term()
        _open.remove(self)
