"""Marks that the user sets in time, kept for each session in a file of the window's own."""

from __future__ import annotations

import contextlib
import json
import logging
from pathlib import Path

from PySide6.QtCore import QObject, Signal

log = logging.getLogger("flowscope.window")

_MOST = 500  # marks a session
_MOST_SESSIONS = 1_000  # the latest marked
_MAX_BYTES = 1 << 22
_LARGEST = 1 << 62


class Marks(QObject):
    """The marks of the session shown; `keep_in` says where they are kept, without which they last as long as this."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path: Path | None = None
        self._all: dict[str, list[int]] = {}
        self._session = ""

    @property
    def times(self) -> tuple[int, ...]:
        """When they are, ns, in order."""
        return tuple(self._all.get(self._session, ()))

    def keep_in(self, path: Path) -> None:
        """Read the file and write every change to it. What can't be read counts as empty."""
        self._path = path
        with contextlib.suppress(OSError, ValueError, RecursionError):
            if path.stat().st_size <= _MAX_BYTES:
                self._all = _sound(json.loads(path.read_bytes()))
        self.changed.emit()

    def show(self, session: str) -> None:
        """Go to a session, by its id."""
        if session != self._session:
            self._session = session
            self.changed.emit()

    def toggle(self, time: int) -> None:
        """Set a mark, or take away the one that is there."""
        own = set(self._all.pop(self._session, [])) ^ {time}
        self._put(sorted(own)[:_MOST])

    def clear(self) -> None:
        """Take away all marks of the session."""
        self._all.pop(self._session, None)
        self._put([])

    def beside(self, time: int, by: int, *, tolerance: int = 1) -> int | None:
        """The next mark after a time (`by` 1), or the one before (-1), further than `tolerance` ns from it."""
        if by > 0:
            return next((mark for mark in self.times if mark > time + tolerance), None)
        return next((mark for mark in reversed(self.times) if mark < time - tolerance), None)

    def _put(self, own: list[int]) -> None:
        if own:
            self._all[self._session] = own
        while len(self._all) > _MOST_SESSIONS:
            del self._all[next(iter(self._all))]
        if self._path is not None:
            fresh = self._path.with_name(self._path.name + ".new")
            try:
                fresh.write_text(json.dumps(self._all))
                fresh.replace(self._path)
            except OSError as error:
                log.warning("the marks can't be kept in %s: %s", self._path, error)
        self.changed.emit()


def _sound(found: object) -> dict[str, list[int]]:
    if not isinstance(found, dict):
        return {}
    kept = {}
    for session, times in found.items():
        if isinstance(times, list):
            own = {time for time in times if type(time) is int and abs(time) < _LARGEST}
            kept[str(session)] = sorted(own)[:_MOST]
    return kept
