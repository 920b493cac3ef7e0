"""Tell an error that is the database's, and may pass, from one that is a record's."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from flowscope_app.store.errors import StoreFault

# Primary result codes that a record can cause: too big, constraint, mismatch, range. All else is the database's.
_RECORDS_FAULT = frozenset({18, 19, 20, 25})
_EXPLAINED = {
    5: ("is locked by another program", "it is tried again until it is free"),
    6: ("is locked by another program", "it is tried again until it is free"),
    8: ("has become read-only", "make it writable again"),
    11: ("is damaged", "stop the collector and move it away"),
    13: ("can't grow: the disk is full", "free some space"),
    26: ("is no longer a database", "stop the collector and move it away"),
}


def fault(error: sqlite3.Error, path: Path) -> StoreFault | None:
    """What to say of an error of the database's own; None if the statement or its values were at fault."""
    if not isinstance(error, sqlite3.DatabaseError):
        return None
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code & 0xFF in _RECORDS_FAULT:
        return None
    what, hint = _EXPLAINED.get(code & 0xFF, (f"can't be written: {error}", "it is tried again"))
    return StoreFault(f"{path} {what}", hint)
