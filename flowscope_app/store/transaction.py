"""What one transaction of the writer does with the messages given to it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flowscope.protocol import Header, ProducerInfo, Record, visible
from flowscope_app.store import catalogue as cat
from flowscope_app.store import tally
from flowscope_app.store.catalogue import Catalogue, ProducerState, SessionState
from flowscope_app.store.entries import UNFINISHED, Entry, entry_of, without_producer
from flowscope_app.store.putting import Putting, Staged
from flowscope_app.store.rows import Committed, Incoming, Report
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
        self._staged: dict[str, dict[str, Staged]] = {}
        self._producers: dict[str, ProducerState] = {}
        self._bare: dict[tuple[object, ...], ProducerState] = {}
        self._last: tuple[Any, Any, Any] = (None, None, None)  # name, process and state of a producer without header
        self._reports: dict[tuple[str, str, str, str], int] = {}
        self._now = time.time_ns()

    def take(self, item: Incoming) -> None:
        """Stage one message: what of it is new by its numbers, and what must be reported of it."""
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
                    self.committed.repeated += len(records)
                    return
                wanted = self._unseen(header.seq, numbers, records, taken.wanted)
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
        self.committed.repeated += len(records) - sum(map(len, parts))
        return [record for part in parts for record in part]

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
        """Keep the last word on each span; one that is pending or abandoned never takes back a finished one."""
        staged, committed = self._staged, self.committed
        session_id, rows = "", {}
        for record in records:
            if isinstance(record, Entry):
                entry = record
            elif isinstance(record, Report):
                self._report(record, producer)
                continue
            else:
                entry = entry_of(record)
            sender = producer or self._sender(entry)
            if entry.session_id != session_id:
                session_id = entry.session_id
                rows = staged.setdefault(session_id, {})
            earlier = rows.get(entry.id)
            if earlier is not None:
                if entry.status in UNFINISHED and earlier[0].status not in UNFINISHED:
                    committed.stale += 1
                    continue
                committed.replaced += 1
            rows[entry.id] = (entry, sender)

    def _sender(self, entry: Entry) -> ProducerState:
        """Whose a record without a header is. The name that said so is taken out of its metadata."""
        named, pid = entry.said.producer, entry.said.pid
        state: ProducerState
        if named and (named, pid) == self._last[:2]:  # a file's records are of few producers, and stand together
            state = self._last[2]
        else:
            state, named = self._bare_sender(entry, named, pid)
            if state.info.id == named:
                self._last = (named, pid, state)
        if named and entry.metadata and state.info.id == named:
            entry.metadata = without_producer(entry.metadata, named)
        return state

    def _bare_sender(self, entry: Entry, named: Any, pid: Any) -> tuple[ProducerState, Any]:
        """The producer, and the name that was given to it: None where that can't be one."""
        place = (named, pid) if named else (pid, entry.language, entry.framework)
        try:
            state = self._bare.get(place)
        except TypeError:  # a list or an object where a name should be
            named = pid = None
            place = (None, entry.language, entry.framework)
            state = self._bare.get(place)
        if state is None:
            state = self._bare[place] = self._catalogue.producer(_bare_producer(entry, named, pid))
        return state, named

    def write(self) -> None:
        """Write all that was staged, with sums, watermarks and reports."""
        for session_id, rows in self._staged.items():
            session = self._session(session_id)
            putting = Putting(self._connection, self._catalogue, session, self.change, self.committed)
            putting.put(rows)
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


def _bare_producer(record: Entry, named: object, pid: object) -> ProducerInfo:
    """Who sent a record that came without a header: whom it names, else somebody of its language and framework."""
    process = pid if isinstance(pid, int) and 0 < pid < 2**53 else 0
    if isinstance(named, str) and 0 < len(named) <= 256:
        return ProducerInfo(named, pid=process, language=record.language)
    suffix = f"#{process}" if process else ""
    return ProducerInfo(
        f"{cat.ANONYMOUS}{record.language}/{record.framework}{suffix}", pid=process, language=record.language
    )
