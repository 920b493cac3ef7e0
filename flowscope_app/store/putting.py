"""A session's prepared spans into its tables: those that are new by the thousand, those that are known one by one."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import chain, compress, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowscope.protocol import MAX_ID
from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.spans.table import SPAN_DTYPE
from flowscope_app.store import catalogue as cat
from flowscope_app.store import packing, tally
from flowscope_app.store.catalogue import Catalogue, ProducerState, SessionState
from flowscope_app.store.entries import UNFINISHED
from flowscope_app.store.preparing import Place, Prepared
from flowscope_app.store.rows import Committed

KNOWN_PER_QUERY = 500
ROWS_A_STATEMENT = (100, 25, 5, 1)
"""Rows inserted by one statement, as many as there are: a third less work than one statement each."""
MAX_TOLD = 100_000
"""Calls of one session, told of by the programs that they called, that are known by heart."""
MAX_OPEN = 100_000
"""Open spans of one session that are known by heart."""

MODELS = tuple(map(int, (Kind.LLM, Kind.EMBEDDING)))
_PENDING = int(Status.PENDING)
# Python's sqlite3 looks for an adapter of each None and bytes, which takes several times as long as to bind another
# value. So there is something else for None, bytearrays for bytes, and what can be told once is told once: ?1 is the
# session, ?2 the key of the first row, ?3 what is packed of all of them.
# A span whose id is stored already is left out, and found by the number of rows that went in.
INSERT_SPAN = (
    "INSERT INTO spans (key, session, change, op, track, status, start_ns, end_ns, span_id, parent_id, packed)"
    " VALUES {rows} ON CONFLICT (session, span_id) DO NOTHING"
)
_SPAN = "(?2+{row},?1,?2+{row},{values},substr(?3,{at},{size}))"
_SPAN_VALUES = ("?{}", "?{}", "?{}", "?{}", "nullif(?{},-1)", "?{}", "nullif(?{},'')")
UPDATE_SPAN = (
    "UPDATE spans SET change=?, op=?, track=?, status=?, start_ns=?, end_ns=nullif(?,-1), parent_id=nullif(?,''),"
    " packed=? WHERE key=?"
)
INSERT_PAYLOAD = "INSERT INTO payloads (key, input, output, metadata, error) VALUES {rows}"
_PAYLOAD = "(?1+{row},{values})"
_PAYLOAD_VALUES = ("nullif(?{},x'')", "nullif(?{},x'')", "nullif(?{},x'')", "nullif(?{},'')")
PUT_PAYLOAD = (
    "INSERT OR REPLACE INTO payloads (key, input, output, metadata, error)"
    " VALUES (?, nullif(?, x''), nullif(?, x''), nullif(?, x''), nullif(?, ''))"
)
KNOWN = "SELECT span_id, packed FROM spans WHERE session = ? AND span_id IN ({marks})"
UPDATE_PACKED = "UPDATE spans SET change=?, packed=? WHERE key=?"
STORED = "SELECT key FROM spans WHERE key BETWEEN ? AND ?"
OPEN = "SELECT span_id FROM spans WHERE status = 0 AND session = ? LIMIT ?"

Rows = NDArray[np.void]
"""Of SPAN_DTYPE."""
Row = tuple[Any, ...]
"""What packing.ROW unpacks."""


class Putting:
    """Writes spans of one session in one transaction. `change` is the last change number in use.

    `producers` tells who the numbers in a Place are.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        catalogue: Catalogue,
        session: SessionState,
        change: int,
        committed: Committed,
        producers: Mapping[int, ProducerState],
    ) -> None:
        self.change = change
        self._connection = connection
        self._catalogue = catalogue
        self._session = session
        self._committed = committed
        self._producers = producers

    def put(self, spans: Prepared) -> None:
        """Write spans, new ones and new states of known ones."""
        if spans.callers:
            self._told(spans)
        known = self._known(self._suspects(spans.ids))
        new = spans
        if known:
            new = spans.only([number for number, span_id in enumerate(spans.ids) if span_id not in known])
        clashing = self._insert(new)
        if clashing:
            self._session.ids_repeat, self._session.open_ids = True, None
            known |= self._known(clashing)
        if known:
            self._update(known, spans)

    def _suspects(self, ids: Sequence[str]) -> Collection[str]:
        """Ids that may be stored already: as a rule only an open span comes again, when it ends."""
        session = self._session
        if session.ids_repeat:
            return ids
        if session.open_ids is None:
            found = self._connection.execute(OPEN, (session.key, MAX_OPEN + 1)).fetchall()
            session.open_ids = {span_id for (span_id,) in found}
        if len(session.open_ids) > MAX_OPEN:
            session.ids_repeat, session.open_ids = True, None
            return ids
        return session.open_ids.intersection(ids) if session.open_ids else ()

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

    def _insert(self, spans: Prepared) -> list[str]:
        """Insert spans that should be new; return the ids of those that are not, of which nothing is written."""
        count = len(spans.ids)
        if not count:
            return []
        session, first = self._session, self.change + 1
        self.change += count
        rows = self._rows(spans)
        rows["key"] = np.arange(first, first + count)
        inserted = self._insert_spans(first, rows, spans)
        clashing: list[str] = []
        if inserted == count:
            self._insert_payloads(first, spans)
        else:
            stored = {one for (one,) in self._connection.execute(STORED, (first, self.change))}
            clashing = [span_id for key, span_id in enumerate(spans.ids, first) if key not in stored]
            numbers = [key - first for key in sorted(stored)]
            spans, rows = spans.only(numbers), rows[numbers]
            self._put_payloads(rows["key"].tolist(), spans)
        tally.add(session, rows)
        if session.open_ids is not None:
            statuses = rows["status"].tolist()
            session.open_ids.update(compress(spans.ids, [status == _PENDING for status in statuses]))
        self._committed.stored += inserted
        return clashing

    def _insert_spans(self, first: int, rows: Rows, spans: Prepared) -> int:
        """Insert rows of `spans`, their keys from `first` on; return how many went in."""
        width = len(_SPAN_VALUES)
        values: list[object] = [None] * (width * len(rows))
        for at, name in enumerate(("op", "track", "status", "start", "end")):
            values[at::width] = rows[name].tolist()
        values[5::width], values[6::width] = spans.ids, spans.parents
        packed, size = bytearray(rows.tobytes()), packing.ROW.size
        inserted = 0
        for start, end, sql in _statements(len(rows), INSERT_SPAN, _SPAN, _SPAN_VALUES, 4):
            of_these = packed[start * size : end * size]
            given = [self._session.key, first + start, of_these, *values[start * width : end * width]]
            inserted += self._connection.execute(sql, given).rowcount
        return inserted

    def _insert_payloads(self, first: int, spans: Prepared) -> None:
        """Insert payloads of new spans, their keys from `first` on."""
        values, width = _payloads(spans), len(_PAYLOAD_VALUES)
        for start, end, sql in _statements(len(spans.ids), INSERT_PAYLOAD, _PAYLOAD, _PAYLOAD_VALUES, 2):
            self._connection.execute(sql, [first + start, *values[start * width : end * width]])

    def _put_payloads(self, keys: Sequence[int], spans: Prepared) -> None:
        """Insert or replace payloads by key."""
        values, width = _payloads(spans), len(_PAYLOAD_VALUES)
        each = (values[start : start + width] for start in range(0, len(values), width))
        self._connection.executemany(PUT_PAYLOAD, [(key, *one) for key, one in zip(keys, each, strict=True)])

    def _update(self, known: Mapping[str, Row], spans: Prepared) -> None:
        """Replace what is known, unless a finished span would become an open one again."""
        numbers, olds, session = [], [], self._session
        statuses = np.frombuffer(spans.rows, SPAN_DTYPE)["status"].tolist()
        for number, span_id in enumerate(spans.ids):
            old = known.get(span_id)
            if old is None:
                continue
            if old[packing.STATUS] not in UNFINISHED and statuses[number] in UNFINISHED:
                self._committed.stale += 1
                continue
            numbers.append(number)
            olds.append(old)
        if not numbers:
            return
        spans = spans.only(numbers)
        rows = self._rows(spans)
        keys = [old[0] for old in olds]
        rows["key"] = keys
        updates = []
        data = rows.tobytes()
        for old, row, span_id, parent in zip(
            olds, packing.ROW.iter_unpack(data), spans.ids, spans.parents, strict=True
        ):
            self.change += 1
            tally.remove(session, old, row)
            updates.append(
                (
                    self.change, row[5], row[9], row[13], row[3], row[4], parent,
                    bytearray(packing.ROW.pack(*row)), row[0],
                )
            )  # fmt: skip
            if session.open_ids is not None and row[packing.STATUS] != _PENDING:
                session.open_ids.discard(span_id)
        self._connection.executemany(UPDATE_SPAN, updates)
        self._put_payloads(keys, spans)
        tally.add(session, rows)
        self._committed.replaced += len(updates)

    def _told(self, spans: Prepared) -> None:
        """Tokens of these calls are told by calls of other programs, which are about to be written, and count there.

        As a rule they end before the call that they are part of does; a collector started anew just between the two
        counts both.
        """
        session, told = self._session, self._session.told
        new = {one for one in spans.callers if one not in told and len(one) <= MAX_ID}
        if len(told) + len(new) > MAX_TOLD:
            told.clear()
        told |= new
        rows = []
        for old in self._known(new.difference(spans.ids)).values():
            if old[packing.KIND] in MODELS and (old[packing.TOKENS_IN] or old[packing.TOKENS_OUT]):
                row = (*old[: packing.TOKENS_IN], 0, 0, *old[packing.TOKENS_OUT + 1 :])
                tally.remove(session, old, row)
                rows.append(row)
        changes = range(self.change + 1, self.change + 1 + len(rows))
        self.change += len(rows)
        packed = [packing.ROW.pack(*row) for row in rows]
        tally.add(session, np.frombuffer(b"".join(packed), SPAN_DTYPE))
        keys = [row[0] for row in rows]
        self._connection.executemany(UPDATE_PACKED, list(zip(changes, packed, keys, strict=True)))

    def _rows(self, spans: Prepared) -> Rows:
        """Rows of spans with the keys of names and tracks, but none of their own."""
        rows = np.frombuffer(bytearray(spans.rows), SPAN_DTYPE)
        known, intern = self._catalogue.names.get, self._catalogue.name
        names = [known(text) or intern(text) for text in spans.operations]
        rows["op"] = np.array(names, np.int32)[rows["op"]]
        places = np.array([self._place(place) for place in spans.places], np.int32)[rows["track"]]
        for name, column in zip(("framework", "language", "model", "track"), places.T, strict=True):
            rows[name] = column
        told = self._session.told
        if told:
            elsewhere = [span_id in told for span_id in spans.ids] & np.isin(rows["kind"], MODELS)
            rows["tokens_in"][elsewhere] = rows["tokens_out"][elsewhere] = 0
        return rows

    def _place(self, place: Place) -> tuple[int, int, int, int]:
        """Keys of framework, language, model and track; what of them is new is made, and noted of the session."""
        whose, framework, language, model, thread, task = place
        catalogue, session, producer = self._catalogue, self._session, self._producers[whose]
        catalogue.facet(session, cat.FRAMEWORK, framework)
        catalogue.facet(session, cat.LANGUAGE, language)
        catalogue.facet(session, cat.PROGRAM, cat.program_name(producer.info))
        return (
            catalogue.name(framework),
            catalogue.name(language),
            catalogue.name(model) if model else 0,
            catalogue.track(session, producer, thread, task),
        )


def _payloads(spans: Prepared) -> list[object]:
    """Input, output, metadata and error of each, one after the other; empty where there is none."""
    data = bytearray(spans.payloads)
    found = [data[start:end] for start, end in pairwise(chain((0,), spans.ends))]
    width = len(_PAYLOAD_VALUES)
    values: list[object] = [None] * (width * len(spans.ids))
    for at in range(3):
        values[at::width] = found[at::3]
    values[3::width] = spans.errors
    return values


def _statements(count: int, sql: str, row: str, values: tuple[str, ...], first: int) -> Sequence[tuple[int, int, str]]:
    """Which of `count` rows go in by which statement: from, up to, and the SQL."""
    cuts = [0]
    for rows in ROWS_A_STATEMENT:
        cuts += range(cuts[-1] + rows, count + 1, rows)
    return [(start, end, _statement(sql, row, values, first, end - start)) for start, end in pairwise(cuts)]


@lru_cache(maxsize=16)
def _statement(sql: str, row: str, values: tuple[str, ...], first: int, rows: int) -> str:
    """`sql` for so many rows at once, the parameters of the first from number `first` on."""
    each = []
    for number in range(rows):
        start = first + number * len(values)
        given = ",".join(value.format(start + at) for at, value in enumerate(values))
        size = packing.ROW.size
        each.append(row.format(row=number, values=given, at=1 + number * size, size=size))
    return sql.format(rows=",".join(each))
