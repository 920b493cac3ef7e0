"""What a person calls the programs of the shown session, read outside the GUI thread."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from flowscope_app.analysis.programs import program_labels
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.store.reader import StoreReader


class ProgramLabels(QObject):
    """Labels by the producer's id; read again when a producer appears that has none."""

    changed = Signal()

    def __init__(self, state: ViewState, queries: Queries | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._queries = state, queries
        self._sought: frozenset[str] = frozenset()  # producers that were there when it was last read
        self.labels: dict[str, str] = {}
        state.session_changed.connect(self._begin)
        state.table_changed.connect(self._look)
        self._begin()

    def _begin(self) -> None:
        self.labels, self._sought = {}, frozenset()
        if self._state.session is not None:
            self._read()

    def _look(self, _applied: object) -> None:
        there = frozenset(track.producer for track in self._state.table.tracks.values())
        if not there <= self.labels.keys() | self._sought:
            self._sought = there
            self._read()

    def _read(self) -> None:
        session = self._state.session
        if session is None or self._queries is None:
            return
        key = session.key

        def read(reader: StoreReader) -> tuple[int, dict[str, str]]:
            return key, program_labels(reader.producers(key))

        self._queries.run(read, self._take, slot="program labels")

    def _take(self, answer: tuple[int, dict[str, str]]) -> None:
        key, labels = answer
        if self._state.session is not None and self._state.session.key == key and labels != self.labels:
            self.labels = labels
            self.changed.emit()
