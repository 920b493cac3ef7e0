"""A collector that does as a case says: acknowledges or holds back, dies and comes back, stands still."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import zmq

from flowscope.protocol import Header, control_addr
from flowscope_app.compliance.evidence import Evidence, Message

_POLL_MS = 10
_BIND_SECONDS = 60.0


class StandIn:
    """PULL and ROUTER on two loopback ports, served by a thread of their own. Use it in `with`.

    `control` False: nobody listens on the control channel. `answers` False: somebody does, and is silent.
    `protocol`: the versions that it says it speaks.
    """

    def __init__(
        self, *, control: bool = True, answers: bool = True, protocol: Sequence[int] = (1, 2), alive: bool = True
    ) -> None:
        self.addr = _free_addr()
        self.evidence = Evidence()
        self.changed = threading.Condition()
        self._control = control
        self._answers = answers
        self._protocol = list(protocol)
        self._wanted = alive
        self._serving = False
        self._holding = False
        self._frozen = False
        self._ending = False
        self._life = 0
        self._waiting: list[Message] = []
        self._taken: dict[str, set[int]] = {}
        self._watermark: dict[str, int] = {}
        self._dropped: dict[str, int] = {}
        self._asked: dict[str, bytes] = {}  # producer: who is told its acknowledgements
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._pull: zmq.Socket[bytes] | None = None
        self._router: zmq.Socket[bytes] | None = None
        self._error = ""
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> StandIn:
        self._thread.start()
        self._settle()
        return self

    def __exit__(self, *_: object) -> None:
        with self.changed:
            self._ending = True
        self._thread.join(10)
        self._context.destroy(0)

    def act(self, what: str) -> None:
        """hold, release (acknowledgements); die, return; freeze, thaw."""
        with self.changed:
            if what in ("die", "return"):
                self._wanted = what == "return"
            elif what in ("hold", "release"):
                self._holding = what == "hold"
            elif what in ("freeze", "thaw"):
                self._frozen = what == "freeze"
            else:
                raise ValueError(f"a collector can't {what!r}")
        self._settle()

    def wait_for(self, holds: Callable[[Evidence], bool], within: float) -> bool:
        """Whether it comes to hold within so many seconds."""
        with self.changed:
            return self.changed.wait_for(lambda: holds(self.evidence), within)

    @property
    def lives(self) -> int:
        """How often it has been there."""
        return self._life

    def _settle(self) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self._serving == self._wanted or bool(self._error), 60)
            if self._error:
                raise OSError(self._error)

    def _run(self) -> None:
        try:
            while not self._ending:
                self._turn()
        except (OSError, zmq.ZMQError) as error:
            self._error = str(error)
        self._close()

    def _turn(self) -> None:
        if self._wanted != self._serving:
            self._open() if self._wanted else self._close()
        with self.changed:
            idle = not self._serving or self._frozen
            told = not idle and self._read()
            if not idle and not self._holding and self._waiting:
                told = True
                self._commit()
            if told:
                self.changed.notify_all()
        if idle:
            time.sleep(_POLL_MS / 1000)

    def _open(self) -> None:
        self._life += 1
        self._pull = self._bound(zmq.PULL, self.addr)
        self._router = self._bound(zmq.ROUTER, control_addr(self.addr)) if self._control else None
        with self.changed:
            self._serving = True
            self.changed.notify_all()

    def _bound(self, kind: int, addr: str) -> zmq.Socket[bytes]:
        made = self._context.socket(kind)
        made.linger = 0
        deadline = time.monotonic() + _BIND_SECONDS
        while True:
            try:
                made.bind(addr)
                return made
            except zmq.ZMQError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _close(self) -> None:
        for each in (self._pull, self._router):
            if each is not None:
                each.close(0)
        self._pull = self._router = None
        with self.changed:
            self._waiting.clear()  # what was taken and not stored is lost
            self._asked.clear()
            self._serving = False
            self.changed.notify_all()

    def _read(self) -> bool:
        assert self._pull is not None
        told = False
        if self._pull.poll(_POLL_MS):
            for _ in range(50):
                with contextlib.suppress(zmq.Again):
                    message = self.evidence.take(self._pull.recv_multipart(zmq.NOBLOCK), self._life)
                    told = True
                    if message is not None:
                        self._waiting.append(message)
                    continue
                break
        while self._router is not None and self._router.poll(0):
            told = True
            self._hear(self._router.recv_multipart())
        return told

    def _hear(self, frames: list[bytes]) -> None:
        try:
            heard = orjson.loads(frames[-1])
        except orjson.JSONDecodeError:
            heard = None
        if not isinstance(heard, dict):
            self.evidence.fault("a message on the control channel is no JSON object")
            return
        self.evidence.heard.append((self._life, heard))
        if heard.get("cmd") != "hello" or not self._answers:
            return
        name = str(heard.get("producer"))
        self._asked[name] = frames[0]
        first = heard.get("first", 1)
        if isinstance(first, int) and first - 1 > self._watermark.get(name, 0):
            self._watermark[name] = first - 1
        self._advance(name)
        self.evidence.answered.setdefault(self._life, (self._epoch(), self._watermark.get(name, 0)))
        self._say(name, {"ok": True, "producer": name, "protocol": self._protocol})

    def _commit(self) -> None:
        told = set()
        for message in self._waiting:
            name = _name(message.header)
            self.evidence.store(message, self._taken.setdefault(name, set()))
            self._dropped[name] = max(self._dropped.get(name, 0), message.header.dropped)
            told.add(name)
        self._waiting.clear()
        for name in told:
            self._advance(name)
            self._say(name, {"ack": name})

    def _advance(self, name: str) -> None:
        taken = self._taken.setdefault(name, set())
        watermark = self._watermark.get(name, 0)
        while watermark + 1 in taken:
            watermark += 1
        self._watermark[name] = watermark

    def _say(self, name: str, message: dict[str, Any]) -> None:
        peer = self._asked.get(name)
        if peer is None or self._router is None:
            return
        known = {
            "watermark": self._watermark.get(name, 0),
            "dropped": self._dropped.get(name, 0),
            "epoch": self._epoch(),
        }
        with contextlib.suppress(zmq.ZMQError):
            self._router.send_multipart([peer, orjson.dumps({**message, **known})], zmq.NOBLOCK)

    def _epoch(self) -> str:
        return f"life-{self._life}"


def _name(header: Header) -> str:
    return "" if header.producer is None else header.producer.id


def _free_addr() -> str:
    for _ in range(200):
        # Below those that the system gives to connections: one of them might take it while the collector is away.
        port = random.randrange(10_000, 32_000, 2)
        with socket.socket() as one, socket.socket() as other, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            other.bind(("127.0.0.1", port + 1))
            return f"tcp://127.0.0.1:{port}"
    raise OSError("no two free ports beside each other")
