"""A session's staged spans into its tables: those that are new by the thousand, those that are known one by one."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Any

from flowscope.protocol import MAX_ID
from flowscope_app.spans.ids import ids64
from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.store import catalogue as cat
from flowscope_app.store import packing, tally
from flowscope_app.store.catalogue import Catalogue, ProducerState, SessionState
from flowscope_app.store.compression import COMPRESS_FROM, MAGIC, pack
from flowscope_app.store.entries import UNFINISHED, Entry, facts_of
from flowscope_app.store.rows import Committed

KNOWN_PER_QUERY = 500
ROWS_A_STATEMENT = 200
"""Rows inserted by one statement where there are many: a third less work than one statement each."""
MAX_TOLD = 100_000
"""Calls of one session, told of by the programs that they called, that are known by heart."""
MAX_OPEN = 100_000
"""Open spans of one session that are known by heart."""

MODELS = frozenset(map(int, (Kind.LLM, Kind.EMBEDDING)))
_NO_END = -1
_MAGIC = MAGIC[:1]
_NOBODY = "0" * 16
_PENDING = int(Status.PENDING)
# A span whose id is stored already is left out, and found by the number of rows that went in.
INSERT_SPAN = (
    "INSERT INTO spans (key, session, change, op, track, status, start_ns, end_ns, span_id, parent_id, packed)"
    " VALUES {rows} ON CONFLICT (session, span_id) DO NOTHING"
)
UPDATE_SPAN = (
    "UPDATE spans SET change=?, op=?, track=?, status=?, start_ns=?, end_ns=?, parent_id=?, packed=? WHERE key=?"
)
PUT_PAYLOAD = "INSERT OR REPLACE INTO payloads (key, input, output, metadata, error) VALUES (?, ?, ?, ?, ?)"
INSERT_PAYLOAD = "INSERT INTO payloads (key, input, output, metadata, error) VALUES {rows}"
KNOWN = "SELECT span_id, packed FROM spans WHERE session = ? AND span_id IN ({marks})"
UPDATE_PACKED = "UPDATE spans SET change=?, packed=? WHERE key=?"
STORED = "SELECT key FROM spans WHERE key BETWEEN ? AND ?"
OPEN = "SELECT span_id FROM spans WHERE status = 0 AND session = ? LIMIT ?"

Staged = tuple[Entry, ProducerState]
Row = tuple[Any, ...]


class Putting:
    """Writes the spans of one session in one transaction. `change` is the last change number in use."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        catalogue: Catalogue,
        session: SessionState,
        change: int,
        committed: Committed,
    ) -> None:
        self.change = change
        self._connection = connection
        self._catalogue = catalogue
        self._session = session
        self._committed = committed
        self._places: dict[tuple[object, ...], tuple[int, int, int, int]] = {}

    def put(self, staged: Mapping[str, Staged]) -> None:
        """Write spans by id, new ones and new states of known ones."""
        callers = {entry.said.caller for entry, _ in staged.values() if entry.said.caller.__class__ is str}
        if callers:
            self._told(callers, staged)
        known = self._known(self._suspects(staged))
        new = [item for span_id, item in staged.items() if span_id not in known] if known else list(staged.values())
        clashing = self._insert(new)
        if clashing:
            self._session.ids_repeat, self._session.open_ids = True, None
            known |= self._known(clashing)
        if known:
            self._update(known, staged)

    def _suspects(self, staged: Mapping[str, Staged]) -> Collection[str]:
        """Ids that may be stored already: as a rule only an open span comes again, when it ends."""
        session = self._session
        if session.ids_repeat:
            return staged.keys()
        if session.open_ids is None:
            found = self._connection.execute(OPEN, (session.key, MAX_OPEN + 1)).fetchall()
            session.open_ids = {span_id for (span_id,) in found}
        if len(session.open_ids) > MAX_OPEN:
            session.ids_repeat, session.open_ids = True, None
            return staged.keys()
        return session.open_ids.intersection(staged) if session.open_ids else ()

    def _known(self, ids: Collection[str]) -> dict[str, Row]:
        """The rows, unpacked, of those spans that are stored already."""
        known: dict[str, Row] = {}
        wanted = list(ids)
        for start in range(0, len(wanted), KNOWN_PER_QUERY):
            chunk = wanted[start : start + KNOWN_PER_QUERY]
            sql = KNOWN.format(marks=",".join("?" * len(chunk)))
            for span_id, packed in self._connection.execute(sql, (self._session.key, *chunk)):
                known[span_id] = packing.ROW.unpack(packed)
        return known

    def _insert(self, items: Sequence[Staged]) -> list[str]:
        """Insert spans that should be new; return the ids of those that are not, of which nothing is written."""
        if not items:
            return []
        session, first, packed = self._session, self.change + 1, packing.ROW.pack
        self.change += len(items)
        rows = self._rows(items, range(first, self.change + 1))
        key = session.key
        inserts = [
            (
                row[0], key, row[0], row[5], row[9], row[13], row[3], entry.end_ns, entry.id, entry.parent_id,
                bytearray(packed(*row)),
            )
            for row, (entry, _) in zip(rows, items, strict=True)
        ]  # fmt: skip
        inserted = _insert_all(self._connection, INSERT_SPAN, inserts)
        clashing: list[str] = []
        if inserted != len(items):
            stored = {one for (one,) in self._connection.execute(STORED, (first, self.change))}
            clashing = [item[0].id for item, row in zip(items, rows, strict=True) if row[0] not in stored]
            items = [item for item, row in zip(items, rows, strict=True) if row[0] in stored]
            rows = [row for row in rows if row[0] in stored]
        _insert_all(self._connection, INSERT_PAYLOAD, _payloads(items, rows))
        tally.add(session, rows)
        if session.open_ids is not None:
            session.open_ids.update(item[0].id for item in items if item[0].status == _PENDING)
        self._committed.stored += inserted
        return clashing

    def _update(self, known: Mapping[str, Row], staged: Mapping[str, Staged]) -> None:
        """Replace what is known, unless a finished span would become an open one again."""
        items, olds, session = [], [], self._session
        for span_id, old in known.items():
            item = staged[span_id]
            if old[packing.STATUS] not in UNFINISHED and item[0].status in UNFINISHED:
                self._committed.stale += 1
                continue
            items.append(item)
            olds.append(old)
        rows = self._rows(items, [old[0] for old in olds])
        updates = []
        for old, row, (entry, _) in zip(olds, rows, items, strict=True):
            self.change += 1
            tally.remove(session, old, row)
            updates.append(
                (
                    self.change, row[5], row[9], row[13], row[3], entry.end_ns, entry.parent_id,
                    packing.ROW.pack(*row), row[0],
                )
            )  # fmt: skip
            if session.open_ids is not None and entry.status != _PENDING:
                session.open_ids.discard(entry.id)
        self._connection.executemany(UPDATE_SPAN, updates)
        self._connection.executemany(PUT_PAYLOAD, _payloads(items, rows))
        tally.add(session, rows)
        self._committed.replaced += len(updates)

    def _told(self, callers: Collection[str], staged: Mapping[str, Staged]) -> None:
        """Tokens of these calls are told by calls of other programs, which are about to be written, and count there.

        As a rule they end before the call that they are part of does; a collector started anew just between the two
        counts both.
        """
        session, told = self._session, self._session.told
        new = {one for one in callers if one not in told and len(one) <= MAX_ID}
        if len(told) + len(new) > MAX_TOLD:
            told.clear()
        told |= new
        rows = []
        for old in self._known(new.difference(staged)).values():
            if old[packing.KIND] in MODELS and (old[packing.TOKENS_IN] or old[packing.TOKENS_OUT]):
                row = (*old[: packing.TOKENS_IN], 0, 0, *old[packing.TOKENS_OUT + 1 :])
                tally.remove(session, old, row)
                rows.append(row)
        changes = range(self.change + 1, self.change + 1 + len(rows))
        self.change += len(rows)
        tally.add(session, rows)
        self._connection.executemany(
            UPDATE_PACKED, [(change, packing.ROW.pack(*row), row[0]) for change, row in zip(changes, rows, strict=True)]
        )

    def _rows(self, items: Sequence[Staged], keys: Sequence[int]) -> list[Row]:
        """What of each span goes into `packed`, in its order."""
        ids = ids64([entry.id for entry, _ in items])
        parents = ids64([entry.parent_id or _NOBODY for entry, _ in items])
        names, intern, places = self._catalogue.names.get, self._catalogue.name, self._places
        told = self._session.told
        rows: list[Row] = []
        for (entry, producer), key, number, parent in zip(items, keys, ids, parents, strict=True):
            model, tokens_in, tokens_out, kind, thread, task = facts_of(entry.said)
            if told and kind in MODELS and entry.id in told:
                tokens_in = tokens_out = 0
            where = (producer.key, entry.framework, entry.language, model, thread, task)
            place = places.get(where)
            if place is None:
                place = places[where] = self._place(producer, entry, model, thread, task)
            framework, language, model_key, track = place
            end = entry.end_ns
            rows.append(
                (
                    key, number, parent if entry.parent_id else 0, entry.start_ns, _NO_END if end is None else end,
                    names(entry.operation) or intern(entry.operation), framework, language, model_key, track,
                    tokens_in, tokens_out, kind, entry.status,
                )
            )  # fmt: skip
        return rows

    def _place(
        self, producer: ProducerState, entry: Entry, model: str, thread: str, task: str
    ) -> tuple[int, int, int, int]:
        """Keys of framework, language, model and track; what of them is new is made, and noted of the session."""
        catalogue, session = self._catalogue, self._session
        catalogue.facet(session, cat.FRAMEWORK, entry.framework)
        catalogue.facet(session, cat.LANGUAGE, entry.language)
        catalogue.facet(session, cat.PROGRAM, cat.program_name(producer.info))
        return (
            catalogue.name(entry.framework),
            catalogue.name(entry.language),
            catalogue.name(model) if model else 0,
            catalogue.track(session, producer, thread, task),
        )


def _payloads(items: Sequence[Staged], rows: Sequence[Row]) -> list[tuple[object, ...]]:
    """Rows of `payloads`, by the keys of `rows`.

    As bytearrays: Python's sqlite3 looks for an adapter of each bytes value and finds none, which takes four times as
    long as to copy a short one.
    """
    return [
        (
            row[0],
            given and bytearray(given if len(given) < COMPRESS_FROM and given[:1] != _MAGIC else pack(given) or b""),
            result
            and bytearray(result if len(result) < COMPRESS_FROM and result[:1] != _MAGIC else pack(result) or b""),
            bytearray(pack(entry.metadata) or b"") if entry.metadata else None,
            entry.error,
        )
        for row, (entry, _) in zip(rows, items, strict=True)
        for given, result in ((entry.input, entry.output),)
    ]


def _insert_all(connection: sqlite3.Connection, sql: str, rows: Sequence[tuple[object, ...]]) -> int:
    """Insert rows by `sql`, which says {rows} where they go; return how many went in."""
    if not rows:
        return 0
    one = f"({','.join('?' * len(rows[0]))})"
    many = min(ROWS_A_STATEMENT, connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // len(rows[0]))
    at_once = sql.format(rows=",".join([one] * many))
    whole = len(rows) - len(rows) % many
    inserted = 0
    for start in range(0, whole, many):
        inserted += connection.execute(at_once, list(chain.from_iterable(rows[start : start + many]))).rowcount
    if whole < len(rows):
        inserted += connection.executemany(sql.format(rows=one), rows[whole:]).rowcount
    return inserted
