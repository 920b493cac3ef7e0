"""What one transaction of the writer does with the messages given to it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import orjson

from flowscope.protocol import Header, ProducerInfo, Record, visible
from flowscope_app.spans.ids import id64
from flowscope_app.spans.kinds import Status
from flowscope_app.store import catalogue as cat
from flowscope_app.store import packing, tally
from flowscope_app.store.catalogue import Catalogue, ProducerState, SessionState
from flowscope_app.store.compression import pack
from flowscope_app.store.rows import Committed, Incoming, Report
from flowscope_app.store.sequence import Taken

KNOWN_PER_QUERY = 500
MAX_DETAILS = 100
"""Different reports of one transaction that are kept with their text; further ones are summed."""
MAX_REPORTS = 10_000
"""Reports kept in the database; the totals in `meta` count on."""

MAX_LEAP = 2**40
"""How far a batch may leave numbers out: what a program at 100,000 records a second uses up in four months."""

_NO_END = -1
_FINISHED = (int(Status.SUCCESS), int(Status.ERROR))
_PRODUCER, _PID = "flowscope.producer", "flowscope.pid"

_INSERT_SPAN = (
    "INSERT INTO spans (key, session, change, op, track, status, start_ns, end_ns, span_id, parent_id, packed)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE_SPAN = (
    "UPDATE spans SET change=?, op=?, track=?, status=?, start_ns=?, end_ns=?, parent_id=?, packed=? WHERE key=?"
)
_PUT_PAYLOAD = "INSERT OR REPLACE INTO payloads (key, input, output, metadata, error) VALUES (?, ?, ?, ?, ?)"

Staged = tuple[Record, ProducerState]


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
        self._reports: dict[tuple[str, str, str, str], int] = {}
        self._seen: set[tuple[int, int, int, int]] = set()
        self._now = time.time_ns()

    def take(self, item: Incoming) -> None:
        """Stage one message: what of it is new by its numbers, and what must be reported of it."""
        header, records, reports = item
        producer: ProducerState | None = None
        wanted: Iterable[Record | Report] = records
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
        self, seq: int, numbers: int, records: Sequence[Record | Report], wanted: list[tuple[int, int]]
    ) -> Sequence[Record | Report]:
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

    def _stage(self, records: Iterable[Record | Report], producer: ProducerState | None) -> None:
        """Keep the last word on each span; one that is pending or abandoned never takes back a finished one."""
        staged, committed = self._staged, self.committed
        for record in records:
            if isinstance(record, Report):
                self._report(record, producer)
                continue
            sender = producer
            if sender is None:
                sender, record = self._sender(record)
            rows = staged.get(record.session_id)
            if rows is None:
                rows = staged[record.session_id] = {}
            earlier = rows.get(record.id)
            if earlier is not None:
                if _unfinished(record) and not _unfinished(earlier[0]):
                    committed.stale += 1
                    continue
                committed.replaced += 1
            rows[record.id] = (record, sender)

    def _sender(self, record: Record) -> tuple[ProducerState, Record]:
        """Whose a record without a header is, and the record without the name that said so."""
        metadata = record.metadata
        named, pid = metadata.get(_PRODUCER), metadata.get(_PID)
        place = (named, pid) if named else (pid, record.language, record.framework)
        try:
            state = self._bare.get(place)
        except TypeError:  # a list or an object where a name should be
            named = pid = None
            place = (None, record.language, record.framework)
            state = self._bare.get(place)
        if state is None:
            state = self._bare[place] = self._catalogue.producer(_bare_producer(record, named, pid))
        if named and state.info.id == named:
            record = replace(record, metadata={k: v for k, v in metadata.items() if k != _PRODUCER})
        return state, record

    def write(self) -> None:
        """Write all that was staged, with sums, watermarks and reports."""
        for session_id, rows in self._staged.items():
            session = self._session(session_id)
            self._write_session(session, rows)
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

    def _write_session(self, session: SessionState, staged: dict[str, Staged]) -> None:
        known = self._known(session.key, list(staged))
        rows: list[tuple[int, ...]] = []
        inserts: list[tuple[object, ...]] = []
        updates: list[tuple[object, ...]] = []
        payloads: list[tuple[object, ...]] = []
        change, packed, row_of = self.change, packing.ROW.pack, self._row
        for span_id, (record, producer) in staged.items():
            old = known.get(span_id) if known else None
            if old is not None and old[packing.STATUS] in _FINISHED and _unfinished(record):
                self.committed.stale += 1
                continue
            change += 1
            key = change if old is None else old[0]
            row = row_of(key, session, record, producer)
            rows.append(row)
            if old is None:
                inserts.append(
                    (
                        key, session.key, change, row[5], row[9], row[13], record.start_ns, record.end_ns,
                        span_id, record.parent_id, packed(*row),
                    )
                )  # fmt: skip
            else:
                tally.remove(session, old, row)
                updates.append(
                    (
                        change, row[5], row[9], row[13], record.start_ns, record.end_ns,
                        record.parent_id, packed(*row), key,
                    )
                )  # fmt: skip
            metadata = record.metadata
            payloads.append(
                (
                    key, pack(record.input), pack(record.output),
                    pack(orjson.dumps(metadata)) if metadata else None, record.error,
                )
            )  # fmt: skip
        tally.add(session, rows)
        self.change = change
        self.committed.stored += len(inserts)
        self.committed.replaced += len(updates)
        self._connection.executemany(_INSERT_SPAN, inserts)
        self._connection.executemany(_UPDATE_SPAN, updates)
        self._connection.executemany(_PUT_PAYLOAD, payloads)

    def _row(self, key: int, session: SessionState, record: Record, producer: ProducerState) -> tuple[int, ...]:
        """What of a record goes into `packed`, in its order; names, track and facets are made where new."""
        catalogue = self._catalogue
        names, intern = catalogue.names, catalogue.name
        framework = names.get(record.framework) or intern(record.framework)
        language = names.get(record.language) or intern(record.language)
        model, tokens_in, tokens_out, kind, thread, task = packing.facts_of(record.metadata)
        track = session.tracks.get((producer.key, thread, task))
        if track is None:
            track = catalogue.track(session, producer, thread, task)
        seen = (session.key, framework, language, producer.key)
        if seen not in self._seen:
            self._seen.add(seen)
            self._note_facets(session, record, producer)
        return (
            key,
            id64(record.id),
            id64(record.parent_id) if record.parent_id else 0,
            record.start_ns,
            _NO_END if record.end_ns is None else record.end_ns,
            names.get(record.operation) or intern(record.operation),
            framework,
            language,
            intern(model) if model else 0,
            track,
            tokens_in,
            tokens_out,
            kind,
            packing.status_of(record),
        )

    def _note_facets(self, session: SessionState, record: Record, producer: ProducerState) -> None:
        self._catalogue.facet(session, cat.FRAMEWORK, record.framework)
        self._catalogue.facet(session, cat.LANGUAGE, record.language)
        self._catalogue.facet(session, cat.PROGRAM, cat.program_name(producer.info))

    def _known(self, session: int, ids: list[str]) -> dict[str, tuple[int, ...]]:
        """The rows, unpacked, of those spans that are stored already."""
        known: dict[str, tuple[int, ...]] = {}
        for start in range(0, len(ids), KNOWN_PER_QUERY):
            chunk = ids[start : start + KNOWN_PER_QUERY]
            marks = ",".join("?" * len(chunk))
            for span_id, packed in self._connection.execute(
                f"SELECT span_id, packed FROM spans WHERE session = ? AND span_id IN ({marks})",
                (session, *chunk),
            ):
                known[span_id] = packing.ROW.unpack(packed)
        return known

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


def _unfinished(record: Record) -> bool:
    """Whether the end of the span, as its program would tell it, is not known."""
    return record.status == "pending" or packing.is_abandoned(record)


def _bare_producer(record: Record, named: object, pid: object) -> ProducerInfo:
    """Who sent a record that came without a header: whom it names, else somebody of its language and framework."""
    process = pid if isinstance(pid, int) and 0 < pid < 2**53 else 0
    if isinstance(named, str) and 0 < len(named) <= 256:
        return ProducerInfo(named, pid=process, language=record.language)
    suffix = f"#{process}" if process else ""
    return ProducerInfo(
        f"{cat.ANONYMOUS}{record.language}/{record.framework}{suffix}", pid=process, language=record.language
    )
