"""A session's sums, kept right by what each record adds and what it takes away."""

from __future__ import annotations

import sqlite3
from typing import Any

from flowscope_app.spans.kinds import Status
from flowscope_app.store import packing
from flowscope_app.store.catalogue import SessionState

Row = tuple[Any, ...]  # what packing.ROW packs


def add(session: SessionState, row: Row) -> None:
    """Count a span that is new, or the new state of one that was taken away."""
    _count(session, row, 1)
    start, end = row[3], row[packing.END]
    if session.start_ns is None or start < session.start_ns:
        session.start_ns = start
    if end >= 0 and (session.end_ns is None or end > session.end_ns):
        session.end_ns = end


def remove(session: SessionState, old: Row, new: Row) -> None:
    """Take away what a span counted that is about to be replaced."""
    _count(session, old, -1)
    if (old[3] == session.start_ns and new[3] > old[3]) or (
        old[packing.END] == session.end_ns and new[packing.END] < old[packing.END]
    ):
        session.shrunk = True


def _count(session: SessionState, row: Row, sign: int) -> None:
    session.spans += sign
    status = row[packing.STATUS]
    if status == Status.ERROR:
        session.errors += sign
    elif status == Status.PENDING:
        session.pending += sign
    if row[packing.KIND] not in packing.ROLLUPS:
        session.tokens_in += sign * row[packing.TOKENS_IN]
        session.tokens_out += sign * row[packing.TOKENS_OUT]


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
