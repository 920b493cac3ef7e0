"""Connections whose message never ends: cut off before it fills the memory.

ZeroMQ bounds the length of a frame but not how many frames a message has, and hands a message out only when its last
one is there. So the kernel is asked how much came over each connection, and those that send and send while no message
of theirs comes out are shut. Needs Linux and TCP; an ipc path is open to its owner alone.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
from dataclasses import dataclass

from flowscope.protocol import split_key

LIMIT = 65 << 20
"""Bytes without a message after which a connection is looked at, and as much again after which it is shut: more than
the longest message that is taken."""
STUCK_LOOKS = 10
"""Looks at a suspect that ZeroMQ reads no more of, its queue being full of one message's frames, before it is shut."""
_BYTES_RECEIVED = 128  # offset of tcpi_bytes_received in Linux's struct tcp_info
_INFO_LENGTH = _BYTES_RECEIVED + 8


@dataclass(slots=True)
class Inflow:
    """Bytes received in all when a message last came out, and when the connection fell under suspicion."""

    base: int = 0
    suspected_at: int | None = None
    last: int = 0  # bytes received at the last look
    stuck: int = 0  # looks in a row at which nothing moved though bytes were waiting


class Unfinished:
    """Watches the connections of the data socket that is bound at `addr`. A connection is its file descriptor."""

    def __init__(self, addr: str) -> None:
        watch = addr.startswith("tcp://") and sys.platform == "linux"
        self._port = int(split_key(addr)[0].rpartition(":")[2]) if watch else 0
        self._inflows: dict[int, Inflow] = {}
        self._suspects: set[int] = set()
        self._shut: set[int] = set()

    def accepted(self, source: int) -> None:
        """A connection was made."""
        if self._port:
            self._forget(source)
            self._shut.discard(source)
            self._inflows[source] = Inflow()

    def delivered(self, source: int) -> None:
        """A message of this connection came out whole."""
        if source in self._suspects:
            self._suspects.discard(source)
            self._inflows[source] = Inflow(_received(source, self._port) or 0)

    def check(self) -> list[int]:
        """Shut what sends without end; return which. To be called when no message is left to be read."""
        shut = []
        for source, inflow in list(self._inflows.items()):
            received = _received(source, self._port)
            if received is None:
                self._forget(source)
            elif inflow.suspected_at is None:
                if received - inflow.base > LIMIT:
                    inflow.suspected_at = received
                    self._suspects.add(source)
            elif received - inflow.suspected_at > LIMIT or _is_stuck(source, inflow, received):
                _shut(source)
                self._shut.add(source)
                self._forget(source)
                shut.append(source)
        return shut

    def ended(self, source: int) -> bool:
        """A connection is closed; whether it was shut here."""
        shut = source in self._shut
        self._shut.discard(source)
        return shut

    def _forget(self, source: int) -> None:
        self._inflows.pop(source, None)
        self._suspects.discard(source)


def _is_stuck(source: int, inflow: Inflow, received: int) -> bool:
    """Whether bytes have waited for long that nobody reads. A connection that is merely idle has none waiting."""
    moved, inflow.last = received != inflow.last, received
    inflow.stuck = inflow.stuck + 1 if not moved and _waiting(source) else 0
    return inflow.stuck >= STUCK_LOOKS


def _waiting(source: int) -> int:
    """Bytes in the kernel that have not been read from a connection."""
    import fcntl
    import termios

    try:
        return int.from_bytes(fcntl.ioctl(source, termios.FIONREAD, bytes(4)), sys.byteorder)
    except OSError:
        return 0


def _received(source: int, port: int) -> int | None:
    """Bytes that came over a connection to `port` so far; None if the descriptor is none (any more)."""
    try:
        peer = socket.socket(fileno=source)
    except OSError:
        return None
    try:
        if peer.getsockname()[1] != port:
            return None
        info = peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_LENGTH)
        return int(struct.unpack_from("=Q", info, _BYTES_RECEIVED)[0]) if len(info) == _INFO_LENGTH else None
    except (OSError, IndexError, TypeError):
        return None
    finally:
        peer.detach()  # it is ZeroMQ's


def _shut(source: int) -> None:
    """Reset a connection that is ZeroMQ's.

    To connect to nothing does that at once. After a mere shutdown a peer whose bytes nobody reads would wait for ever
    for room to send.
    """
    nothing = struct.pack("=H14x", socket.AF_UNSPEC)
    ctypes.CDLL(None).connect(source, nothing, len(nothing))
