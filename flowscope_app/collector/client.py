"""Give a running collector a command."""

from __future__ import annotations

from typing import Any

import orjson
import zmq

from flowscope.protocol import control_addr, split_key
from flowscope_app.collector import connection
from flowscope_app.collector.errors import NoAnswer
from flowscope_app.collector.hosts import here


def control_of(addr: str) -> str:
    """The control channel of the collector that takes spans at `addr`."""
    return control_addr(addr)


def request(control: str, message: dict[str, Any], timeout: float, token: str | None = None) -> dict[str, Any]:
    """Send a command ({"cmd": ...}) and return the reply, which says in "ok" whether it was done.

    `timeout` is in seconds; NoAnswer is raised when it has passed. Commands that change anything need the collector's
    `token`; not given, it is taken from the connection file if that speaks of this collector. Uses a context of its
    own: any thread may call.
    """
    endpoint, key = split_key(here(control))
    token = _token(control) if token is None else token
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.IPV6, int("[" in endpoint))
        if key:
            socket.setsockopt(zmq.CURVE_SERVERKEY, key)
            socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
        socket.connect(endpoint)
        socket.send(orjson.dumps({**message, "token": token} if token else message))
        if not socket.poll(int(timeout * 1000)):
            raise NoAnswer(endpoint)
        reply = orjson.loads(socket.recv())
    if not isinstance(reply, dict):
        raise NoAnswer(endpoint)
    return reply


def _token(control: str) -> str:
    """The token of the collector at `control`, if the connection file has it. No other is told it."""
    running = connection.find()
    return running.token if running is not None and running.control == control else ""
