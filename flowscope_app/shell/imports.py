"""Session files on their way into the store: asked for, watched, shown when they are in."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from flowscope_app.base import format as fmt
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.shell.banner import Banner
from flowscope_app.shell.link import CollectorLink, Reply, describe_failure

_LOOK_MS = 150


class Imports(QObject):
    """Has the collector read files in, one after another; says how far it is and what went wrong."""

    def __init__(self, state: ViewState, link: CollectorLink, banner: Banner, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self._link, self._banner = state, link, banner
        self._waiting: list[Path] = []
        self._file: Path | None = None
        self._task = 0
        self._show = ""  # id of the session to show as soon as it is listed
        self._timer = QTimer(self, interval=_LOOK_MS)
        self._timer.timeout.connect(self._look)
        link.changed.connect(self._next)
        state.sessions_changed.connect(self._show_imported)

    def add(self, paths: list[Path]) -> None:
        """Read these in as soon as the collector is there."""
        self._waiting += paths
        self._next()

    def _next(self) -> None:
        if self._file is None and self._waiting and self._link.listening:
            self._file = self._waiting.pop(0)
            request = {"cmd": "import", "path": str(self._file.absolute()), "wait": False}
            self._link.command(request, self._begun)

    def _begun(self, reply: Reply | None) -> None:
        if reply is None or not reply.get("ok"):
            self._end(describe_failure(reply))
            return
        self._task = int(reply["task"])
        self._timer.start()

    def _look(self) -> None:
        self._link.command({"cmd": "progress", "task": self._task}, self._told, timeout=5.0)

    def _told(self, reply: Reply | None) -> None:
        if self._file is None or not self._timer.isActive():
            return
        if reply is None or reply.get("state") == "failed":
            self._end(str(reply.get("error")) if reply else describe_failure(None))
        elif reply.get("state") == "done":
            sessions = reply.get("sessions") or [""]
            self._show = str(sessions[0])
            self._show_imported()
            self._end("")
        elif reply.get("total"):
            share = 100 * int(reply["done"]) // int(reply["total"])
            name = fmt.one_line(self._file.name, 80)
            said = f"Opening {name}: {fmt.count(int(reply.get('records') or 0))} spans"
            self._banner.say(said, "Cancel", self.cancel, share=share)

    def cancel(self) -> None:
        """Give up the file that is being read, and those that wait; nothing of them stays."""
        self._waiting.clear()
        if self._file is not None and self._timer.isActive():
            self._link.command({"cmd": "cancel", "task": self._task}, lambda _reply: None)

    def _end(self, failure: str) -> None:
        file, self._file = self._file, None
        self._timer.stop()
        self._banner.say(f"{fmt.one_line(file.name, 80)} was not opened: {failure}" if failure and file else "")
        self._next()

    def _show_imported(self) -> None:
        key = next((row.key for row in self._state.sessions if row.id == self._show), None) if self._show else None
        if key is not None:
            self._show = ""
            self._state.choose_session(key)
