"""A session's sums, kept right by what each record adds and what it takes away."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from flowscope_app.spans.kinds import Status
from flowscope_app.store import packing
from flowscope_app.store.catalogue import SessionState

Row = tuple[Any, ...]  # what packing.ROW packs

_ERROR, _PENDING = int(Status.ERROR), int(Status.PENDING)


def add(session: SessionState, rows: Iterable[Row]) -> None:
    """Count spans that are new, or the new states of those that were taken away."""
    spans = errors = pending = tokens_in = tokens_out = 0
    least, greatest = session.start_ns, session.end_ns
    for row in rows:
        spans += 1
        _, _, _, start, end, _, _, _, _, _, given, made, kind, status = row
        if status == _ERROR:
            errors += 1
        elif status == _PENDING:
            pending += 1
        if kind not in packing.ROLLUPS:
            tokens_in += given
            tokens_out += made
        if least is None or start < least:
            least = start
        if end >= 0 and (greatest is None or end > greatest):
            greatest = end
    session.spans += spans
    session.errors += errors
    session.pending += pending
    session.tokens_in += tokens_in
    session.tokens_out += tokens_out
    session.start_ns, session.end_ns = least, greatest


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
