"""A session's sums, kept right by what each record adds and what it takes away."""

from __future__ import annotations

import sqlite3
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.kinds import Status
from flowscope_app.store import packing
from flowscope_app.store.catalogue import SessionState

Row = tuple[Any, ...]  # what packing.ROW packs

_ERROR, _PENDING = int(Status.ERROR), int(Status.PENDING)
_COUNTED = np.array([kind not in packing.ROLLUPS for kind in range(128)], np.int64)  # 1: its tokens are in the sums


def add(session: SessionState, rows: NDArray[np.void]) -> None:
    """Count spans (of SPAN_DTYPE) that are new, or the new states of those that were taken away."""
    if not len(rows):
        return
    session.spans += len(rows)
    session.errors += int(np.count_nonzero(rows["status"] == _ERROR))
    session.pending += int(np.count_nonzero(rows["status"] == _PENDING))
    counted = _COUNTED[rows["kind"]]
    session.tokens_in += int(rows["tokens_in"] @ counted)
    session.tokens_out += int(rows["tokens_out"] @ counted)
    least, greatest = int(rows["start"].min()), int(rows["end"].max())
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
