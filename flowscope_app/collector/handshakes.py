"""Connections that never became ZeroMQ peers: browsers, port scanners, a client of another kind."""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Callable

import zmq

# A peer that has not shaken hands after this long never will: libzmq has cut it off (HANDSHAKE_MS).
SETTLED_S = 1.5
_EVENT = struct.Struct("=HI")  # zmq.utils.monitor would have asyncio loaded to take this apart
_FAILED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
    zmq.EVENT_HANDSHAKE_FAILED_AUTH,
)
_EVENTS = zmq.EVENT_ACCEPTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | sum(_FAILED)


class Handshakes:
    """Counts accepted connections against handshakes that succeeded.

    libzmq does not say which connection succeeded, so those accepted just now are left out of the count.
    `accepted` is told each new connection's file descriptor; `closed` that of each that ends, and whether libzmq said
    that it failed to shake hands.
    """

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        accepted: Callable[[int], None] = lambda _: None,
        closed: Callable[[int, bool], None] = lambda _fd, _failed: None,
    ) -> None:
        self.failed = 0
        self._watched = socket
        self._on_accepted, self._on_closed = accepted, closed
        self._failing = False  # the next one that ends is one that failed
        self.monitor: zmq.Socket[bytes] = socket.get_monitor_socket(_EVENTS)
        self._recent: deque[float] = deque()
        self._settled = 0
        self._succeeded = 0

    def read(self) -> None:
        """Take in what has happened since the last call."""
        while self.monitor.poll(0):
            event, value = _EVENT.unpack(self.monitor.recv_multipart()[0])
            if event == zmq.EVENT_ACCEPTED:
                self._on_accepted(value)
                self._recent.append(time.monotonic())
            elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._succeeded += 1
            elif event in _FAILED:
                self._failing = True
            else:
                self._on_closed(value, self._failing)
                self._failing = False

    def new_failures(self) -> int:
        """How many more connections have failed since the last call."""
        now = time.monotonic()
        while self._recent and self._recent[0] < now - SETTLED_S:
            self._recent.popleft()
            self._settled += 1
        more = self._settled - self._succeeded - self.failed
        if more <= 0:
            return 0
        self.failed += more
        return more

    def close(self) -> None:
        """Stop watching. Before the watched socket is closed."""
        self._watched.disable_monitor()
        self.monitor.close(linger=0)
