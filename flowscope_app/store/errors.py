"""Why a database can't be opened or written, each as one line a person can act on."""

# ruff: noqa: N818 - they are named for what is so, as a person is told it

from __future__ import annotations

from flowscope_app.base.errors import FlowScopeError


class StoreError(FlowScopeError):
    """The database can't be used as it is."""


class StoreLocked(StoreError):
    """Another process is the database's writer; `pid` is 0 when it can't be told."""

    def __init__(self, db: str, pid: int) -> None:
        self.pid = pid
        who = f"the collector with pid {pid}" if pid else "another collector"
        super().__init__(f"{db} is in use by {who}", "stop it first, or choose another database with --db")


class NewerSchema(StoreError):
    """The database was written by a FlowScope that came after this one."""

    def __init__(self, db: str, found: int, known: int) -> None:
        super().__init__(
            f"{db} was written by a newer FlowScope (schema {found}, this one knows up to {known})",
            "update FlowScope, or choose another database with --db",
        )


class ForeignDatabase(StoreError):
    """The database belongs to another application."""

    def __init__(self, db: str) -> None:
        super().__init__(f"{db} is not a FlowScope database", "choose another with --db")


class Damaged(StoreError):
    """The file is no database, or no longer a sound one."""

    def __init__(self, db: str, why: str) -> None:
        super().__init__(f"{db} is damaged or not a database ({why})", "move it away, or choose another with --db")


class NotWritable(StoreError):
    """The database or its folder can't be written."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path} can't be written ({why})", "choose another place with --db or FLOWSCOPE_HOME")


class NoStore(StoreError):
    """There is no database yet."""

    def __init__(self, db: str) -> None:
        super().__init__(f"there is no database at {db}", "run a program traced first: flowscope run python app.py")


class UnsupportedUrl(StoreError):
    """The database URL names something other than an SQLite file."""


class StoreFault(StoreError):
    """The database can't be written at the moment: locked, full, read-only. The same write may do later."""
