"""Deletes what is hidden, piece by piece, and gives the space back that it took."""

from __future__ import annotations

import sqlite3
import time
from itertools import groupby

PIECE_SPANS = 100
PIECE_BLOCKS = 64
PIECE_PAGES = 128

HIDDEN = "SELECT key FROM sessions WHERE id IS NULL"
KEYS = "SELECT key FROM spans WHERE session = ? ORDER BY change LIMIT ?"
# By what goes with the spans but is not found by their keys; each row of it is as much work as many spans.
_BESIDE = tuple(
    f"DELETE FROM {table} WHERE key IN (SELECT key FROM {table} WHERE session = ? LIMIT {rows})"
    for table, rows in (("blocks", PIECE_BLOCKS), ("runs", 1), ("notes", 4))
)


def delete(connection: sqlite3.Connection, session: int, deadline: float) -> bool:
    """Delete pieces of a session, at least one, until `deadline` (monotonic); whether all of it is gone.

    Within its caller's transaction. What belongs to the spans goes first, the session's own row last.
    """
    while not (gone := _delete_piece(connection, session)):
        if time.monotonic() >= deadline:
            break
    return gone


def _delete_piece(connection: sqlite3.Connection, session: int) -> bool:
    """Delete a little of a session; whether that was the last of it."""
    for sql in _BESIDE:
        if connection.execute(sql, (session,)).rowcount:
            return False
    keys = sorted(key for (key,) in connection.execute(KEYS, (session, PIECE_SPANS)))
    ranges = _ranges(keys)
    for table in ("payloads", "spans"):
        connection.executemany(f"DELETE FROM {table} WHERE key BETWEEN ? AND ?", ranges)
    if len(keys) == PIECE_SPANS:
        return False
    for table in ("tracks", "facets"):
        connection.execute(f"DELETE FROM {table} WHERE session = ?", (session,))
    connection.execute("DELETE FROM sessions WHERE key = ?", (session,))
    return True


def _ranges(keys: list[int]) -> list[tuple[int, int]]:
    """First and last of each run of numbers without a hole; deleted as such they take half the time."""
    runs = (list(run) for _, run in groupby(enumerate(keys), lambda item: item[1] - item[0]))
    return [(run[0][1], run[-1][1]) for run in runs]


def give_back(connection: sqlite3.Connection, deadline: float) -> bool:
    """Return free pages to the file system until `deadline` (monotonic), at least some; whether there are more.

    Outside of a transaction. Raises sqlite3.OperationalError where the database is locked.
    """
    before = _free_pages(connection)
    while before:
        connection.executescript(f"PRAGMA incremental_vacuum({PIECE_PAGES})")  # `execute` would free one
        after = _free_pages(connection)
        if not 0 < after < before:
            return False
        if time.monotonic() >= deadline:
            return True
        before = after
    return False


def _free_pages(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA freelist_count").fetchone()[0])
