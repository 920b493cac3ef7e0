"""The collector process: its start, its one loop, and an end that leaves nothing unwritten."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import zmq

from flowscope.protocol import SUPPORTED_VERSIONS, split_key
from flowscope_app import __version__
from flowscope_app.base.format import size
from flowscope_app.collector import connection
from flowscope_app.collector.acks import Acks
from flowscope_app.collector.control import Control
from flowscope_app.collector.decode import MAX_MESSAGE, SOCKET_MAX_FRAME
from flowscope_app.collector.handshakes import Handshakes
from flowscope_app.collector.health import HealthMeter
from flowscope_app.collector.limits import RATE, Limits
from flowscope_app.collector.lives import Lives
from flowscope_app.collector.oversized import Oversized, allow_open_files
from flowscope_app.collector.pipeline import Pipeline
from flowscope_app.collector.pulse import Pulse
from flowscope_app.collector.receive import receive
from flowscope_app.collector.sockets import Sockets, listen
from flowscope_app.collector.tasks import Importer, Tasks
from flowscope_app.collector.unfinished import Unfinished
from flowscope_app.collector.voice import Voice
from flowscope_app.store import Report, StoreFault, StoreWriter

GATHER_S = 0.02
"""How long messages are gathered for one transaction: the delay of a lone span, and what makes its sync cheap."""
TICK_S = 0.2
DRAIN_QUIET_S = 0.2
"""At the end, silence for so long means that all has been read: a busy machine pauses in between."""
DRAIN_S = 4.0
LAST_TRY_S = 5.0
STRANGERS_S = 5.0
"""How long refused connections are summed for one report: a program with a wrong key comes again and again."""
STRANGER = "a connection was closed that does not speak ZeroMQ 3 (a browser, a port scan?)"
OVERSIZED = (
    f"message: a frame of more than {size(SOCKET_MAX_FRAME)}, at most {size(MAX_MESSAGE)} are taken;"
    " its connection was closed"
)
KEYLESS = "a connection was closed that had not this collector's key, or does not speak ZeroMQ 3"

logger = logging.getLogger("flowscope.collector")


def main(
    addr: str,
    db: str,
    *,
    importer: Importer,
    ready: Callable[[str], None],
    parent_watch: bool = False,
    metrics: str = "",
    curve: bool = False,
    rate: int = RATE,
) -> int:
    """Collect at `addr` into `db` until SIGINT, SIGTERM, a stop command or, with `parent_watch`, the end of stdin.

    With `metrics` (HOST:PORT) its health is served there as Prometheus text.
    `rate` is what one connection may send, in records a second (`Limits`).
    `ready` is called once with the address really listened on, and its key where it has one; with `curve` it has one
    on loopback too. Returns the exit status: 0, or 1 if records that
    had arrived could not be written. Raises FlowScopeError, one line, if it can't start.
    """
    allow_open_files()
    with _logging(), StoreWriter.open(db) as writer:
        sockets = listen(addr, curve=curve)
        # A batch is ten thousands of objects that die by reference count; looking for cycles among them is a
        # tenth of the time a record takes. What is loaded by now stays anyway.
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        try:
            with (
                closing(Collector(writer, sockets, importer, Limits(rate))) as collector,
                _signals(collector.stop),
                _metrics(metrics, collector.health),
            ):
                if parent_watch:
                    _watch_stdin(collector.stop)
                connection.write(collector.connection())
                try:
                    ready(sockets.addr)
                    return collector.run()
                finally:
                    connection.remove()
        finally:
            sockets.close()


class Collector:
    """One loop over the sockets. Everything in it runs in one thread; `stop` alone may be called from anywhere."""

    def __init__(self, writer: StoreWriter, sockets: Sockets, importer: Importer, limits: Limits) -> None:
        self._writer = writer
        self._sockets = sockets
        self._epoch = secrets.token_hex(8)
        self._token = secrets.token_urlsafe(24)
        self._stopping = False
        self._started = time.monotonic()
        self._voice = Voice()
        self._pipeline = Pipeline(writer, self._voice, limits=limits)
        self._tasks = Tasks(writer, importer)
        self._acks = Acks(sockets.control, writer, self._epoch)
        self._lives = Lives(writer, self._pipeline.producers, self._acks.reaches)
        self._pulse = Pulse(self._pipeline.producers, self._acks.reaches)
        self._unfinished = Unfinished(sockets.addr)
        self._next_check = 0.0
        self._oversized = Oversized(sockets.addr)
        self._handshakes = Handshakes(sockets.data, self._accepted, self._closed)
        self.health = HealthMeter(writer, self._pipeline, self._handshakes, self._lives, self._pulse)
        self._strangers = 0  # not reported yet
        self._lost: dict[str, int] = {}
        self._tell_at = 0.0
        self._control = Control(
            sockets.control,
            writer,
            self._tasks,
            self._acks,
            self._pulse,
            token=self._token,
            identity=self.identity,
            status=self.status,
            stop=self.stop,
        )
        self._poller = zmq.Poller()
        self._poller.register(sockets.control, zmq.POLLIN)
        self._poller.register(self._handshakes.monitor, zmq.POLLIN)

    def stop(self) -> None:
        """End the loop soon."""
        self._stopping = True

    def close(self) -> None:
        """Let go of the sockets, before they are closed."""
        self._handshakes.close()
        self._oversized.close()

    def identity(self) -> dict[str, Any]:
        """Who this collector is: what `hello` answers. Nothing of it is a secret."""
        return {
            "pid": os.getpid(),
            "addr": split_key(self._sockets.addr)[0],
            "control": split_key(self._sockets.control_addr)[0],
            "db": str(self._writer.path),
            "epoch": self._epoch,
            "version": __version__,
            "protocol": list(SUPPORTED_VERSIONS),
        }

    def connection(self) -> dict[str, Any]:
        """What the connection file holds, for this user alone: also the key, and the token that commands need."""
        addresses = {"addr": self._sockets.addr, "control": self._sockets.control_addr}
        return {**self.identity(), **addresses, "token": self._token}

    def status(self) -> dict[str, Any]:
        """How it fares: counts of records since it started, the rate of the last seconds, what waits and why."""
        counters = self._pipeline.counters
        self.health.refresh(now=True)
        return {
            **{name: getattr(counters, name) for name in counters.__slots__},
            "connections_refused": self._handshakes.failed,
            "rate": round(self._pipeline.rate, 1),
            "queue": self._pipeline.queued,
            "fault": self._pipeline.fault,
            "uptime_s": round(time.monotonic() - self._started, 1),
            "imports": self._tasks.running(),
            "health": self.health.figures,
            "lost": self._losses(),
            "commits": self._pipeline.latencies.counts,
            "programs": self._pipeline.producers.rows(),
        }

    def _losses(self) -> dict[str, int]:
        with contextlib.suppress(StoreFault):
            self._lost = self._writer.losses()
        return self._lost

    def run(self) -> int:
        """Serve until stopped, then drain. Returns the exit status."""
        while not self._stopping:
            self._turn()
        return self._finish()

    def _turn(self) -> None:
        """Wait for something to do, and do it."""
        events = dict(self._poller_events())
        if self._sockets.control in events:
            self._control.serve()
        if self._handshakes.monitor in events:
            self._handshakes.read()
        for _ in range(self._oversized.late()):
            self._pipeline.report(Report("refused", OVERSIZED))
        self._note_strangers()
        self._pipeline.release()
        slack = self._gather() if self._sockets.data in events else None
        self._shut_endless()
        self._commit()
        self.health.refresh()
        self._pulse.look()
        self._lives.look(blocked=bool(self._pipeline.fault))
        begun = time.monotonic()
        if self._tasks.busy and not self._pipeline.fault:
            self._tasks.step(slack)
        self._pipeline.held_up(time.monotonic() - begun)

    def _poller_events(self) -> list[tuple[Any, int]]:
        """What is ready. Data is not looked at while a batch waits for the database."""
        due = self._pipeline.due_in()
        wait = 0.0 if self._tasks.busy and not self._pipeline.fault else TICK_S
        if due is not None:
            wait = min(wait, due)
        elif (turn := self._pipeline.limits.due_in()) is not None:
            wait = min(wait, turn)
        if self._pipeline.full:
            return self._poller.poll(int(wait * 1000))
        self._poller.register(self._sockets.data, zmq.POLLIN)
        try:
            return self._poller.poll(int(wait * 1000))
        finally:
            self._poller.unregister(self._sockets.data)

    def _gather(self) -> float:
        """Read messages for one transaction: until it is full, or its time is up. Returns the seconds waited."""
        data, pipeline = self._sockets.data, self._pipeline
        deadline = time.monotonic() + GATHER_S
        waited = 0.0
        while not pipeline.full:
            try:
                source, frames = receive(data)
                self._unfinished.delivered(source)
                pipeline.take(frames, source)
            except zmq.Again:
                begun = time.monotonic()
                left = deadline - begun
                more = left > 0 and data.poll(max(1, int(left * 1000)))
                waited += time.monotonic() - begun
                if not more:
                    break
            if time.monotonic() >= deadline:
                break
        return waited

    def _commit(self) -> None:
        committed = self._pipeline.commit()
        if committed is not None:
            self._acks.tell(committed.watermarks)

    def _accepted(self, source: int) -> None:
        self._unfinished.accepted(source)
        self._oversized.accepted(source)

    def _closed(self, source: int, failed: bool) -> None:
        if self._unfinished.ended(source) or failed:
            self._oversized.forget(source)
        elif self._oversized.closed(source):
            self._pipeline.report(Report("refused", OVERSIZED))

    def _note_strangers(self) -> None:
        self._strangers += self._handshakes.new_failures()
        now = time.monotonic()
        if self._strangers and now >= self._tell_at:
            keyed = bool(split_key(self._sockets.addr)[1])
            detail = KEYLESS if keyed else STRANGER
            self._pipeline.report(Report("connection", detail, self._strangers))
            self._strangers, self._tell_at = 0, now + STRANGERS_S

    def _shut_endless(self) -> None:
        """Now and then, when all that is whole has been read: look for messages that don't end."""
        if time.monotonic() < self._next_check or self._pipeline.full or self._sockets.data.poll(0):
            return
        self._next_check = time.monotonic() + TICK_S
        shut = self._unfinished.check()
        if shut:
            detail = "a connection was closed that sent a message without end"
            self._pipeline.report(Report("connection", detail, len(shut)))
            for source in shut:
                self._oversized.forget(source)  # ZeroMQ may hold it for long

    def _finish(self) -> int:
        """Read what is under way, write what is held, say what could not be."""
        self._tasks.cancel_all()
        deadline = time.monotonic() + DRAIN_S
        while time.monotonic() < deadline and not self._pipeline.fault:
            if not self._sockets.data.poll(int(DRAIN_QUIET_S * 1000)):
                break
            self._gather()
            self._commit()
        self._pipeline.release_all()
        self._commit()
        deadline = time.monotonic() + LAST_TRY_S
        while (due := self._pipeline.due_in()) is not None and time.monotonic() < deadline:
            time.sleep(due)
            self._commit()
        if self._pipeline.queued:
            logger.error("%d records that had arrived are lost: %s", self._pipeline.queued, self._pipeline.fault)
            return 1
        return 0


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM stop the loop while this lasts; only the main thread may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda _number, _frame: stop()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch_stdin(stop: Callable[[], None]) -> None:
    """Stop when standard input ends: the window that started this process is gone, however it went."""

    def wait() -> None:
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        stop()

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()


@contextmanager
def _metrics(addr: str, health: HealthMeter) -> Iterator[None]:
    """Serve the figures of health, if that is wanted."""
    if not addr:
        yield
        return
    from flowscope_app.collector.metrics import serving

    with serving(addr, lambda: health.figures) as url:
        logger.warning("metrics at %s", url)
        yield


@contextmanager
def _logging() -> Iterator[None]:
    """What the collector has to say goes to standard error, a line each."""
    root = logging.getLogger("flowscope")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("flowscope: %(message)s"))
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
