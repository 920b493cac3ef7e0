"""The background thread: turns spans into records and hands them to the collector; alone it owns the sockets."""

from __future__ import annotations

import _thread
import os
import platform
import socket
from collections import deque
from time import monotonic, monotonic_ns, time_ns
from typing import TYPE_CHECKING

from flowscope._guard import GoneError, failed, log
from flowscope._record import encode
from flowscope._redact import masker
from flowscope.protocol import ProducerInfo, parse_addr

if TYPE_CHECKING:
    from flowscope._config import Config
    from flowscope._intake import Intake
    from flowscope._span import Span
    from flowscope._transport import Transport

TICK = 0.1
"""Seconds between flushes: a span open longer than this is shown before it ends."""
TICK_NS = int(TICK * 1e9)
ABSENT_TICK = 0.5
"""Seconds between looks for a collector that is not there."""
REFRESH_NS = 150_000_000
"""A pending span that changes (streamed output) is sent again at most this often; a long one less often:"""
REFRESH_NS_PER_BYTE = 1_000
"""A growing answer costs at most about 1 MB/s of encoding, whatever stands before it."""
BATCH_RECORDS = 512
BATCH_BYTES = 1 << 20
MAX_AHEAD = 8 << 20
"""Bytes of encoded spans that wait for their acknowledgement; further ones wait as they are."""
MAX_RECORD = 32 << 20
"""A longer record is given up: the collector would take it for an attack."""
_RETRY = 0.01


class Batch:
    """Encoded records that go out together."""

    __slots__ = ("parts", "size")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0


class Ticket:
    """A request to the background thread: send everything by `deadline` (monotonic seconds), then maybe end."""

    def __init__(self, deadline: float, final: bool) -> None:
        self.deadline = deadline
        self.final = final
        self.sent = False
        self._done = _thread.allocate_lock()
        self._done.acquire()

    def finish(self, sent: bool) -> None:
        self.sent = sent
        self._done.release()

    def wait(self, seconds: float) -> bool:
        """Whether all was sent; False after `seconds`."""
        return self._done.acquire(timeout=max(0.0, seconds)) and self.sent


class Sender:
    """What happens behind the intake. Its public methods may be called from any thread."""

    intake: Intake
    _transport: Transport

    def __init__(self, config: Config, session_id: str) -> None:
        self._config = config
        self._session_id = session_id
        self._mask = masker(config.redact)
        self._tickets: deque[Ticket] = deque()
        self._started = False
        self._ended = False
        self._importing = _thread.allocate_lock()
        # From here on: the background thread's own.
        self._young: list[Span] = []
        self._open: Batch = Batch()
        self._backlog: deque[Batch] = deque()
        self._backlog_bytes = 0
        # How much is encoded before it is stored.
        self._ahead = min(MAX_AHEAD, config.buffer // 4)
        self._dropped = 0
        self._told_dropped = 0

    def start(self) -> None:
        """Start the thread; called by the first span. Not a threading.Thread: the program doesn't see it there."""
        self._started = True
        self._importing.acquire()
        try:
            _thread.start_new_thread(self._run, ())
        except RuntimeError as error:
            self._importing.release()
            self.intake.close()
            self._ended = True
            log(f"no background thread, so nothing is recorded: {error}")

    def flush(self, timeout: float) -> bool:
        """Send all; True once nothing is left."""
        if not self._started:
            return True
        if self._ended:
            return False
        ticket = Ticket(monotonic() + timeout, final=False)
        self._tickets.append(ticket)
        self.intake.wake()
        return ticket.wait(timeout)

    def close(self, timeout: float, *, wait: bool = True) -> None:
        """Send all that can be sent within `timeout` seconds, then end the thread. May be called again to wait."""
        self.intake.close()
        if not self._started or self._ended:
            return
        ticket = Ticket(monotonic() + timeout, final=True)
        self._tickets.append(ticket)
        self.intake.wake()
        if wait:
            # A little longer than the thread may take: for the case that it is stuck.
            ticket.wait(timeout + 0.2)

    def wait_for_imports(self, seconds: float) -> None:
        """Return once the thread holds no import lock, or after `seconds`."""
        if self._importing.acquire(timeout=seconds):
            self._importing.release()

    # Everything below runs on the background thread.

    def _run(self) -> None:
        try:
            try:
                from flowscope import _transport

                producer = _new_producer(self._session_id)
                self._transport = _transport.connect(parse_addr(self._config.addr), producer, self._ahead)
            finally:
                self._importing.release()
            self._loop()
        except GoneError:
            self.intake.close()
        except Exception as error:
            self.intake.close()
            if os.environ.get("FLOWSCOPE_RAISE") == "1":
                raise
            log(f"background thread: {error!r}")
        finally:
            self._ended = True
            self.intake.items.clear()
            while self._tickets:
                self._tickets.popleft().finish(False)

    def _loop(self) -> None:
        intake = self.intake
        next_tick = monotonic() + TICK
        while True:
            if not (self._tickets or self._young or self._backlog or intake.items or self._transport.held()):
                beat = self._beat()
                intake.rest(-1 if beat is None else beat)
                next_tick = monotonic() + TICK
            now = monotonic()
            if not self._tickets and now < next_tick:
                intake.wait(next_tick - now)
                now = monotonic()
            due = now >= next_tick
            self._transport.poll()
            self._beat()
            if due:
                next_tick = now + (TICK if self._transport.connected() else ABSENT_TICK)
            self._collect(due)
            self._ship()
            while self._tickets:
                ticket = self._tickets.popleft()
                sent = self._deliver(ticket)
                if ticket.final:
                    # Before it is finished: what waits for it may be about to end the process.
                    self._transport.close(max(0.0, ticket.deadline - monotonic()))
                ticket.finish(sent)
                if ticket.final:
                    return

    def _collect(self, due: bool, *, most: int = 1 << 60, open_too: bool = False) -> int:
        """Encode up to `most` of the spans in the intake, as far as the collector takes them; returns how many.

        Spans that have only just begun are left for the next tick unless `open_too`. Where nobody takes them, spans
        stay as they are: encoding them costs most, and by then they may be over or too old to keep.
        """
        intake, items = self.intake, self.intake.items
        if due and self._young:
            items.extendleft(reversed(self._young))
            self._young = []
        taken = 0
        while items and taken < most:
            if not self._open.parts and not self._takes():
                break
            try:
                span = items.popleft()
            except IndexError:  # trimmed by a child of a fork, or cleared
                break
            taken += 1
            self._take(span, open_too)
        if not items:
            intake.bytes = 0
        self._trim()
        if self._takes():
            intake.wake_from(min(intake.wake_at, intake.bytes + intake.wake_step))
        self._seal()
        return taken

    def _take(self, span: Span, open_too: bool) -> None:
        self.intake.bytes -= span._cost
        span._cost = 0
        if span.end_ns is None and not open_too:
            now = monotonic_ns()
            if now - span._clock < TICK_NS or (span._shown and now - span._shown < _refresh_ns(span)):
                self._young.append(span)
                return
        span._queued = False  # before it is read: a change after this has it queued again
        span._shown = monotonic_ns()
        try:
            record = encode(span, self._mask)
        except Exception as error:
            self._dropped += 1
            failed("encode", error)
            return
        if len(record) > MAX_RECORD:
            self._dropped += 1
            return
        batch = self._open
        batch.parts.append(record)
        batch.size += len(record)
        if len(batch.parts) >= BATCH_RECORDS or batch.size >= BATCH_BYTES:
            self._seal()
            self._ship()
            self._trim()

    def _takes(self) -> bool:
        """Whether there is any use in encoding more."""
        return self._backlog_bytes < self._ahead and self._transport.ready()

    def _trim(self) -> None:
        """Drop the oldest spans when the buffer is nearly full; an open one comes again when it ends."""
        intake = self.intake
        # The steps leave room for what the program adds before this thread has its next turn.
        step = (self._config.buffer - self._backlog_bytes - self._transport.held()) // 8
        intake.wake_from(7 * step)
        if intake.bytes < 7 * step:
            return
        while intake.bytes > 6 * step and intake.items:
            span = intake.items.popleft()
            intake.bytes -= span._cost
            span._cost = 0
            span._queued = False
            if span.end_ns is not None:
                self._dropped += 1

    def _seal(self) -> None:
        batch = self._open
        if batch.parts:
            self._open = Batch()
            self._backlog.append(batch)
            self._backlog_bytes += batch.size

    def _ship(self) -> bool:
        """Send as much of the backlog as is taken without waiting; whether that was all."""
        while self._backlog:
            batch = self._backlog[0]
            if not self._send(batch.parts):
                return False
            self._backlog.popleft()
            self._backlog_bytes -= batch.size
        return True

    def _send(self, parts: list[bytes]) -> bool:
        dropped = self._dropped + self.intake.dropped
        sent = self._transport.send(parts, dropped)
        if sent:
            self._told_dropped = dropped
        return sent

    def _deliver(self, ticket: Ticket) -> bool:
        """Send what there is now, and see it stored, by the ticket's deadline.

        Gives up early if nobody has ever listened to a program that ends.
        """
        left = len(self.intake.items) + len(self._young)
        while True:
            self._transport.poll()
            self._beat()
            left -= self._collect(due=True, most=left, open_too=True)
            if self._ship() and left <= 0 and (not ticket.final or self._tell()) and self._transport.settled():
                return True
            seconds = ticket.deadline - monotonic()
            if seconds <= 0 or (ticket.final and self._transport.hopeless()):
                return False
            if left <= 0 or not self._takes():
                self._transport.wait(min(seconds, _RETRY))

    def _beat(self) -> float | None:
        """Show whoever asked for it that this program lives; seconds until that is due again."""
        waiting = len(self.intake.items) + len(self._young) + sum(len(batch.parts) for batch in self._backlog)
        return self._transport.beat(waiting)

    def _tell(self) -> bool:
        """Whether the collector knows how many spans were dropped; an empty batch tells it."""
        return self._dropped + self.intake.dropped == self._told_dropped or self._send([])


def _refresh_ns(span: Span) -> int:
    """How long the last pending state of a span is good enough."""
    held, growing = span._input, span._stream
    size = (0 if held is None else len(held)) + (0 if growing is None else growing.size)
    return REFRESH_NS + size * REFRESH_NS_PER_BYTE


def _new_producer(session_id: str) -> ProducerInfo:
    from flowscope import __version__
    from flowscope._program import program

    return ProducerInfo(
        id=os.urandom(8).hex(),
        session_id=session_id,
        program=program(),
        pid=os.getpid(),
        host=socket.gethostname(),
        language="python",
        runtime=f"{platform.python_implementation()} {platform.python_version()}",
        sdk=f"flowscope-python/{__version__}",
        started_ns=time_ns(),
    )
