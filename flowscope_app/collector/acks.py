"""Acknowledgements: who wants to hear of which producer's records, and how far they are stored."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
import zmq

from flowscope_app.store import StoreFault, StoreWriter

MAX_LISTENERS = 10_000
"""Producers that are told; beyond that, who said hello longest ago is told only when it asks."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Where a producer's acknowledgements go. `first` is the oldest record that it can still send."""

    envelope: list[bytes]
    first: int


class Acks:
    """Tells producers what is committed. The last to say hello for a producer is the one that is told."""

    def __init__(self, socket: zmq.Socket[bytes], writer: StoreWriter, epoch: str) -> None:
        self._socket = socket
        self._writer = writer
        self._epoch = epoch
        self._listeners: dict[str, Listener] = {}

    def greet(self, producer: str, first: int, envelope: list[bytes]) -> int:
        """Tell this peer from now on; returns how far the producer's records are stored, 0 if that can't be read."""
        self._listeners.pop(producer, None)
        while len(self._listeners) >= MAX_LISTENERS:
            self._listeners.pop(next(iter(self._listeners)))
        self._listeners[producer] = Listener(envelope, first)
        try:
            return self._writer.watermark(producer, first)
        except StoreFault:
            return 0

    def tell(self, producers: Iterable[str]) -> None:
        """Acknowledge what a commit has stored of these producers. Only right after it."""
        for producer in producers:
            listener = self._listeners.get(producer)
            if listener is None:
                continue
            watermark = self._writer.watermark(producer, listener.first)
            message: dict[str, Any] = {"ack": producer, "watermark": watermark, "epoch": self._epoch}
            # A peer that has gone, or does not read, asks again when it comes back.
            with contextlib.suppress(zmq.ZMQError):
                self._socket.send_multipart([*listener.envelope, orjson.dumps(message)], zmq.NOBLOCK)
