"""Acknowledgements: who wants to hear of which producer's records, and how far they are stored."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson
import zmq

from flowscope.protocol import is_provable, proves
from flowscope_app.base.errors import FlowScopeError
from flowscope_app.base.format import one_line
from flowscope_app.store import StoreFault, StoreWriter

MAX_LISTENERS = 10_000
"""Producers that are told; beyond that, who said hello longest ago is told only when it asks."""


class NotYours(FlowScopeError):  # noqa: N818 - it says what is so
    """Somebody asks for the acknowledgements of another's records."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Where a producer's acknowledgements go. `first` is the oldest record that it can still send."""

    envelope: list[bytes]
    first: int


@dataclass(frozen=True, slots=True)
class Stored:
    """How far a producer is on the disk: the number of its last record, and how many records it says it dropped."""

    watermark: int = 0
    dropped: int = 0


class Acks:
    """Tells each producer, and nobody else, what is committed of it.

    An id made of a secret is told to who shows the secret. Any other (version 1) belongs to the connection that first
    said hello for it, until that is closed. The socket is a ROUTER with ROUTER_MANDATORY, by which that is known.
    """

    def __init__(self, socket: zmq.Socket[bytes], writer: StoreWriter, epoch: str) -> None:
        self._socket = socket
        self._writer = writer
        self._epoch = epoch
        self._listeners: dict[str, Listener] = {}

    def greet(self, producer: str, secret: str, first: int, envelope: list[bytes]) -> Stored:
        """Tell this peer from now on; returns how far the producer is stored, 0 if that can't be read.

        Raises NotYours.
        """
        if is_provable(producer):
            if not proves(producer, secret):
                raise NotYours(f'producer id "{producer}" is told to who has its secret', "say hello with it")
        elif self.reaches(producer, unless=envelope):
            raise NotYours(
                f'producer id "{one_line(producer, 80)}" is another connection\'s',
                "take an id of your own, or one made of a secret (protocol version 2)",
            )
        self._listeners.pop(producer, None)
        while len(self._listeners) >= MAX_LISTENERS:
            self._listeners.pop(next(iter(self._listeners)))
        self._listeners[producer] = Listener(envelope, first)
        try:
            return self._stored(producer, first)
        except StoreFault:
            return Stored()

    def hears(self, producer: str, envelope: list[bytes]) -> bool:
        """Whether this is the peer that is told of the producer's records."""
        listener = self._listeners.get(producer)
        return listener is not None and listener.envelope[0] == envelope[0]

    def reaches(self, producer: str, *, unless: Sequence[bytes] = ()) -> bool:
        """Whether the connection that is told of a producer's records is still there, and not that of `unless`."""
        listener = self._listeners.get(producer)
        if listener is None or list(unless[:1]) == listener.envelope[:1]:
            return False
        try:
            self._tell(producer, listener)  # what it knows already: there is no other way to ask
        except zmq.Again:
            return True
        except (zmq.ZMQError, StoreFault) as error:
            return isinstance(error, StoreFault)
        return True

    def tell(self, producers: Iterable[str]) -> None:
        """Acknowledge what a commit has stored of these producers. Only right after it."""
        for producer in producers:
            listener = self._listeners.get(producer)
            if listener is None:
                continue
            # A peer that has gone, or does not read, asks again when it comes back.
            with contextlib.suppress(zmq.ZMQError):
                self._tell(producer, listener)

    def _tell(self, producer: str, listener: Listener) -> None:
        stored = self._stored(producer, listener.first)
        message = {"ack": producer, "watermark": stored.watermark, "dropped": stored.dropped, "epoch": self._epoch}
        self._socket.send_multipart([*listener.envelope, orjson.dumps(message)], zmq.NOBLOCK)

    def _stored(self, producer: str, first: int) -> Stored:
        return Stored(*self._writer.progress(producer, first))
