"""Give a running collector a command."""

from __future__ import annotations

from typing import Any

import orjson
import zmq

from flowscope.protocol import control_addr
from flowscope_app.collector.errors import NoAnswer


def control_of(addr: str) -> str:
    """The control channel of the collector that takes spans at `addr`."""
    return control_addr(addr)


def request(control: str, message: dict[str, Any], timeout: float) -> dict[str, Any]:
    """Send a command ({"cmd": ...}) and return the reply, which says in "ok" whether it was done.

    `timeout` is in seconds; NoAnswer is raised when it has passed. Uses a context of its own: any thread may call.
    """
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.IPV6, int("[" in control))
        socket.connect(control)
        socket.send(orjson.dumps(message))
        if not socket.poll(int(timeout * 1000)):
            raise NoAnswer(control)
        reply = orjson.loads(socket.recv())
    if not isinstance(reply, dict):
        raise NoAnswer(control)
    return reply
