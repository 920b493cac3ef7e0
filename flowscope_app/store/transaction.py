"""What one transaction of the writer does with the messages given to it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from flowscope.protocol import Header, ProducerInfo, Record, visible
from flowscope_app.store import tally
from flowscope_app.store.catalogue import Catalogue, ProducerState, SessionState
from flowscope_app.store.entries import Entry, entry_of
from flowscope_app.store.preparing import Batch, Prepared, Staging
from flowscope_app.store.putting import Putting
from flowscope_app.store.rows import Committed, Incoming, Report
from flowscope_app.store.senders import Sender, Senders, info_of
from flowscope_app.store.sequence import Taken

MAX_DETAILS = 100
"""Different reports of one transaction that are kept with their text; further ones are summed."""
MAX_REPORTS = 10_000
"""Reports kept in the database; the totals in `meta` count on."""

MAX_LEAP = 2**40
"""How far a batch may leave numbers out: what a program at 100,000 records a second uses up in four months."""


class Transaction:
    """Gathers messages, then writes them. Made after BEGIN; its owner commits or rolls back.

    `change` is the last change number in use; `session` finds or makes the session of an id.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        catalogue: Catalogue,
        change: int,
        session: Callable[[str], SessionState],
    ) -> None:
        self.change = change
        self.committed = Committed()
        self.sessions: list[SessionState] = []
        self._connection = connection
        self._catalogue = catalogue
        self._session = session
        self._staging = Staging()
        self._ready: list[Prepared] = []
        self._producers: dict[str, ProducerState] = {}
        self._known: dict[int, ProducerState] = {}  # by key: whose what is to be written is
        self._senders = Senders()
        self._sender_keys: list[int] = []  # by their numbers
        self._reports: dict[tuple[str, str, str, str], int] = {}
        self._now = time.time_ns()

    def take(self, item: Incoming | Batch) -> None:
        """Stage one message: what of it is new by its numbers, and what must be reported of it."""
        if isinstance(item, Batch):
            self._take_batch(item)
            return
        header, records, reports = item
        producer: ProducerState | None = None
        wanted: Iterable[Entry | Record | Report] = records
        if header is not None and header.producer is not None:
            producer = self._catalogue.sender(header.producer)
            if self._leaps(header, producer):
                return
            self._producers[producer.info.id] = producer
            self._note_claim(header.producer, producer)
            self._note_drops(header, producer)
            # A message refused as a whole uses up the numbers it names. Otherwise only what is there does: what a
            # batch lacks of its own count shows as a gap before the next one.
            numbers = min(header.count, len(records)) if records or not reports else header.count
            if numbers:
                taken = self._consume(header.seq, header.seq + numbers - 1, producer)
                if not taken.wanted:
                    self._repeat(producer, len(records))
                    return
                wanted = self._unseen(header.seq, numbers, records, taken.wanted)
                self._repeat(producer, len(records) - len(wanted))
        for report in reports:
            self._report(report, producer)
        self._stage(wanted, producer)

    def _leaps(self, header: Header, producer: ProducerState) -> bool:
        """Whether its numbers are none that a program can have counted to; then it is refused, and they stay free."""
        ahead = max(header.seq - producer.sequence.watermark, header.dropped - producer.dropped)
        if ahead <= MAX_LEAP:
            return False
        detail = f"seq and dropped: {ahead:,} beyond what came before, no program counts that far"
        self._report(Report("refused", detail, max(1, header.count)), producer)
        return True

    def _note_claim(self, claimed: ProducerInfo, producer: ProducerState) -> None:
        """Report once that a process sends under the id of another."""
        if producer.info.id == claimed.id or producer.numbered:
            return
        detail = (
            f'producer id "{visible(claimed.id, 80)}" is another process\'s; what pid {claimed.pid} on'
            f' "{visible(claimed.host, 80)}" sends under it is kept apart as "{visible(producer.info.id, 100)}"'
        )
        self._report(Report("claimed", detail, 1, claimed.session_id, producer.info.id))

    def _consume(self, first: int, last: int, producer: ProducerState) -> Taken:
        """Take numbers `first` to `last` of a producer, and report the gap before them or the one they fill."""
        taken = producer.sequence.take(first, last)
        producer.dirty = True
        session, who = producer.info.session_id, producer.info.id
        if taken.gap is not None:
            start, end = taken.gap
            self.committed.missing += end - start + 1
            self._report(Report("gap", f"records {start} to {end} never came", end - start + 1, session, who))
        if taken.filled:
            self.committed.filled += taken.filled
            detail = "records that were missing came after all"
            self._report(Report("filled", detail, taken.filled, session, who))
        return taken

    def _unseen(
        self, seq: int, numbers: int, records: Sequence[Entry | Record | Report], wanted: list[tuple[int, int]]
    ) -> Sequence[Entry | Record | Report]:
        """Those of the records from number `seq` on that are wanted."""
        if wanted == [(seq, seq + numbers - 1)]:
            return records  # those without a number too
        parts = [records[first - seq : end - seq + 1] for first, end in wanted]
        return [record for part in parts for record in part]

    def _repeat(self, producer: ProducerState, records: int) -> None:
        """Count records that had come before."""
        if records:
            self.committed.repeated += records
            who = producer.info.id
            self.committed.again[who] = self.committed.again.get(who, 0) + records

    def _note_drops(self, header: Header, producer: ProducerState) -> None:
        more = header.dropped - producer.dropped
        if more <= 0:
            return
        producer.dropped = header.dropped
        producer.dirty = True
        detail = "the program dropped records before they were sent"
        self._report(Report("dropped", detail, more, producer.info.session_id, producer.info.id))

    def lose(self, producer_id: str, gaps: Iterable[tuple[int, int]], dropped: int) -> None:
        """Note what a producer made that is nowhere, as a recording tells it. What is known is not told again."""
        producer = self._catalogue.producer(ProducerInfo(producer_id))
        self._producers[producer_id] = producer
        self._note_drops(Header(producer=producer.info, dropped=dropped), producer)
        for first, last in gaps:
            if (first, last) not in producer.sequence.gaps:
                producer.sequence.gaps.append((first, last))
                producer.dirty = True
                detail = f"records {first} to {last} were cut off when their program was killed"
                self._report(Report("gap", detail, last - first + 1, producer.info.session_id, producer_id))

    def _report(self, report: Report, producer: ProducerState | None = None) -> None:
        if report.kind == "refused":
            self.committed.refused += report.count
        elif report.kind == "dropped":
            self.committed.dropped += report.count
        who = report.producer or (producer.info.id if producer else "")
        entry = (report.kind, report.detail, report.session, who)
        if entry not in self._reports and len(self._reports) >= MAX_DETAILS:
            entry = (report.kind, "for other reasons", "", "")
        self._reports[entry] = self._reports.get(entry, 0) + report.count

    def _stage(self, records: Iterable[Entry | Record | Report], producer: ProducerState | None) -> None:
        """Keep what is to be written, and report what a Report stands for."""
        entries: list[Entry] = []
        for record in records:
            if isinstance(record, Entry):
                entries.append(record)
            elif isinstance(record, Report):
                self._report(record, producer)
            else:
                entries.append(entry_of(record))
        if producer is not None:
            self._known[producer.key] = producer
            self._staging.add(entries, [producer.key] * len(entries))
            return
        numbers = self._senders.numbers(entries)
        self._sender_keys += map(self._producer, self._senders.found[len(self._sender_keys) :])
        self._staging.add(entries, [self._sender_keys[number] for number in numbers])

    def _producer(self, sender: Sender) -> int:
        """The key of a producer who was only named."""
        state = self._catalogue.producer(info_of(sender))
        self._known[state.key] = state
        return state.key

    def _take_batch(self, batch: Batch) -> None:
        """Take what is ready, its senders known by their keys."""
        keys = [self._producer(sender) for sender in batch.senders]
        for spans in batch.sessions:
            places = [(keys[place[0]], *place[1:]) for place in spans.places]
            self._ready.append(spans._replace(places=places))

    def write(self) -> None:
        """Write all that was staged, with sums, watermarks and reports."""
        self.committed.replaced += self._staging.replaced
        self.committed.stale += self._staging.stale
        for spans in chain(self._ready, self._staging.prepared()):
            session = self._session(spans.session_id)
            putting = Putting(self._connection, self._catalogue, session, self.change, self.committed, self._known)
            putting.put(spans)
            self.change = putting.change
            tally.save(self._connection, session, self._now)
            self.sessions.append(session)
        for state in self._producers.values():
            if state.dirty:
                self._catalogue.save_producer(state)
            self.committed.watermarks[state.info.id] = state.sequence.watermark
        self._write_reports()
        counters = {"refused": self.committed.refused, "dropped": self.committed.dropped}
        self._connection.executemany(
            "INSERT INTO meta (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            [(name, count) for name, count in counters.items() if count],
        )
        self._connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('change', ?)", (self.change,))

    def _write_reports(self) -> None:
        reports = [
            Report(kind, detail, count, session, producer, self._now)
            for (kind, detail, session, producer), count in self._reports.items()
        ]
        if not reports:
            return
        self.committed.reports.extend(reports)
        self._connection.executemany(
            "INSERT INTO reports (time_ns, kind, session, producer, detail, count) VALUES (?, ?, ?, ?, ?, ?)",
            [(r.time_ns, r.kind, r.session, r.producer, r.detail, r.count) for r in reports],
        )
        self._connection.execute("DELETE FROM reports WHERE key <= (SELECT max(key) FROM reports) - ?", (MAX_REPORTS,))
