"""To version 2: sessions can be pinned and searched by an index. The index is filled later, by whoever writes."""

from __future__ import annotations

from peewee import SqliteDatabase


def migrate(db: SqliteDatabase) -> None:
    """Add columns and a table. Touches no row, so a large database takes no longer than a small one."""
    db.execute_sql("ALTER TABLE sessions ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0")
    db.execute_sql("ALTER TABLE sessions ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0")
    db.execute_sql(
        "CREATE TABLE blocks (key INTEGER NOT NULL PRIMARY KEY, session INTEGER NOT NULL, first INTEGER NOT NULL,"
        " last INTEGER NOT NULL, bits BLOB NOT NULL)"
    )
    db.execute_sql("CREATE UNIQUE INDEX blocks_session_first ON blocks (session, first)")
