"""From messages to committed rows: a batch is gathered, written in one transaction, and kept until it is."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass

from flowscope.protocol import ProducerInfo, ProtocolError, split_message
from flowscope_app.collector.decode import decode
from flowscope_app.collector.latencies import Latencies
from flowscope_app.collector.limits import Limits
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
    """Records since the process started; `messages` as they came off the socket, `limited` those sent too fast."""

    messages: int = 0
    received: int = 0
    stored: int = 0
    replaced: int = 0
    stale: int = 0
    repeated: int = 0
    refused: int = 0
    dropped: int = 0
    gaps: int = 0
    limited: int = 0

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

    def __init__(
        self, writer: StoreWriter, voice: Voice, producers: Producers | None = None, limits: Limits | None = None
    ) -> None:
        self.counters = Counters()
        self.limits = limits or Limits()
        self.producers = producers if producers is not None else Producers()
        self.lag_ms: float | None = None  # of the newest commit, from when its oldest batch was sent; None: not told
        self.fault = ""  # why nothing can be written just now
        self.latencies = Latencies()
        self._held_up = 0.0
        self._writer = writer
        self._voice = voice
        self._held: list[Incoming] = []
        self._records = 0
        self._most = 0
        self._bytes = 0
        self._failures = 0
        self._retry_at = 0.0
        self._due_at = 0.0  # when what is held was first to be written
        self._commits: deque[tuple[float, int]] = deque()

    @property
    def queued(self) -> int:
        """Records read and not committed yet."""
        return self._records

    def most_queued(self) -> int:
        """The most records that were held at once since this was asked last."""
        most, self._most = max(self._most, self._records), 0
        return most

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

    def take(self, frames: list[bytes], source: int = 0) -> None:
        """Hold one message of the connection `source` for the next commit, or let it wait if that sends too fast."""
        self.counters.messages += 1
        if self.limits.admits(source):
            self._admit(frames, source)
            return
        kept = self.limits.hold(source, frames)
        if self.limits.first_time(source):
            self._say_limited(frames)
        self.counters.limited += 1
        if not kept:
            self._drop(frames)

    def release(self) -> None:
        """Take waiting messages whose turn has come, as far as there is room."""
        while not self.full and (turn := self.limits.take_due()) is not None:
            source, frames = turn
            self._admit(frames, source)

    def release_all(self) -> None:
        """Take all that waits: the collector ends."""
        for source, frames in self.limits.rest():
            self._admit(frames, source)

    def _admit(self, frames: list[bytes], source: int) -> None:
        length = sum(map(len, frames))
        count = self._hold(decode(frames), length)
        self.limits.charge(source, count, length)

    def _drop(self, frames: list[bytes]) -> None:
        """Give a message up: there is no room for it to wait. Its numbers are used up, or it would come again."""
        item = decode(frames)
        count = item.header.count if item.header else len(item.records)
        detail = f"too much waited of programs that send more than {self.limits.rate:,} records a second"
        self._hold(Incoming(item.header, (), (Report("dropped", detail, max(1, count)),)), 0)

    def _say_limited(self, frames: list[bytes]) -> None:
        producer = _producer_of(frames)
        detail = f"a program sends more than {self.limits.rate:,} records a second; what is over it waits its turn"
        who, session = (producer.id, producer.session_id) if producer else ("", "")
        self.report(Report("limited", detail, session=session, producer=who))

    def _hold(self, item: Incoming, length: int) -> int:
        """Keep it for the next commit; return how many records it stands for."""
        self._held.append(item)
        count = len(item.records) + sum(report.count for report in item.reports)
        self._records += count
        self._bytes += length
        self.counters.received += count
        return count

    def report(self, report: Report) -> None:
        """Hold a report that belongs to no message for the next commit."""
        self._held.append(Incoming(None, (), (report,)))

    def due_in(self) -> float | None:
        """Seconds until `commit` should be called; None if nothing is held."""
        return max(0.0, self._retry_at - time.monotonic()) if self._held else None

    def held_up(self, seconds: float) -> None:
        """The writer was taken so long by something else, for which the next batch had to wait."""
        self._held_up = seconds

    def commit(self) -> Committed | None:
        """Write what is held, in one transaction. None if nothing was due or the database takes no writes."""
        begun = time.monotonic()
        if not self._held or begun < self._retry_at:
            return None
        if not self._failures:
            self._due_at = begun - self._held_up
        self._held_up = 0.0
        try:
            committed = self._writer.write(self._held)
        except StoreFault as error:
            self._wait(error)
            return None
        if self.fault:
            logger.warning("the database takes writes again; nothing that had arrived is lost")
        self.fault, self._failures, self._retry_at = "", 0, 0.0
        now = time.monotonic()
        self.latencies.note(now - self._due_at)
        self._commits.append((now, self._records))
        self._forget(now)
        self._note_producers(committed)
        self._most = max(self._most, self._records)
        self._held, self._records, self._bytes = [], 0, 0
        self.counters.add(committed)
        self._voice.reports(committed.reports)
        return committed

    def _note_producers(self, committed: Committed) -> None:
        lags = [self.producers.committed(item.header, len(item.records)) for item in self._held if item.header]
        told = [lag for lag in lags if lag is not None]
        self.producers.repeated(committed.again)
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


def _producer_of(frames: list[bytes]) -> ProducerInfo | None:
    """Who says in the header that it sends."""
    try:
        header, _ = split_message(frames)
    except ProtocolError:
        return None
    return header.producer if header else None
