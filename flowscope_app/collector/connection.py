"""The connection file: how other programs of this user find the collector that runs."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowscope_app.base.paths import home

FILE_NAME = "collector.json"
MAX_BYTES = 1 << 16

logger = logging.getLogger("flowscope.collector")


def path() -> Path:
    """Where it is."""
    return home() / FILE_NAME


@dataclass(frozen=True, slots=True)
class Connection:
    """A running collector: its process, where it takes spans and commands, and the database it holds."""

    pid: int
    addr: str
    control: str
    db: str


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
    with contextlib.suppress(OSError, ValueError):
        with path().open("rb") as file:
            found = json.loads(file.read(MAX_BYTES))
        if isinstance(found, dict) and found.get("pid") == os.getpid():
            path().unlink()
