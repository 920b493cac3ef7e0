"""Take one message off the data socket, with the connection it came over."""

from __future__ import annotations

import zmq

KEPT_FRAMES = 3
"""Frames of a message that are kept: one more than a sound one has. Of the rest only the number is."""


def receive(socket: zmq.Socket[bytes]) -> tuple[int, list[bytes]]:
    """Return the connection's number and the frames of the next message. Raises zmq.Again if there is none.

    The number is the connection's file descriptor: no peer can choose it, and it is used again when one has gone.
    """
    first = socket.recv(zmq.NOBLOCK, copy=False)
    source = int(first.get(zmq.SRCFD))
    frames = [first.bytes]
    more = first.more
    while more:
        frame = socket.recv(zmq.NOBLOCK)  # a message is there as a whole or not at all
        frames.append(frame if len(frames) < KEPT_FRAMES else b"")
        more = bool(socket.getsockopt(zmq.RCVMORE))
    return source, frames
