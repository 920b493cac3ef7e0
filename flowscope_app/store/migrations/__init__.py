"""Steps from one schema version to the next: `to2.py` holds `migrate(db)`, and so on.

A step imports neither the schema nor any other code of FlowScope: it must do in five years what it does today.
"""

from __future__ import annotations

from importlib import import_module

from peewee import SqliteDatabase


def migrate(db: SqliteDatabase, found: int, wanted: int, package: str = __name__) -> None:
    """Bring a database from version `found` to `wanted`, each step in a transaction of its own."""
    for version in range(found + 1, wanted + 1):
        step = import_module(f"{package}.to{version}")
        with db.atomic("IMMEDIATE"):
            step.migrate(db)
            db.execute_sql(f"PRAGMA user_version = {version}")
