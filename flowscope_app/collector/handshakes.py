"""Connections that never became ZeroMQ peers: browsers, port scanners, a client of another kind."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import zmq
from zmq.utils.monitor import parse_monitor_message

# A peer that has not shaken hands after this long never will: libzmq has cut it off (HANDSHAKE_MS).
SETTLED_S = 1.5


class Handshakes:
    """Counts accepted connections against handshakes that succeeded.

    libzmq does not say which connection succeeded, so those accepted just now are left out of the count.
    `accepted` is told each new connection's file descriptor.
    """

    def __init__(self, socket: zmq.Socket[bytes], accepted: Callable[[int], None] = lambda _: None) -> None:
        self.failed = 0
        self._watched = socket
        self._on_accepted = accepted
        self.monitor: zmq.Socket[bytes] = socket.get_monitor_socket(zmq.EVENT_ACCEPTED | zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self._recent: deque[float] = deque()
        self._settled = 0
        self._succeeded = 0

    def read(self) -> None:
        """Take in what has happened since the last call."""
        while self.monitor.poll(0):
            message = parse_monitor_message(self.monitor.recv_multipart())
            if message["event"] == zmq.EVENT_ACCEPTED:
                self._on_accepted(int(message["value"]))
                self._recent.append(time.monotonic())
            else:
                self._succeeded += 1

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
