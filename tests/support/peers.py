"""Producers made by hand, to do what no SDK does."""

from __future__ import annotations

import time
from typing import Any

import orjson
import zmq
from patience import PATIENCE_MS

from flowscope.protocol import Header, ProducerInfo, encode_header, producer_id
from flowscope_app.collector import client


class Peer:
    """A producer made by hand: a PUSH and a DEALER socket. With a secret its name is made of that, and it speaks 2."""

    def __init__(self, context: zmq.Context[Any], addr: str, name: str = "p", secret: str = "") -> None:
        self.name = producer_id(secret) if secret else name
        self.secret = secret
        self.push = context.socket(zmq.PUSH)
        self.push.connect(addr)
        self.dealer = context.socket(zmq.DEALER)
        self.dealer.connect(client.control_of(addr))

    def send(
        self, seq: int, count: int, body: bytes | None = None, *, dropped: int = 0, prefix: str = "", **more: Any
    ) -> None:
        """Push records number `seq` to `seq + count - 1`, or `body` in their place."""
        records = [
            {"id": f"{prefix}{seq + at}", "session_id": "s", "operation": "op", "start_time": "2026-11-22T15:11:42Z"}
            for at in range(count)
        ]
        version = more.pop("version", 2 if self.secret else 1)
        info = ProducerInfo(self.name, "s", **{"secret": self.secret, **more})
        header = encode_header(Header(version, info, seq, count, dropped, sent_ns=time.time_ns()))
        self.push.send_multipart([header, orjson.dumps(records) if body is None else body])

    def hello(self, **more: Any) -> dict[str, Any]:
        """Say hello and return the answer."""
        known = {"secret": self.secret, "protocol": [1, 2]} if self.secret else {}
        self.dealer.send(orjson.dumps({"cmd": "hello", "producer": self.name, **known, **more}))
        while (heard := self.hear()).get("producer") != self.name and heard.get("ok", True):
            pass
        return heard

    def beat(self, **counts: int) -> None:
        """Show that it lives."""
        self.dealer.send(orjson.dumps({"cmd": "beat", "producer": self.name, **counts}))

    def close(self) -> None:
        """Be gone."""
        self.push.close()
        self.dealer.close(0)

    def hear(self) -> dict[str, Any]:
        """The next message from the collector."""
        assert self.dealer.poll(PATIENCE_MS), "nothing is heard"
        heard = orjson.loads(self.dealer.recv())
        assert isinstance(heard, dict)
        return heard

    def acknowledged(self, number: int) -> dict[str, Any]:
        """Acknowledgements until this one; they never pass it nor go back."""
        before = 0
        while (ack := self.hear())["watermark"] != number:
            assert before <= ack["watermark"] < number
            before = ack["watermark"]
        return ack
