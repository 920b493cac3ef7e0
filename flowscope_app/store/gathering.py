"""Gathers spans into runs of columns behind the ingest: a session opens from them without a look at its rows.

A span that was replaced is in a later run too (see `backlog`): whoever reads runs lets the later one hold.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.table import SPAN_DTYPE
from flowscope_app.store.backlog import Backlog

RUN_SPANS = 8_192
"""Spans of a run. The last ones of a session, fewer than this, are never gathered: a reader takes their rows."""

_NEXT = "SELECT change, packed FROM spans WHERE session = ? AND change > ? ORDER BY change LIMIT ?"
_INSERT = "INSERT INTO runs (session, first, last, spans, columns) VALUES (?, ?, ?, ?, ?)"
_SIZE = "SELECT coalesce(sum(spans), 0), coalesce(max(last), 0) FROM runs WHERE session = ?"
_RUNS = "SELECT spans, columns FROM runs WHERE session = ? AND last <= ? ORDER BY first"

Columns = dict[str, NDArray[Any]]


class Gatherer(Backlog):
    """Gathers runs of full length."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection, "gathered", RUN_SPANS)

    def _run(self, session: int, change: int) -> int:
        rows = self._connection.execute(_NEXT, (session, change, RUN_SPANS)).fetchall()
        spans = np.frombuffer(b"".join([packed for _, packed in rows]), SPAN_DTYPE)
        columns = b"".join([spans[name].tobytes() for name in SPAN_DTYPE.names or ()])
        first, last = rows[0][0], int(rows[-1][0])
        self._connection.execute(_INSERT, (session, first, last, len(spans), columns))
        return last


def read_runs(connection: sqlite3.Connection, session: int, room: float) -> tuple[Columns, int, int]:
    """What is gathered of a session: columns by the names of SPAN_DTYPE, how many spans, up to which change number.

    A span that was replaced is in it once for each time, the latest last. The columns are longer than the spans by
    a share of `room`. Call it in a transaction. Raises ValueError where a run is not what it should be.
    """
    total, last = connection.execute(_SIZE, (session,)).fetchone()
    kinds: dict[str, np.dtype[Any]] = {name: kind for name, (kind, *_) in (SPAN_DTYPE.fields or {}).items()}
    columns: Columns = {name: np.empty(int(total * (1 + room)), kind) for name, kind in kinds.items()}
    at = 0
    for spans, packed in connection.execute(_RUNS, (session, last)):
        if len(packed) != spans * SPAN_DTYPE.itemsize or at + spans > total:
            raise ValueError("a run of spans is damaged")
        offset = 0
        for name, kind in kinds.items():
            columns[name][at : at + spans] = np.frombuffer(packed, kind, spans, offset)
            offset += spans * kind.itemsize
        at += spans
    return columns, at, int(last)
