"""The collector that holds a database, if one runs on this machine."""

from __future__ import annotations

from pathlib import Path

from flowscope_app.collector.connection import Connection, find


def running_collector(db: str) -> Connection | None:
    """The running collector of the database at path `db`, or None."""
    found = find()
    return found if found is not None and Path(found.db) == Path(db) else None
