"""ZMTP 3.0 by hand: what no ZeroMQ library lets one send."""

from __future__ import annotations

import socket
import struct

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)


def _property(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value


def shake_hands(peer: socket.socket) -> None:
    """Become a PUSH socket in the other's eyes."""
    peer.sendall(GREETING)
    _receive(peer, 64)
    ready = b"\x05READY" + _property(b"Socket-Type", b"PUSH") + _property(b"Identity", b"")
    peer.sendall(bytes([4, len(ready)]) + ready)
    _receive(peer, _receive(peer, 2)[1])


def _receive(peer: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        piece = peer.recv(count - len(found))
        if not piece:
            raise ConnectionError("closed while shaking hands")
        found += piece
    return found


def frame(body: bytes, *, more: bool) -> bytes:
    """One frame of a message, with another to follow or not."""
    return struct.pack(">BQ", 2 | more, len(body)) + body
