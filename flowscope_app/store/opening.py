"""Open a database for its one writer: made, checked, migrated, or refused in one line."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from peewee import DatabaseError, OperationalError, SqliteDatabase

from flowscope_app.store import migrations, schema
from flowscope_app.store.abandon import INDEX
from flowscope_app.store.errors import Damaged, ForeignDatabase, NewerSchema, NoStore, NotWritable, StoreFault
from flowscope_app.store.lock import writer_lock

# FULL syncs each commit: with a group of records a commit it costs little, and a power cut takes nothing that was
# acknowledged. A foreign lock is waited for briefly only: the collector keeps its batch and tries again.
PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",
    "cache_size": -65536,
    "temp_store": "memory",
    "journal_size_limit": 1 << 26,
}
BUSY_SECONDS = 0.25


def open_for_writing(path: Path, *, create: bool) -> SqliteDatabase:
    """The connected database at `path`, of the current schema. Raises a StoreError."""
    if not create and not path.exists():
        raise NoStore(str(path))
    db = SqliteDatabase(str(path), timeout=BUSY_SECONDS, thread_safe=False, check_same_thread=False)
    try:
        _make_private(path)
        db.connect()
        check_identity(db.connection(), path)
        if not version(db.connection()):
            db.execute_sql("PRAGMA auto_vacuum = INCREMENTAL")  # before WAL writes the file's first page
        for name, value in PRAGMAS.items():
            db.execute_sql(f"PRAGMA {name} = {value}")
        found = version(db.connection())
        if not found:
            schema.create(db)
        else:
            migrations.migrate(db, found, schema.SCHEMA_VERSION)
        db.execute_sql(INDEX)
    except (DatabaseError, sqlite3.DatabaseError) as error:
        db.close()
        raise _explained(error, path) from None
    except BaseException:
        db.close()
        raise
    return db


def bring_up_to_date(path: Path) -> None:
    """Migrate a database that somebody wants to read. Raises a StoreError: StoreLocked while its writer is older."""
    lock = writer_lock(path)
    try:
        open_for_writing(path, create=False).close()
    finally:
        lock.release()


def _make_private(path: Path) -> None:
    """Make the file, for this user alone: it will hold what programs told their models. SQLite's own follow suit."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise NotWritable(str(path), error.strerror or str(error)) from None


def check_identity(connection: sqlite3.Connection, path: Path) -> None:
    """Raise ForeignDatabase or NewerSchema unless this is a FlowScope database we know, or an empty file."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != schema.APPLICATION_ID and (application or tables):
        raise ForeignDatabase(str(path))
    found = version(connection)
    if found > schema.SCHEMA_VERSION:
        raise NewerSchema(str(path), found, schema.SCHEMA_VERSION)


def version(connection: sqlite3.Connection) -> int:
    """The schema's version; 0 in an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _explained(error: Exception, path: Path) -> Exception:
    """What an error of SQLite's while opening means to a person."""
    text = str(error)
    if "locked" in text or "busy" in text:
        return StoreFault(f"{path} is locked by another program", "close it there")
    if isinstance(error, (OperationalError, sqlite3.OperationalError)):
        return NotWritable(str(path), text)
    return Damaged(str(path), text)
