"""CURVE, ZeroMQ's own encryption: for a collector whose address names its key."""

from __future__ import annotations

from typing import Any

import zmq

from flowscope._guard import GoneError, log, warn_once


def secure(socket: zmq.Socket[Any], key: bytes) -> None:
    """Have `socket` speak to nobody but the holder of `key` (32 bytes); for no key, do nothing. Before it connects.

    The collector asks no more of a program than to know its key, so the program's own keys are new ones each time.
    """
    if not key:
        return
    if not zmq.has("curve"):
        warn_once("FLOWSCOPE_ADDR has a key, but this ZeroMQ has no CURVE: pip install pyzmq; tracing is off")
        raise GoneError
    socket.setsockopt(zmq.CURVE_SERVERKEY, key)
    public, secret = zmq.curve_keypair()
    socket.setsockopt(zmq.CURVE_PUBLICKEY, public)
    socket.setsockopt(zmq.CURVE_SECRETKEY, secret)


def say_keyless(endpoint: str) -> None:
    """Say under FLOWSCOPE_DEBUG that a collector on another machine will not take what comes without its key."""
    log(
        f"{endpoint} is on another machine and the address has no key; a collector there takes nothing without it:"
        " copy the whole address, ?key=... included, from the window or from the line that `flowscope collect` prints"
    )
