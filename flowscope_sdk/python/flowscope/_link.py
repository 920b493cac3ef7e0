"""The way to one collector: a PUSH socket for spans, a DEALER that hears what is stored, a window between them."""

from __future__ import annotations

import contextlib
import gzip
import struct
from time import time_ns
from typing import Any

import orjson
import zmq

from flowscope._curve import secure
from flowscope._guard import log
from flowscope._window import Window
from flowscope.protocol import SUPPORTED_VERSIONS, Header, ProducerInfo, control_addr, encode_header

SILENT = 2.0
"""Seconds without a control channel beside a data connection that tell: nothing is acknowledged here."""
UNANSWERED = 4.0
"""The same where something listens there and has never answered: it may be no collector at all."""
REFUSED = 0.3
"""The same where the control channel is refused, and nobody ever acknowledged."""
BEAT = 2.0
"""Seconds between two heartbeats."""
TELL_AGAIN = 0.5
"""Seconds after which a number of dropped records that was not acknowledged is told again."""
_HIGH_WATER = 16
_MAX_ANSWER = 1 << 20
_EVENT = struct.Struct("=HI")
_FAILED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
    zmq.EVENT_HANDSHAKE_FAILED_AUTH,
)
_EVENTS = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | zmq.EVENT_CONNECT_RETRIED | sum(_FAILED)
_REFUSED_PAUSE = 1.0


class Line:
    """A socket that connects to `endpoint` and comes again when it is lost, and how that stands."""

    def __init__(
        self, context: zmq.Context[Any], kind: int, endpoint: str, poller: zmq.Poller, key: bytes = b""
    ) -> None:
        self.endpoint = endpoint
        self._key = key
        self._again = 0.0  # when to try once more where we were turned away
        self.connected = False
        self.since = 0.0  # when it last connected or was lost, monotonic seconds
        self.refused = False
        self._context = context
        self._kind = kind
        self._poller = poller
        self._open()

    def _open(self) -> None:
        self.socket = self._context.socket(self._kind)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, _HIGH_WATER)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
        # Not for names: localhost would be looked for at ::1 only, where a collector seldom listens.
        self.socket.setsockopt(zmq.IPV6, int("[" in self.endpoint))
        if self._kind == zmq.DEALER:
            self.socket.setsockopt(zmq.MAXMSGSIZE, _MAX_ANSWER)
            self._poller.register(self.socket, zmq.POLLIN)
        secure(self.socket, self._key)
        self.monitor = self.socket.get_monitor_socket(_EVENTS)
        self.monitor.setsockopt(zmq.LINGER, 0)
        self._poller.register(self.monitor, zmq.POLLIN)
        self.socket.connect(self.endpoint)

    def news(self, now: float) -> list[int]:
        """What the monitor has noticed since: events, in order."""
        events: list[int] = []
        if self._again and now >= self._again:
            self._again = 0.0
            self.socket.connect(self.endpoint)
        while True:
            try:
                frames = self.monitor.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return events
            event = _EVENT.unpack(frames[0])[0]
            events.append(event)
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self.connected, self.refused, self.since = True, False, now
            elif event == zmq.EVENT_DISCONNECTED:
                self.connected, self.since = False, now
            elif event in _FAILED:
                self._turned_away(now)
            else:
                self.refused = True

    def _turned_away(self, now: float) -> None:
        """Who is there does not take us. After some such failures ZeroMQ never tries again, after others at once."""
        self.refused = True
        if not self._again:
            why = "its key is another, or it has none" if self._key else "it may ask for a key, or be no collector"
            log(f"{self.endpoint} does not take this program: {why}")
            with contextlib.suppress(zmq.ZMQError):
                self.socket.disconnect(self.endpoint)
            self._again = now + _REFUSED_PAUSE

    def send(self, frames: list[bytes]) -> bool:
        """Hand a message to ZeroMQ; False if its queue is full."""
        try:
            self.socket.send_multipart(frames, zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return False
        return True

    def renew(self) -> None:
        """Begin with an empty queue: what waits in the old one goes."""
        self.close(0)
        self.connected = self.refused = False
        self._again = 0.0
        self._open()

    def close(self, linger_ms: int) -> None:
        """Close; what was handed over goes on being sent in the background for `linger_ms`."""
        if self._kind == zmq.DEALER:
            self._poller.unregister(self.socket)
        self._poller.unregister(self.monitor)
        self.socket.disable_monitor()
        self.monitor.close(0)
        self.socket.close(linger_ms)


class Link:
    """A stream of numbered batches to one collector. `limit` is how many bytes it holds until they are stored.

    It speaks version 1 until the collector has said that it knows more.
    """

    def __init__(
        self,
        context: zmq.Context[Any],
        endpoint: str,
        producer: ProducerInfo,
        limit: int,
        poller: zmq.Poller,
        key: bytes = b"",
    ) -> None:
        self.window = Window()
        self.seen = False  # somebody was connected once
        self._producer = producer
        self._limit = limit
        self._dropped = 0
        self._dropped_stored = 0  # how many of them the collector has on its disk
        self._told_at = 0.0
        self._version = 1
        self._compression = "none"
        self._next_beat = 0.0
        self._confirms = False  # who is there has said that it acknowledges
        self._answered = False  # and has said how far it is, on this connection
        self.data = Line(context, zmq.PUSH, endpoint, poller, key)
        self._control = Line(context, zmq.DEALER, control_addr(endpoint), poller, key)

    def poll(self, now: float) -> None:
        """Hear what there is to hear, and send what is due."""
        self._watch_data(now)
        if zmq.EVENT_HANDSHAKE_SUCCEEDED in self._control.news(now):
            self._greet()
        self._hear(now)
        if self.data.connected:
            if now - max(self.data.since, self._control.since) > self._patience():
                self._confirms = False
                self.window.forget_sent()
            elif self._confirms and self.window.stalled(now):
                self._greet()
        self._pump(now)
        if not self._drops_settled() and self.window.empty and now - self._told_at > TELL_AGAIN:
            self._tell_dropped(now)

    def beat(self, queued: int, now: float) -> float | None:
        """Send a heartbeat if it is time; seconds until the next, None where nobody wants any.

        `queued` is how many spans wait that have no number yet.
        """
        if self._version < 2 or not self._answered or not self._control.connected:
            return None
        if now >= self._next_beat:
            self._next_beat = now + BEAT
            window = self.window
            beat = {
                "cmd": "beat",
                "producer": self._producer.id,
                "sent": window.next - 1,
                "unacknowledged": window.next - window.first,
                "queued": queued,
                "dropped": self._dropped,
                "waiting_ms": int(window.waits(now) * 1000),
            }
            self._control.send([orjson.dumps(beat)])
        return self._next_beat - now

    def _patience(self) -> float:
        """Seconds after which a silent control channel means that nothing is acknowledged here."""
        if self._control.connected:
            return float("inf") if self._confirms else UNANSWERED
        return REFUSED if self._control.refused and not self._confirms else SILENT

    def ready(self, now: float) -> bool:
        """Whether a new batch is taken now."""
        return self._flows(now) and self.window.size < self._limit and self.window.due() is None

    def take(self, parts: list[bytes], dropped: int, compress: bool, now: float) -> bool:
        """Number a batch, and send it as soon as possible; `dropped` more records were given up. Only when ready.

        With no parts it only tells of these: it has no number, and is taken only if ZeroMQ takes it.
        """
        self._dropped += dropped
        if not parts:
            if self._tell_dropped(now):
                return True
            self._dropped -= dropped
            return False
        body = b"[" + b",".join(parts) + b"]"
        if compress:
            self._compression = "gzip"
            body = gzip.compress(body, 5, mtime=0)
        self.window.add(len(parts), [body], now)
        self._pump(now)
        return True

    def _tell_dropped(self, now: float) -> bool:
        """Send a batch without records, which only says how many were given up; whether ZeroMQ has taken it."""
        self._told_at = now
        return self._flows(now) and self.data.send([self._header(self.window.next, 0, "none"), b"[]"])

    def _header(self, seq: int, count: int, compression: str) -> bytes:
        """Made when a batch goes out: another collector may have come, which speaks another version."""
        header = Header(self._version, self._producer, seq, count, self._dropped, compression, time_ns())
        return encode_header(header)

    def _drops_settled(self) -> bool:
        """Whether it is stored how many records were given up; where nobody tells, it counts as stored."""
        return not self._confirms or self._version < 2 or self._dropped_stored >= self._dropped

    def settled(self) -> bool:
        """Whether all that was taken is stored; handed over, where nobody acknowledges."""
        if self.window.empty:
            return self._drops_settled()
        no_answer = self.data.connected and not self._confirms and self._control.refused
        return no_answer and self.window.due() is None

    def close(self, linger_ms: int) -> None:
        self.data.close(linger_ms if self.data.connected else 0)
        self._control.close(0)

    def _watch_data(self, now: float) -> None:
        for event in self.data.news(now):
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                log(f"connected to {self.data.endpoint}")
                self.seen = True
                self._answered = False
                if self._control.connected:
                    self._greet()
                else:
                    self._control.refused = False  # was it this collector? It will refuse again
            elif event == zmq.EVENT_DISCONNECTED:
                log(f"lost {self.data.endpoint}")
                self._version = 1  # until it is known who comes next
                if self.window.in_flight:
                    # What waits in ZeroMQ's queue would arrive with what is lost missing before it.
                    self.window.rewind()
                    self.data.renew()
                    return

    def _flows(self, now: float) -> bool:
        """Whether messages go out: after a loss, once it is known what arrived, if that is told soon."""
        if not self.data.connected:
            return False
        return self._answered or not self._confirms or now - self.data.since > SILENT

    def _pump(self, now: float) -> None:
        while self._flows(now) and (message := self.window.due()) is not None:
            header = self._header(message.seq, message.last - message.seq + 1, self._compression)
            if not self.data.send([header, *message.frames]):
                return
            self.window.sent(now)

    def _greet(self) -> None:
        hello = {
            "cmd": "hello",
            "producer": self._producer.id,
            "secret": self._producer.secret,
            "first": self.window.first,
            "protocol": SUPPORTED_VERSIONS,
        }
        self._control.send([orjson.dumps(hello)])

    def _hear(self, now: float) -> None:
        while True:
            try:
                heard = orjson.loads(self._control.socket.recv_multipart(zmq.NOBLOCK)[-1])
            except zmq.Again:
                return
            except orjson.JSONDecodeError:
                continue
            if not isinstance(heard, dict):
                continue
            answer = heard.get("producer") == self._producer.id
            watermark, epoch = heard.get("watermark"), heard.get("epoch")
            if not (answer or heard.get("ack") == self._producer.id) or type(watermark) is not int:
                continue
            if answer:
                spoken = heard.get("protocol")
                both = set(SUPPORTED_VERSIONS).intersection(spoken if isinstance(spoken, list) else ())
                self._version = max(both, default=1)
            self._confirms = self._answered = True
            if type(dropped := heard.get("dropped")) is int:
                self._dropped_stored = dropped
            self.window.acknowledged(watermark, str(epoch), now)
            if answer:
                self.window.answered()
