"""The connection file: how other programs of this user find the collector that runs."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from flowscope_app.base.paths import home

FILE_NAME = "collector.json"
MAX_BYTES = 1 << 16

logger = logging.getLogger("flowscope.collector")


@dataclass(frozen=True, slots=True)
class Connection:
    """A running collector: its process, where it takes spans and commands, and the database it writes.

    `addr` and `control` are as it listens there (hosts.here says how to connect), with its key if it has one; `token`
    is what its commands need.
    """

    pid: int
    addr: str = field(repr=False)
    control: str = field(repr=False)
    db: str
    token: str = field(default="", repr=False)


def path() -> Path:
    """Where the file is."""
    return home() / FILE_NAME


def write(content: dict[str, Any]) -> bool:
    """Write it whole, readable by this user alone. False, with a line in the log, where that is not possible."""
    target = path()
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(prefix=FILE_NAME, dir=target.parent)  # made with mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(content, file)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        logger.warning("%s can't be written (%s); other commands will not find this collector", target, error.strerror)
        return False
    return True


def remove() -> None:
    """Take the file away if it is this process's own."""
    with contextlib.suppress(OSError):
        found = _read()
        if found is not None and found.pid == os.getpid():
            path().unlink()


def find(db: str | None = None) -> Connection | None:
    """The collector that the file names, if its process lives and, where `db` is given, that is what it writes."""
    found = _read()
    if found is None or not _lives(found.pid):
        return None
    if db is not None:
        # The whole store comes with it, which `flowscope run` need not wait for.
        from flowscope_app.store.location import database_path

        if Path(found.db) != database_path(db):
            return None
    return found


def _read() -> Connection | None:
    try:
        with path().open("rb") as file:
            found = json.loads(file.read(MAX_BYTES))
        addr, control, db = (str(found[name]) for name in ("addr", "control", "db"))
        return Connection(int(found["pid"]), addr, control, db, str(found.get("token", "")))
    except (OSError, ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None


def _lives(pid: int) -> bool:
    try:
        return pid > 0 and psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
