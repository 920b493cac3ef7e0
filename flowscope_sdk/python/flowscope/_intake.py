"""Where the program's threads leave spans for the background thread: lock-free, bounded, never waiting."""

from __future__ import annotations

import _thread
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowscope._span import Span

SPAN_COST = 700
"""About what a span takes in memory beside its payloads, in bytes."""
WAKE_BYTES = 2 << 20
"""How much more is let in before the background thread is woken ahead of its tick."""


class Intake:
    """A queue of spans. put() is safe in signal handlers and finalizers: it takes no lock."""

    def __init__(self, limit: int, start: Callable[[], None]) -> None:
        self.items: deque[Span] = deque()
        self.append = self.items.append
        self.bytes = 0
        self.limit = limit
        self.wake_step = min(WAKE_BYTES, limit // 8)
        # As long as it holds less than this, a span need only be appended.
        self.wake_at = -1
        self.dropped = 0
        self.idle = True  # nobody looks at the queue until wake()
        self.closed = False
        self._start: Callable[[], None] | None = start
        self._bell = _thread.allocate_lock()
        self._bell.acquire()

    def put(self, span: Span, cost: int) -> None:
        """Queue a span that takes about `cost` bytes. Beyond the limit it is dropped, and counted if it has ended."""
        held = self.bytes
        if held > self.limit or self.closed:
            span._queued = False
            if span.end_ns is not None:
                self.dropped += 1
            return
        span._cost = cost
        self.items.append(span)
        self.bytes = held = held + cost
        if self.idle or held >= self.wake_at:
            self.wake()

    def close(self) -> None:
        """Take nothing more."""
        self.closed = True
        self.wake_at = -1

    def wake(self) -> None:
        """Have the background thread look now; the first time, start it."""
        self.idle = False
        self.wake_from(self.bytes + self.wake_step)
        start, self._start = self._start, None
        if start is not None:
            start()
        elif self._bell.locked():
            try:
                self._bell.release()
            except RuntimeError:
                return  # somebody else has just rung

    def wake_from(self, held: int) -> None:
        """Have put() wake the background thread once there are that many bytes."""
        self.wake_at = -1 if self.closed else held

    def wait(self, seconds: float) -> None:
        """Background thread: return when woken or after `seconds` (-1: only when woken)."""
        self._bell.acquire(timeout=seconds)

    def rest(self, seconds: float) -> None:
        """Background thread: nothing is left to do; return when there is, or after `seconds` (-1: only then)."""
        self.idle = True
        self.wake_at = -1
        if self.items or self.closed:
            self.idle = False
            self.wake_from(self.bytes + self.wake_step)
            return
        self.wait(seconds)
