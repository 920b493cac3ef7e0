"""Gathers spans into runs of columns behind the ingest: a session opens from them without a look at its rows.

Runs, as the blocks of the search index, are by change number. A span that is replaced gets a new number above what is
gathered and comes again later; whoever reads runs lets the later one hold. So no run is ever changed, and runs go with
their session.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.table import SPAN_DTYPE

RUN_SPANS = 8_192
"""Spans of a run. The last ones of a session, fewer than this, are never gathered: a reader takes their rows."""

_NEXT = "SELECT change, packed FROM spans WHERE session = ? AND change > ? ORDER BY change LIMIT ?"
_READY = "SELECT count(*) FROM (SELECT 1 FROM spans WHERE session = ? AND change > ? LIMIT ?)"
_WATERMARK = "SELECT gathered FROM sessions WHERE key = ? AND id IS NOT NULL"
_INSERT = "INSERT INTO runs (session, first, last, spans, columns) VALUES (?, ?, ?, ?, ?)"
_SIZE = "SELECT coalesce(sum(spans), 0), coalesce(max(last), 0) FROM runs WHERE session = ?"
_RUNS = "SELECT spans, columns FROM runs WHERE session = ? AND last <= ? ORDER BY first"

Columns = dict[str, NDArray[Any]]


class Gatherer:
    """Which sessions have spans that are not gathered, and the next runs of them. Writes within its owner's BEGIN."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting = dict.fromkeys(key for (key,) in connection.execute("SELECT key FROM sessions"))

    @property
    def waiting(self) -> Iterable[int]:
        """Keys of the sessions to look at, in that order."""
        return self._waiting.keys()

    @property
    def busy(self) -> bool:
        """Whether there may be something to gather."""
        return bool(self._waiting)

    def note(self, sessions: Iterable[int]) -> None:
        """Spans of these sessions (keys) have come or changed."""
        self._waiting.update(dict.fromkeys(sessions))

    def work(self, seconds: float) -> int:
        """Gather runs of sessions that a reader sees, for about that long; return how many."""
        deadline = time.monotonic() + seconds
        runs = 0
        while self._waiting:
            session = next(iter(self._waiting))
            del self._waiting[session]
            if self._run(session):
                self._waiting[session] = None  # behind the others
                runs += 1
            if time.monotonic() >= deadline:
                break
        return runs

    def _run(self, session: int) -> bool:
        """Gather the next run of a session; False if it is not full yet."""
        found = self._connection.execute(_WATERMARK, (session,)).fetchone()
        if found is None:
            return False
        if self._connection.execute(_READY, (session, found[0], RUN_SPANS)).fetchone()[0] < RUN_SPANS:
            return False
        rows = self._connection.execute(_NEXT, (session, found[0], RUN_SPANS)).fetchall()
        spans = np.frombuffer(b"".join([packed for _, packed in rows]), SPAN_DTYPE)
        columns = b"".join([spans[name].tobytes() for name in SPAN_DTYPE.names or ()])
        first, last = rows[0][0], rows[-1][0]
        self._connection.execute(_INSERT, (session, first, last, len(spans), columns))
        self._connection.execute("UPDATE sessions SET gathered = ? WHERE key = ?", (last, session))
        return True


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
