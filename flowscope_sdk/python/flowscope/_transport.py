"""The ways out of the process: ZeroMQ PUSH sockets, or a session file. Used by the background thread only."""

from __future__ import annotations

import contextlib
import gzip
import struct
from time import monotonic
from typing import Any, Protocol

import zmq

from flowscope._curve import say_keyless, secure
from flowscope._guard import log
from flowscope.protocol import Address, Header, ProducerInfo, encode_header

GRACE = 0.5
"""Seconds from the first call of a collector that the end of a program waits for an answer; a refusal is one."""
_HIGH_WATER = 16
_REFUSED_PAUSE = 1.0
_FAILED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
    zmq.EVENT_HANDSHAKE_FAILED_AUTH,
)
_EVENT = struct.Struct("=HI")

# What is open stays referenced: in a forked child nothing of the parent's sockets may be closed or complained about.
_open: list[Any] = []


class Transport(Protocol):
    """Takes batches of encoded records."""

    def poll(self) -> None:
        """Notice what has happened since."""

    def ready(self) -> bool:
        """Whether somebody takes batches, as far as is known."""

    def send(self, header: Header, parts: list[bytes]) -> bool:
        """Take a batch without waiting; False if it can't be taken now."""

    def wait(self, seconds: float) -> None:
        """Wait for something to happen, at most `seconds`."""

    def hopeless(self) -> bool:
        """Whether a program that wants to end should not wait for this any longer."""

    def close(self, seconds: float) -> None:
        """Send what has been taken, within `seconds`, and close."""


def connect(address: Address, producer: ProducerInfo) -> Transport:
    """The transport for a parsed address other than off."""
    if address.transport == "file":
        from flowscope._recording import Recording

        return Recording(address.path, producer)
    return Push(address)


class Link:
    """One PUSH socket to one collector, and whether that answers."""

    def __init__(self, context: zmq.Context[Any], endpoint: str, key: bytes = b"") -> None:
        self.endpoint = endpoint
        self.connected = False
        self.refused = False
        self._key = key
        self._again = 0.0
        self.socket = context.socket(zmq.PUSH)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, _HIGH_WATER)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
        # Not for names: localhost would be looked for at ::1 only, where a collector seldom listens.
        self.socket.setsockopt(zmq.IPV6, int("[" in endpoint))
        secure(self.socket, key)
        events = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | zmq.EVENT_CONNECT_RETRIED
        self.monitor = self.socket.get_monitor_socket(events | sum(_FAILED))
        self.monitor.setsockopt(zmq.LINGER, 0)
        self.socket.connect(endpoint)

    def poll(self) -> None:
        """Read the monitor."""
        if self._again and monotonic() >= self._again:
            self._again = 0.0
            self.socket.connect(self.endpoint)
        while True:
            try:
                frames = self.monitor.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            event = _EVENT.unpack(frames[0])[0]
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self.connected, self.refused = True, False
                log(f"connected to {self.endpoint}")
            elif event == zmq.EVENT_DISCONNECTED:
                self.connected = False
                log(f"lost {self.endpoint}")
            elif event in _FAILED:
                self._turned_away()
            else:
                self.refused = True

    def _turned_away(self) -> None:
        """Who is there does not take us. After some such failures ZeroMQ never tries again, after others at once."""
        self.refused = True
        if not self._again:
            why = "its key is another, or it has none" if self._key else "it may ask for a key, or be no collector"
            log(f"{self.endpoint} does not take this program: {why}")
            with contextlib.suppress(zmq.ZMQError):
                self.socket.disconnect(self.endpoint)
            self._again = monotonic() + _REFUSED_PAUSE

    def send(self, frames: list[bytes]) -> bool:
        """Hand a message to ZeroMQ; False if its queue is full."""
        try:
            self.socket.send_multipart(frames, zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return False
        return True

    def close(self, linger_ms: int) -> None:
        """Close; what was handed over goes on being sent in the background for `linger_ms`."""
        self.socket.disable_monitor()
        self.monitor.close(0)
        self.socket.close(linger_ms)


class Push:
    """PUSH to one or several collectors in turn. Nothing is handed to ZeroMQ for a collector that isn't there."""

    def __init__(self, address: Address) -> None:
        self._compress = not address.loopback
        self._grace = monotonic() + GRACE
        self._context: zmq.Context[Any] = zmq.Context()
        self._links = [Link(self._context, endpoint, address.key(endpoint)) for endpoint in address.endpoints]
        for link in self._links:
            if not Address(address.transport, (link.endpoint,)).loopback and not address.key(link.endpoint):
                say_keyless(link.endpoint)
        self._turn = 0
        self._poller = zmq.Poller()
        for link in self._links:
            self._poller.register(link.monitor, zmq.POLLIN)
        _open.append(self)

    def poll(self) -> None:
        for link in self._links:
            link.poll()

    def wait(self, seconds: float) -> None:
        self._poller.poll(max(1, int(seconds * 1000)))
        self.poll()

    def ready(self) -> bool:
        return any(link.connected for link in self._links)

    def send(self, header: Header, parts: list[bytes]) -> bool:
        if not self.ready():
            return False
        body = b"[" + b",".join(parts) + b"]"
        if self._compress and parts:
            header.compression = "gzip"
            body = gzip.compress(body, 5, mtime=0)
        frames = [encode_header(header), body]
        for _ in self._links:
            link = self._links[self._turn % len(self._links)]
            self._turn += 1
            if link.connected and link.send(frames):
                return True
        return False

    def hopeless(self) -> bool:
        if self.ready():
            return False
        return all(link.refused for link in self._links) or monotonic() > self._grace

    def close(self, seconds: float) -> None:
        linger = int(seconds * 1000)
        for link in self._links:
            link.close(linger if link.connected else 0)
        self._context.term()
        _open.remove(self)
