"""To version 4: notes of calls (first token, prompt, cached tokens, provider), taken later by whoever writes."""

from __future__ import annotations

from peewee import SqliteDatabase


def migrate(db: SqliteDatabase) -> None:
    """Add a column and a table. Touches no row, so a large database takes no longer than a small one."""
    db.execute_sql("ALTER TABLE sessions ADD COLUMN noted INTEGER NOT NULL DEFAULT 0")
    db.execute_sql(
        "CREATE TABLE notes (key INTEGER NOT NULL PRIMARY KEY, session INTEGER NOT NULL, first INTEGER NOT NULL,"
        " last INTEGER NOT NULL, calls BLOB NOT NULL, providers TEXT NOT NULL)"
    )
    db.execute_sql("CREATE UNIQUE INDEX notes_session_first ON notes (session, first)")
