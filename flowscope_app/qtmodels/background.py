"""Work that needs no store, done off the GUI thread: the newest request wins."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal

log = logging.getLogger("flowscope.window")

T = TypeVar("T")

REST_MS = 100  # between two pieces of work: what a person can follow
_BREATH = 2  # rest at least this many times as long as the work took, so that a huge session stays usable


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, "flowscope-work")


class SupersededError(Exception):
    """The work under way answers a question that nobody asks any more."""


class _Call:
    """One piece of work on its way; the thread that does it knows it by `_here`."""

    dropped = False


_here = threading.local()


def checkpoint() -> None:
    """For work of more than a frame's time, between its steps: ends it where it is superseded."""
    call: _Call | None = getattr(_here, "call", None)
    if call is not None and call.dropped:
        raise SupersededError


class _Relay(QObject):
    """Brings an answer back; it has no parent, so that it outlives a view closed meanwhile."""

    settled = Signal(object, object, float)  # which call, its answer (None: it failed), seconds it took


class Background(QObject, Generic[T]):
    """Works out one thing again and again: at most one call at a time, the newest request replacing older ones.

    The call sees what it captured and must not touch Qt's objects.
    """

    done = Signal(object)  # the answer, in the GUI thread

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: Callable[[], Callable[[], T]] | None = None
        self._hurry = False
        self._call: _Call | None = None  # under way
        self._relay = _Relay()
        self._relay.settled.connect(self._settled, Qt.ConnectionType.QueuedConnection)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._begin)

    def ask(self, prepare: Callable[[], Callable[[], T]], *, at_once: bool = False, instead: bool = False) -> None:
        """Have `prepare()`, called here when the time has come, hand over the work to do elsewhere.

        What a person asked for comes `at_once`; what a live session asks for all the time waits its turn. Asked
        `instead`, it is another question: what is under way is dropped, and its answer never comes.
        """
        if instead:
            self._drop()
        self._waiting = prepare
        self._hurry = self._hurry or at_once
        if self._call is None and (at_once or not self._rest.isActive()):
            self._begin()

    def forget(self) -> None:
        """Drop what waits, and what is under way."""
        self._waiting = None
        self._hurry = False
        self._drop()
        self._rest.stop()

    def _drop(self) -> None:
        if self._call is not None:
            self._call.dropped = True
            self._call = None

    @property
    def idle(self) -> bool:
        """Whether nothing waits or is under way."""
        return self._waiting is None and self._call is None

    def _begin(self) -> None:
        prepare, self._waiting = self._waiting, None
        if prepare is None:
            return
        self._rest.stop()
        self._hurry = False
        call = self._call = _Call()
        work, relay = prepare(), self._relay

        def run() -> None:
            began = time.perf_counter()
            answer: T | None = None
            _here.call = call
            try:
                checkpoint()
                answer = work()
            except SupersededError:
                return
            except Exception:  # a view without its newest figures is better than a window without a view
                log.exception("background work failed")
            finally:
                _here.call = None
            relay.settled.emit(call, answer, time.perf_counter() - began)

        _pool().submit(run)

    def _settled(self, call: _Call, answer: T | None, seconds: float) -> None:
        if call is not self._call:
            return
        self._call = None
        self._rest.start(0 if self._hurry else max(REST_MS, int(seconds * 1000 * _BREATH)))
        if answer is not None:
            self.done.emit(answer)
