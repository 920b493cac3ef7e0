"""How much one connection may send: a token bucket each; what is over it waits its turn, apart from all others."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

RATE = 100_000
"""Records a second that one connection may send on and on, each begun KiB of a message counting as one at least.
More than a collector stores: it is there for what goes wrong, not for what is busy."""
BURST_S = 2.0
"""What a connection has saved up at most, in seconds of its rate."""
MAX_WAITING = 64 << 20
"""Bytes of messages that wait, of all connections; twice what an SDK's buffer holds. Beyond it they are dropped."""
MAX_KNOWN = 4_096

Frames = list[bytes]


@dataclass(slots=True)
class Bucket:
    """One connection: what it may still send (below zero: what it is ahead), and what of it waits."""

    tokens: float
    at: float
    waiting: deque[Frames] = field(default_factory=deque)
    slowed: bool = False


class Limits:
    """Decides whether a message is taken now. `rate` is in records a second; 0 is no limit.

    A message is let in while its connection is not ahead of its rate, and paid for when its records are counted: so
    no message is too large for a bucket.
    """

    def __init__(self, rate: int = RATE, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.waiting_bytes = 0
        self._clock = clock
        self._buckets: dict[int, Bucket] = {}

    def admits(self, source: int) -> bool:
        """Whether a message of this connection may be taken at once."""
        if not self.rate:
            return True
        bucket = self._bucket(source)
        return not bucket.waiting and bucket.tokens > 0

    def charge(self, source: int, records: int, length: int) -> None:
        """Take what a message of `records` records and `length` bytes costs."""
        if self.rate:
            self._bucket(source).tokens -= max(1, records, length >> 10)

    def hold(self, source: int, frames: Frames) -> bool:
        """Let a message wait behind those of its connection that do. False if there is no room."""
        length = sum(map(len, frames))
        if self.waiting_bytes + length > MAX_WAITING:
            return False
        self._bucket(source).waiting.append(frames)
        self.waiting_bytes += length
        return True

    def first_time(self, source: int) -> bool:
        """Whether this connection was not found over its rate since it last was within it."""
        bucket = self._bucket(source)
        was, bucket.slowed = bucket.slowed, True
        return not was

    def take_due(self) -> tuple[int, Frames] | None:
        """A waiting message whose turn has come, to be charged before the next is asked for; None if there is none."""
        for source in [number for number, bucket in self._buckets.items() if bucket.waiting]:
            bucket = self._bucket(source)
            if bucket.tokens > 0:
                return source, self._pop(bucket)
        return None

    def rest(self) -> Iterator[tuple[int, Frames]]:
        """All waiting messages, due or not: the collector ends."""
        for source, bucket in self._buckets.items():
            while bucket.waiting:
                yield source, self._pop(bucket)

    def due_in(self) -> float | None:
        """Seconds until a waiting message's turn; None if none waits."""
        ahead = [-self._bucket(source).tokens for source, bucket in self._buckets.items() if bucket.waiting]
        return max(0.0, min(ahead)) / self.rate + 0.001 if ahead else None

    def _pop(self, bucket: Bucket) -> Frames:
        frames = bucket.waiting.popleft()
        self.waiting_bytes -= sum(map(len, frames))
        return frames

    def _bucket(self, source: int) -> Bucket:
        now, most = self._clock(), self.rate * BURST_S
        bucket = self._buckets.get(source)
        if bucket is None:
            if len(self._buckets) >= MAX_KNOWN:
                self._buckets = {key: known for key, known in self._buckets.items() if known.waiting}
            bucket = self._buckets[source] = Bucket(most, now)
        bucket.tokens = min(most, bucket.tokens + (now - bucket.at) * self.rate)
        bucket.at = now
        if bucket.tokens > most / 2:
            bucket.slowed = False
        return bucket
