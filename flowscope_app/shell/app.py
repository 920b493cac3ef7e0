"""Starts the desktop app: one application, one window, one link to the collector."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QSocketNotifier, QTimer
from PySide6.QtWidgets import QApplication

from flowscope_app import __version__, theme
from flowscope_app.base.errors import FlowScopeError
from flowscope_app.settings import Settings
from flowscope_app.shell import qt_log
from flowscope_app.shell.link import CollectorLink
from flowscope_app.shell.turns import keep_turns_short
from flowscope_app.shell.window import MainWindow
from flowscope_app.store import NoStore, StoreReader
from flowscope_app.store.location import database_path
from flowscope_app.store.lock import Held, PidLock

log = logging.getLogger("flowscope.window")


@dataclass
class Desktop:
    """What lives as long as the window."""

    app: QApplication
    window: MainWindow
    link: CollectorLink
    lock: PidLock

    def close(self) -> None:
        """Close the window and let go of the database."""
        self.window.close()
        self.lock.release()


def open_desktop(db: str, addr: str, files: list[Path]) -> Desktop:
    """Open the window on a database; FlowScopeError if another window has it, or it cannot be used."""
    path = database_path(db)
    _make_folder(path.parent)
    _check(path)
    lock = _window_lock(path)
    keep_turns_short()
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(sys.argv[:1])
    app.setApplicationName("FlowScope")
    app.setApplicationVersion(__version__)
    settings = Settings.load()
    chosen = settings.text("appearance.theme")
    theme.apply(app, "dark" if chosen == "dark" else "light" if chosen == "light" else "system")
    link = CollectorLink(str(path), addr)
    window = MainWindow(str(path), link, settings)
    window.imports.add(files)
    link.open()
    window.show()
    return Desktop(app, window, link, lock)


def main(db: str, addr: str, files: list[Path]) -> int:
    """Run the app until its window is closed; returns the exit status."""
    qt_log.route()
    with _SignalsEnd() as signals:
        desktop = open_desktop(db, addr, files)
        status = signals.run(desktop)
    desktop.close()
    return status


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FlowScopeError(
            f"the folder {folder} cannot be made ({error.strerror})", "choose another with --db or FLOWSCOPE_HOME"
        ) from None


def _check(path: Path) -> None:
    """A database that can't be used (newer, damaged, another application's) is said before a window opens on it."""
    with contextlib.suppress(NoStore):
        StoreReader(str(path)).close()


def _window_lock(path: Path) -> PidLock:
    try:
        return PidLock(path.with_name(path.name + ".window.lock"))
    except Held as error:
        who = f" (pid {error.pid})" if error.pid else ""
        raise FlowScopeError(
            f"{path} is open in another FlowScope window{who}", "use that one, or choose another database with --db"
        ) from None
    except OSError as error:
        raise FlowScopeError(
            f"the folder {path.parent} cannot be written ({error.strerror})",
            "choose another with --db or FLOWSCOPE_HOME",
        ) from None


class _SignalsEnd:
    """Ends the app cleanly on SIGINT and SIGTERM, also on one that comes while it starts."""

    def __init__(self) -> None:
        self._desktop: Desktop | None = None
        self._asked = False
        self._timer: QTimer | None = None
        self._notifier: QSocketNotifier | None = None

    def __enter__(self) -> _SignalsEnd:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        return self

    def _end(self, *_: object) -> None:
        self._asked = True
        if self._desktop is not None:
            self._desktop.window.close()

    def run(self, desktop: Desktop) -> int:
        """Run the app to its end; returns the exit status."""
        self._desktop = desktop
        # Python's handlers alone run only when Qt returns to Python.
        if self._asked:
            QTimer.singleShot(0, desktop.window.close)
        if os.name == "posix":
            read, write = os.pipe()
            os.set_blocking(write, False)
            os.set_blocking(read, False)
            signal.set_wakeup_fd(write)
            self._notifier = QSocketNotifier(read, QSocketNotifier.Type.Read)
            self._notifier.activated.connect(lambda: os.read(read, 64))
        else:
            self._timer = QTimer(interval=200)
            self._timer.timeout.connect(lambda: None)
            self._timer.start()
        return desktop.app.exec()

    def __exit__(self, *_: object) -> None:
        if self._notifier is not None:
            self._notifier.setEnabled(False)
            signal.set_wakeup_fd(-1)
