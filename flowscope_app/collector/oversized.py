"""Connections that ZeroMQ itself has cut off, as a frame of theirs was longer than any that is taken.

It says of these no more than that they are closed, which it says of every connection. So a second descriptor of each is
kept: when ZeroMQ has closed its own and the peer has not ended, or something it sent was not read, it was ZeroMQ that
ended it. Needs Linux and TCP; an ipc path is open to its owner alone.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import struct
import sys
import time

from flowscope.protocol import split_key

GREETING = 64
"""Bytes that ZeroMQ sends before it knows that its peer speaks ZMTP 3. Who got no more never shook hands."""
SWEEP_S = 1.0
"""How often second descriptors are looked through for connections whose end was not heard of."""
_BYTES_ACKED = 120  # offset of tcpi_bytes_acked in Linux's struct tcp_info
_INFO_LENGTH = _BYTES_ACKED + 8


class Oversized:
    """Watches the connections of the data socket that is bound at `addr`. A connection is its file descriptor."""

    def __init__(self, addr: str) -> None:
        watch = addr.startswith("tcp://") and sys.platform == "linux"
        self._port = int(split_key(addr)[0].rpartition(":")[2]) if watch else 0
        self._kept: dict[int, socket.socket] = {}
        self._closing: set[int] = set()  # said to be closed while its descriptor was still open
        self._gone: set[int] = set()  # found closed at the last sweep, though nobody had said so
        self._next_sweep = 0.0

    def accepted(self, source: int) -> None:
        """A connection was made."""
        if not self._port:
            return
        self.forget(source)
        with contextlib.suppress(OSError):  # it has gone again, or there are too many
            peer = socket.socket(fileno=os.dup(source))
            if peer.family in (socket.AF_INET, socket.AF_INET6) and peer.getsockname()[1] == self._port:
                self._kept[source] = peer
            else:
                peer.close()

    def closed(self, source: int) -> bool:
        """ZeroMQ says that it closes a connection; whether it did by itself, though they had shaken hands.

        It says so a moment before it does. Then `late` tells: or nobody, where it was a connection before this one
        that had the same descriptor, as then this one is about to be accepted.
        """
        peer = self._kept.get(source)
        if peer is None:
            return False
        if _same(source, peer.fileno()):
            self._closing.add(source)
            return False
        self._kept.pop(source)
        with peer:
            return _greeted(peer) and not _ended(peer)

    def late(self) -> int:
        """How many of those that were still being closed were such. To be called now and then."""
        self._sweep()
        if not self._closing:
            return 0
        closing, self._closing = self._closing, set()
        return sum(map(self.closed, closing))

    def forget(self, source: int) -> None:
        """It is nobody's business any more why this one ends."""
        self._closing.discard(source)
        peer = self._kept.pop(source, None)
        if peer is not None:
            peer.close()

    def _sweep(self) -> None:
        """Let go of what ZeroMQ closed unheard: for the peer a connection lasts as long as any descriptor of it."""
        if time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + SWEEP_S
        gone = {source for source, peer in self._kept.items() if not _same(source, peer.fileno())}
        for source in gone & self._gone:
            self.forget(source)
        self._gone = gone

    def close(self) -> None:
        """Let go of all."""
        for source in list(self._kept):
            self.forget(source)


def allow_open_files() -> None:
    """As many open files as the system lets this process have: each connection takes two."""
    with contextlib.suppress(OSError, ValueError):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _same(one: int, other: int) -> bool:
    try:
        return os.path.sameopenfile(one, other)
    except OSError:
        return False


def _greeted(peer: socket.socket) -> bool:
    try:
        info = peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_LENGTH)
        return len(info) == _INFO_LENGTH and struct.unpack_from("=Q", info, _BYTES_ACKED)[0] > GREETING
    except OSError:
        return False


def _ended(peer: socket.socket) -> bool:
    """Whether the peer has closed the connection, and all that it sent was read."""
    try:
        return peer.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
