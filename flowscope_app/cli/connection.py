"""The connection file: which collector runs on this machine, if one does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from flowscope_app.base.paths import home

FILE_NAME = "collector.json"
MAX_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Connection:
    """A running collector: its process, where it takes spans and commands, and the database it holds."""

    pid: int
    addr: str
    control: str
    db: str


def path() -> Path:
    """Where the collector writes it."""
    return home() / FILE_NAME


def find() -> Connection | None:
    """The collector that the file names, if its process lives; None otherwise, whatever the file holds."""
    try:
        with path().open("rb") as file:
            found = json.loads(file.read(MAX_BYTES))
        connection = Connection(int(found["pid"]), str(found["addr"]), str(found["control"]), str(found["db"]))
    except (OSError, ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None
    return connection if _lives(connection.pid) else None


def _lives(pid: int) -> bool:
    import psutil

    try:
        return pid > 0 and psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def push_addr() -> str:
    """Where a program should push: to the collector that runs, else to the default address."""
    from flowscope.protocol import DEFAULT_ADDR

    running = find()
    return running.addr if running else DEFAULT_ADDR
