"""A real database, followed by a real feed, for views to stand on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from patience import PATIENCE_MS
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from flowscope.protocol import Record
from flowscope_app import theme
from flowscope_app.qtmodels.feed import Feed
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.shell.app import Desktop, open_desktop
from flowscope_app.spans.ids import id64
from flowscope_app.store import Incoming, StoreWriter

SECOND = 1_000_000_000
BEGIN = 1_800_000_000 * SECOND


class PatientBot(QtBot):
    """Waits for anything as long as all tests do, unless it is told otherwise."""

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = PATIENCE_MS) -> None:
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal: Any, *, timeout: int = PATIENCE_MS, **more: Any) -> Any:
        return super().waitSignal(signal, timeout=timeout, **more)

    def waitExposed(self, widget: QWidget, *, timeout: int = PATIENCE_MS) -> Any:
        return super().waitExposed(widget, timeout=timeout)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:
    """pytest-qt's, with patience."""
    return PatientBot(request)


def record(
    name: str,
    kind: str = "llm",
    given: Any = None,
    result: Any = None,
    *,
    start: float = 0,
    end: float | None = 1,
    error: str | None = None,
    parent: str | None = None,
    session: str = "s",
    operation: str | None = None,
    **metadata: Any,
) -> Record:
    """A span named `name`; times in seconds after BEGIN; `a__b` in metadata names stands for `a.b`."""
    said = {key.replace("__", "."): value for key, value in metadata.items()}
    return Record(
        id=name,
        session_id=session,
        parent_id=parent,
        operation=name if operation is None else operation,
        framework="langchain",
        language="python",
        start_ns=BEGIN + int(start * SECOND),
        end_ns=None if end is None else BEGIN + int(end * SECOND),
        input=None if given is None else orjson.dumps(given),
        output=None if result is None else orjson.dumps(result),
        metadata={"flowscope.kind": kind, **said},
        status="pending" if end is None else "error" if error else "success",
        error=error,
    )


class Stage:
    """A database being written to, and the state that views share."""

    def __init__(self, path: Path, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        self.writer = StoreWriter.open(str(path))
        self.state = ViewState()
        self.queries = Queries(str(path))
        self.feed = Feed(str(path), self.state)

    def write(self, *records: Record) -> None:
        """Commit spans of the session shown and wait until the state has them."""
        version = self.state.table.version
        self.writer.write([Incoming(None, list(records))])
        self.qtbot.waitUntil(lambda: self.state.table.version > version)

    def open(self, *records: Record, session: str = "s") -> None:
        """Write spans and show their session."""
        self.writer.write([Incoming(None, list(records))])
        self.qtbot.waitUntil(lambda: any(row.id == session for row in self.state.sessions))
        self.state.choose_session(next(row.key for row in self.state.sessions if row.id == session))
        self.qtbot.waitUntil(lambda: self.state.table.n > 0)

    def key(self, name: str) -> int:
        """The store's key of a span."""
        table = self.state.table
        return int(table.key[(table.id64 == id64(name)).nonzero()[0][0]])

    def show(self, widget: QWidget, width: int = 400, height: int = 780) -> None:
        """Show a view and wait until it stands."""
        self.qtbot.addWidget(widget)
        widget.resize(width, height)
        widget.show()
        self.qtbot.waitExposed(widget)

    def close(self) -> None:
        self.feed.close()
        self.queries.close()
        self.writer.close()


@pytest.fixture(scope="session")
def dressed(qapp: QApplication) -> None:
    """The application as it is after its start."""
    theme.apply(qapp, "dark")


@pytest.fixture(autouse=True)
def _dark(dressed: None) -> None:
    """Whatever the test before has put on."""
    if theme.mode() != "dark":
        theme.set_mode("dark")


@pytest.fixture
def stage(tmp_path: Path, qtbot: QtBot) -> Iterator[Stage]:
    """An empty database with a state that follows it."""
    made = Stage(tmp_path / "stage.db", qtbot)
    yield made
    made.close()


@pytest.fixture
def state(qapp: QApplication) -> ViewState:
    """What views share, of no database."""
    return ViewState()


@pytest.fixture
def open_window(qtbot: QtBot, home: Path, free_addr: str) -> Iterator[Callable[..., Desktop]]:
    """Opens windows with collectors of their own, and closes them after the test."""
    opened: list[Desktop] = []

    def start(*files: Path) -> Desktop:
        desktop = open_desktop(str(home / "flowscope.db"), free_addr, list(files))
        opened.append(desktop)
        qtbot.waitUntil(lambda: desktop.link.listening)
        return desktop

    yield start
    for desktop in opened:
        desktop.close()
        desktop.window.deleteLater()  # else each theme dresses the windows of all tests before
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(name="record")
def _record() -> Any:
    """`record(name, kind, input, output, ...)` makes a span."""
    return record
