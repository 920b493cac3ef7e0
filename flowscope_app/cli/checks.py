"""What the doctor looks at: each check yields findings, and imports what it checks only when it runs."""

from __future__ import annotations

import contextlib
import enum
import json
import os
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from flowscope.protocol import hide_key, split_key
from flowscope_app.base import figures, paths
from flowscope_app.base.errors import FlowScopeError
from flowscope_app.base.format import count, one_line, size
from flowscope_app.cli import attach
from flowscope_app.collector import connection

VARIABLES = (
    "FLOWSCOPE_ADDR", "FLOWSCOPE_SESSION", "FLOWSCOPE_AUTO", "FLOWSCOPE_INCLUDE", "FLOWSCOPE_EXCLUDE",
    "FLOWSCOPE_CAPTURE", "FLOWSCOPE_SAMPLE", "FLOWSCOPE_MAX_VALUE", "FLOWSCOPE_REDACT", "FLOWSCOPE_BUFFER",
    "FLOWSCOPE_FLUSH_TIMEOUT", "FLOWSCOPE_HOME", "FLOWSCOPE_DB", "FLOWSCOPE_DEBUG",
)  # fmt: skip
ASK_SECONDS = 30
SHOWN_PROGRAMS = 10
DISPLAY = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


class Mark(enum.Enum):
    """Whether a finding is as it should be, is not, or is neither."""

    GOOD = enum.auto()
    BAD = enum.auto()
    PLAIN = enum.auto()


class Finding(NamedTuple):
    """One line of the report."""

    name: str
    text: str
    mark: Mark = Mark.PLAIN


def installed() -> Iterator[Finding]:
    """Versions of what FlowScope is made of, and of what is missing."""
    from flowscope_app import __version__

    yield Finding("app", __version__, Mark.GOOD)
    yield _part("SDK", lambda: _version("flowscope"))
    yield Finding("Python", f"{platform.python_version()} on {platform.platform(terse=True)}, {sys.executable}")
    yield _part("Qt", _qt)
    yield _part("ZeroMQ", _zmq)
    yield Finding("SQLite", sqlite3.sqlite_version)
    yield _display()


def _part(name: str, version: Callable[[], str]) -> Finding:
    try:
        return Finding(name, version(), Mark.GOOD)
    except metadata.PackageNotFoundError:
        return Finding(name, "not installed: pip install flowscope-app", Mark.BAD)
    except ImportError as error:
        return Finding(name, f"can't be loaded: {error}", Mark.BAD)


def _version(package: str) -> str:
    import flowscope.protocol

    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version(package)
    return f"not installed as a package, found in {Path(flowscope.protocol.__file__).parents[1]}"


def _qt() -> str:
    import PySide6.QtGui  # what needs the system's libraries
    from PySide6.QtCore import qVersion

    return f"{qVersion()} (PySide6 {PySide6.__version__}), pyqtgraph {metadata.version('pyqtgraph')}"


def _zmq() -> str:
    import zmq

    return f"{zmq.zmq_version()} (pyzmq {zmq.__version__})"


def _display() -> Finding:
    if not sys.platform.startswith("linux"):
        return Finding("display", "the desktop's own", Mark.GOOD)
    for name in DISPLAY:
        if os.environ.get(name):
            return Finding("display", f"{name}={os.environ[name]}", Mark.GOOD)
    return Finding("display", "none: no window can be opened here; QT_QPA_PLATFORM=offscreen runs it unseen")


def files(db: str) -> Iterator[Finding]:
    """Home, database, keys and settings."""
    yield _home(paths.home())
    yield _database(db)
    yield _keys()
    yield _settings()


def _keys() -> Finding:
    from flowscope_app.collector import keys

    trouble = keys.trouble()
    if trouble:
        return Finding("keys", trouble, Mark.BAD)
    if not keys.folder().exists():
        return Finding("keys", f"{keys.folder()} (made when other machines are let in)")
    return Finding("keys", f"{keys.folder()}, closed to other users", Mark.GOOD)


def _home(home: Path) -> Finding:
    if not home.exists():
        return Finding("home", f"{home} (made when it is needed)")
    if not home.is_dir():
        return Finding("home", f"{home} is not a folder; set FLOWSCOPE_HOME", Mark.BAD)
    if not os.access(home, os.W_OK | os.X_OK):
        return Finding("home", f"{home} can't be written; change its permissions or set FLOWSCOPE_HOME", Mark.BAD)
    return Finding("home", str(home), Mark.GOOD)


def _database(db: str) -> Finding:
    from flowscope_app.store import NoStore, StoreReader

    try:
        with contextlib.closing(StoreReader(db)) as reader:
            sessions, health = len(reader.sessions()), reader.health()
    except NoStore:
        return Finding("database", f"{db} (made when something is recorded)")
    except FlowScopeError as error:
        return Finding("database", str(error), Mark.BAD)
    text = f"{db}: {count(sessions)} sessions, {count(health.spans)} spans, {size(health.db_bytes)}"
    lost = [(health.refused, "refused"), (health.dropped, "dropped by programs"), (health.gaps, "missing")]
    notes = [f"{count(number)} {what}" for number, what in lost if number]
    return Finding("database", ", ".join([text, *notes]), Mark.BAD if notes else Mark.GOOD)


def _settings() -> Finding:
    from flowscope_app.settings import Settings

    settings = Settings.load(set_aside=False)
    if settings.notice:
        return Finding("settings", settings.notice, Mark.BAD)
    return Finding("settings", str(settings.path) if settings.path.exists() else "all default", Mark.GOOD)


def collector(addr: str) -> Iterator[Finding]:
    """The collector that runs, and who holds the port that one would need."""
    running = connection.find()
    if running is None:
        yield Finding("running", "none: `flowscope` or `flowscope collect` starts one")
    else:
        yield from _answers(running)
        yield Finding("database", running.db)
    yield _port(addr, running.pid if running else 0)


def _answers(running: connection.Connection) -> Iterator[Finding]:
    from flowscope_app.collector import client

    # A report is shown to others, and whoever knows the key may push.
    text = f"pid {running.pid}, listening on {hide_key(running.addr)}"
    try:
        status = client.request(running.control, {"cmd": "status"}, 10.0)
    except Exception as error:  # whatever the file made it try
        yield Finding("running", f"{text}, but it does not answer: {error}", Mark.BAD)
        return
    yield Finding("running", text, Mark.GOOD)
    if status.get("fault"):
        yield Finding("writes", one_line(str(status["fault"]), 300), Mark.BAD)
    for figure, value in figures.known(status):
        if value is not None and figure.name != "writable":
            yield Finding(figure.label.lower(), figure.text(value), Mark.BAD if figure.bad and value else Mark.PLAIN)
    programs = status.get("programs")
    for program in (programs if isinstance(programs, list) else [])[:SHOWN_PROGRAMS]:
        said = [program.get("program") or program.get("id"), f"pid {program.get('pid')}", program.get("host")]
        state = str(program.get("state") or "")
        text = " · ".join(one_line(str(part), 80) for part in [*said, state] if part)
        yield Finding("program", text, {"live": Mark.GOOD, "frozen": Mark.BAD}.get(state, Mark.PLAIN))


def _port(addr: str, expected: int) -> Finding:
    import psutil

    addr, _ = split_key(addr)
    port = addr.rpartition(":")[2] if addr.startswith("tcp://") else ""
    if not port.isdecimal():
        return Finding("address", addr)
    try:
        listening = [
            entry.pid
            for entry in psutil.net_connections("tcp")
            if entry.status == psutil.CONN_LISTEN and entry.laddr and entry.laddr.port == int(port)
        ]
    except psutil.Error:
        return Finding("address", f"{addr} (who listens there can't be told without more rights)")
    if not listening:
        return Finding("address", f"{addr} is free")
    pid = listening[0]
    if pid == expected and pid:
        return Finding("address", f"{addr} is held by that collector", Mark.GOOD)
    return Finding("address", f"{addr} is held by {_process(pid)}; choose another with --addr", Mark.BAD)


def _process(pid: int | None) -> str:
    import psutil

    if not pid:
        return "a program of another user"
    with contextlib.suppress(psutil.Error):
        return f"{one_line(psutil.Process(pid).name(), 40)} (pid {pid})"
    return f"pid {pid}"


def environment() -> Iterator[Finding]:
    """FlowScope's variables that are set; the key in an address is hidden."""
    found = [Finding(name, one_line(hide_key(os.environ[name]))) for name in VARIABLES if name in os.environ]
    yield from found or [Finding("none of FlowScope's variables is set", "")]


def instrumented() -> Iterator[Finding]:
    """What `flowscope run app.py` would trace, asked of the Python that it would run, and why not the rest."""
    python = attach.python()
    yield Finding("Python", python)
    asked = subprocess.run(
        [python, "-m", "flowscope.instrumentation"],
        env=attach.environment([python], {**os.environ, "FLOWSCOPE_SESSION": "doctor"}),
        capture_output=True,
        text=True,
        timeout=ASK_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if asked.returncode != 0:
        last = (asked.stderr.strip() or "it said nothing").splitlines()
        yield Finding("not traced", last[0] if last[0].startswith("flowscope:") else last[-1], Mark.BAD)
        return
    for row in json.loads(asked.stdout):
        found = f"{row['package']} {row['installed']}" if row["installed"] else ""
        usable = row["installed"] and row["active"] and "is older than" not in row["why"]
        text = ": ".join(filter(None, (found, row["why"] if row["why"] != "not imported yet" else "")))
        yield Finding(row["name"], text, Mark.GOOD if usable else Mark.PLAIN)
