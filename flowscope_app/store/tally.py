"""A session's sums, kept right by what each record adds and what it takes away."""

from __future__ import annotations

import sqlite3
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.kinds import Status
from flowscope_app.store import packing
from flowscope_app.store.catalogue import SessionState

Row = tuple[Any, ...]  # what packing.ROW packs

_ERROR, _PENDING = int(Status.ERROR), int(Status.PENDING)


def add(session: SessionState, rows: NDArray[np.void]) -> None:
    """Count spans (of SPAN_DTYPE) that are new, or the new states of those that were taken away."""
    if not len(rows):
        return
    # As lists: on the few rows of a small commit each step in numpy would take longer than all of this.
    starts, ends, statuses = (rows[name].tolist() for name in ("start", "end", "status"))
    tokens_in, tokens_out = (rows[name].tolist() for name in ("tokens_in", "tokens_out"))
    session.spans += len(rows)
    session.errors += statuses.count(_ERROR)
    session.pending += statuses.count(_PENDING)
    if any(tokens_in) or any(tokens_out):
        counted = [kind not in packing.ROLLUPS for kind in rows["kind"].tolist()]
        session.tokens_in += sum(compress(tokens_in, counted))
        session.tokens_out += sum(compress(tokens_out, counted))
    least, greatest = min(starts), max(ends)
    if session.start_ns is None or least < session.start_ns:
        session.start_ns = least
    if greatest >= 0 and (session.end_ns is None or greatest > session.end_ns):
        session.end_ns = greatest


def remove(session: SessionState, old: Row, new: Row) -> None:
    """Take away what a span counted that is about to be replaced by `new`."""
    session.spans -= 1
    session.errors -= old[packing.STATUS] == _ERROR
    session.pending -= old[packing.STATUS] == _PENDING
    if old[packing.KIND] not in packing.ROLLUPS:
        session.tokens_in -= old[packing.TOKENS_IN]
        session.tokens_out -= old[packing.TOKENS_OUT]
    if (old[packing.START] == session.start_ns and new[packing.START] > old[packing.START]) or (
        old[packing.END] == session.end_ns and new[packing.END] < old[packing.END]
    ):
        session.shrunk = True


def save(connection: sqlite3.Connection, session: SessionState, now_ns: int) -> None:
    """Write a session's sums, in the transaction of the spans they sum."""
    if session.shrunk:
        session.start_ns, session.end_ns = connection.execute(
            "SELECT min(start_ns), max(end_ns) FROM spans WHERE session = ?", (session.key,)
        ).fetchone()
        session.shrunk = False
    connection.execute(
        "UPDATE sessions SET spans=?, errors=?, pending=?, tokens_in=?, tokens_out=?, start_ns=?, end_ns=?,"
        " last_ns=? WHERE key=?",
        (
            session.spans,
            session.errors,
            session.pending,
            session.tokens_in,
            session.tokens_out,
            session.start_ns,
            session.end_ns,
            now_ns,
            session.key,
        ),
    )
