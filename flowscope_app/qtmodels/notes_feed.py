"""Keeps the notes of the shown session's calls up to date, read outside the GUI thread."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.notes import Notes
from flowscope_app.store.reader import StoreReader

REST_MS = 1_000  # what notes tell is not followed call by call


class NotesFeed(QObject):
    """Reads the notes that came since the last ones, soon after the session's table has changed."""

    def __init__(self, state: ViewState, queries: Queries, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._queries = state, queries
        self._busy = False
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.timeout.connect(self._ask)
        state.session_changed.connect(self._begin)
        state.table_changed.connect(self._changed)

    def _begin(self) -> None:
        self._due.stop()
        self._busy = False
        self._state.set_notes(Notes())

    def _changed(self, applied: object) -> None:
        if applied is None:
            self._ask()
        elif not self._due.isActive() and not self._busy:
            self._due.start(REST_MS)

    def _ask(self) -> None:
        session = self._state.session
        if session is None:
            return
        self._busy = True
        self._due.stop()
        key, notes = session.key, self._state.notes

        def read(reader: StoreReader) -> tuple[int, Notes]:
            return key, notes.joined(reader.notes_since(key, notes.change))

        self._queries.run(read, self._take, slot="notes", long=True, on_failed=lambda _why: self._rest())

    def _take(self, answer: tuple[int, Notes]) -> None:
        key, notes = answer
        if self._state.session is None or self._state.session.key != key:
            return
        moved = notes.change != self._state.notes.change
        self._busy = False
        if moved:
            self._state.set_notes(notes)
        if notes.more:
            self._ask()
        elif moved and self._state.live:
            self._due.start(REST_MS)

    def _rest(self) -> None:
        """The database can't be read now: look again later."""
        self._busy = False
        self._due.start(REST_MS * 5)
