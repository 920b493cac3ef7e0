"""What sessions cost, for the list of them: worked out one after the other, in the thread of long queries."""

from __future__ import annotations

import time
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal

from flowscope_app.analysis.calls import total_cost
from flowscope_app.base import format as fmt
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.notes import Notes
from flowscope_app.spans.rows import SessionRow
from flowscope_app.store.reader import StoreReader

FIRST_MS = 1_000  # the window opens first: reading prices takes half a second of the processor
NEXT_MS = 50
AGAIN_S = 3.0  # between two looks at a session that goes on
MOST_SPANS = 1_000_000  # a larger session takes too much to read for one figure


@dataclass(frozen=True)
class SessionCost:
    """US dollars of a session's calls with a known price, None where none has one; and how many have none."""

    dollars: float | None
    unpriced: int

    @property
    def short(self) -> str:
        """`$0.011`, `≥ $3.42`, `cost ?` where no price is known; "" where there was nothing to pay for."""
        if self.dollars is None:
            return "cost ?" if self.unpriced else ""
        return f"≥ {fmt.dollars(self.dollars)}" if self.unpriced else fmt.dollars(self.dollars)

    @property
    def spoken(self) -> str:
        """In words: `cost at least $3.42, 2 calls of unknown price`; "" as for `short`."""
        if not self.short:
            return ""
        without = f"{fmt.count(self.unpriced)} call{'' if self.unpriced == 1 else 's'} of unknown price"
        if self.dollars is None:
            return f"cost unknown, {without}"
        least = f"at least {fmt.dollars(self.dollars)}, {without}" if self.unpriced else fmt.dollars(self.dollars)
        return f"cost {least}"


class SessionCosts(QObject):
    """Keeps `of(session)` near the truth: a session whose tokens have moved is read again, others are not."""

    changed = Signal(int)  # session key

    def __init__(self, state: ViewState, queries: Queries, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._queries = state, queries
        self._known: dict[int, SessionCost] = {}
        self._read: dict[int, tuple[tuple[int, int], float]] = {}  # tokens that were read, and when
        self._busy = False
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.timeout.connect(self._look)
        state.sessions_changed.connect(self._moved)
        self._due.start(FIRST_MS)

    def of(self, session: int) -> SessionCost | None:
        """A session's cost by its key; None while it is not known."""
        return self._known.get(session)

    def _moved(self) -> None:
        if not self._busy and not self._due.isActive():
            self._due.start(NEXT_MS)

    def _look(self) -> None:
        """Read the first session whose cost may have changed."""
        now, later = time.monotonic(), False
        for row in self._state.sessions:
            tokens = (row.tokens_in, row.tokens_out)
            read, when = self._read.get(row.key, ((0, 0), -AGAIN_S))
            if tokens == read or row.spans > MOST_SPANS:
                continue
            if now - when >= AGAIN_S:
                self._ask(row, tokens)
                return
            later = True
        if later:
            self._due.start(int(AGAIN_S * 1_000))

    def _ask(self, row: SessionRow, tokens: tuple[int, int]) -> None:
        self._busy = True
        key = row.key

        def done(found: SessionCost) -> None:
            moved = self._known.get(key) != found
            self._known[key] = found
            self._read[key] = tokens, time.monotonic()
            settle()
            if moved:
                self.changed.emit(key)

        def failed(_why: str) -> None:
            self._read[key] = (-1, -1), time.monotonic()  # again, but later
            settle()

        def settle() -> None:
            self._busy = False
            self._due.start(NEXT_MS)

        self._queries.run(lambda reader: _cost(reader, key), done, slot="session cost", on_failed=failed, long=True)


def _cost(reader: StoreReader, session: int) -> SessionCost:
    loaded, notes = reader.load(session), Notes(more=True)
    while notes.more:
        notes = notes.joined(reader.notes_since(session, notes.change))
    return SessionCost(*total_cost(loaded, notes))
