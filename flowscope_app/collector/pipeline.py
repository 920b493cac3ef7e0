"""From messages to committed rows: a batch is gathered, written in one transaction, and kept until it is."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from flowscope_app.collector.decode import decode
from flowscope_app.collector.producers import Producers
from flowscope_app.collector.voice import Voice
from flowscope_app.store import Committed, Incoming, Report, StoreFault, StoreWriter

MAX_RECORDS = 4_000
MAX_BYTES = 16 << 20
BACKOFF_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
RATE_WINDOW_S = 5.0

logger = logging.getLogger("flowscope.collector")


@dataclass(slots=True)
class Counters:
    """Records since the process started; `messages` as they came off the socket."""

    messages: int = 0
    received: int = 0
    stored: int = 0
    replaced: int = 0
    stale: int = 0
    repeated: int = 0
    refused: int = 0
    dropped: int = 0
    gaps: int = 0

    def add(self, committed: Committed) -> None:
        """Count what a transaction did."""
        self.stored += committed.stored
        self.replaced += committed.replaced
        self.stale += committed.stale
        self.repeated += committed.repeated
        self.refused += committed.refused
        self.dropped += committed.dropped
        self.gaps += committed.missing - committed.filled


class Pipeline:
    """Holds at most one batch. While the database takes no writes the batch is kept, and no more is read."""

    def __init__(self, writer: StoreWriter, voice: Voice, producers: Producers | None = None) -> None:
        self.counters = Counters()
        self.producers = producers if producers is not None else Producers()
        self.lag_ms: float | None = None  # of the newest commit, from when its oldest batch was sent; None: not told
        self.fault = ""  # why nothing can be written just now
        self._writer = writer
        self._voice = voice
        self._held: list[Incoming] = []
        self._records = 0
        self._bytes = 0
        self._failures = 0
        self._retry_at = 0.0
        self._commits: deque[tuple[float, int]] = deque()

    @property
    def queued(self) -> int:
        """Records read and not committed yet."""
        return self._records

    @property
    def full(self) -> bool:
        """Whether what is held must be committed before more is read."""
        return bool(self.fault) or self._records >= MAX_RECORDS or self._bytes >= MAX_BYTES

    @property
    def rate(self) -> float:
        """Records committed a second, over the last five."""
        now = time.monotonic()
        self._forget(now)
        return sum(count for _, count in self._commits) / RATE_WINDOW_S

    def take(self, frames: Sequence[bytes]) -> None:
        """Decode one message and hold it for the next commit."""
        item = decode(frames)
        self._held.append(item)
        count = len(item.records) + sum(report.count for report in item.reports)
        self._records += count
        self._bytes += sum(map(len, frames))
        self.counters.messages += 1
        self.counters.received += count

    def report(self, report: Report) -> None:
        """Hold a report that belongs to no message for the next commit."""
        self._held.append(Incoming(None, (), (report,)))

    def due_in(self) -> float | None:
        """Seconds until `commit` should be called; None if nothing is held."""
        return max(0.0, self._retry_at - time.monotonic()) if self._held else None

    def commit(self) -> Committed | None:
        """Write what is held, in one transaction. None if nothing was due or the database takes no writes."""
        if not self._held or time.monotonic() < self._retry_at:
            return None
        try:
            committed = self._writer.write(self._held)
        except StoreFault as error:
            self._wait(error)
            return None
        if self.fault:
            logger.warning("the database takes writes again; nothing that had arrived is lost")
        self.fault, self._failures, self._retry_at = "", 0, 0.0
        now = time.monotonic()
        self._commits.append((now, self._records))
        self._forget(now)
        self._note_producers()
        self._held, self._records, self._bytes = [], 0, 0
        self.counters.add(committed)
        self._voice.reports(committed.reports)
        return committed

    def _note_producers(self) -> None:
        lags = [self.producers.committed(item.header, len(item.records)) for item in self._held if item.header]
        told = [lag for lag in lags if lag is not None]
        if told:
            self.lag_ms = max(told)

    def _wait(self, error: StoreFault) -> None:
        """Keep the batch, and say once that it waits."""
        if not self.fault:
            logger.warning("%s; %d records wait", error, self._records)
        self.fault = str(error)
        self._retry_at = time.monotonic() + BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
        self._failures += 1

    def _forget(self, now: float) -> None:
        while self._commits and self._commits[0][0] < now - RATE_WINDOW_S:
            self._commits.popleft()
