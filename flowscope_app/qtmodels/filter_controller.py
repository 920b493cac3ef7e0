"""Turns the filter's text into the mask that every view draws by, and steps through what matches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from flowscope_app.qtmodels.background import Background
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import Mask, ViewState
from flowscope_app.spans.query import Query, QueryError, parse
from flowscope_app.spans.query_match import evaluate
from flowscope_app.spans.still import StillTable

REFRESH_MS = 200  # live sessions: how often matches are worked out again at most
SEARCH_MS = 150  # after the last key: how long until inputs and outputs are searched
SEARCH_AGAIN_MS = 2_000  # live sessions: how often they are searched again
_SMALL = 50_000  # rows: so few are gone through in far less than a frame, and shown in the same one
_SLOT = "filter"


class FilterController(QObject):
    """Keeps `state.mask` true to `state.filter_text`; inputs and outputs count once the store has answered."""

    changed = Signal()  # matches, their number, the query's error or whether a search is on

    def __init__(self, state: ViewState, queries: Queries, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._queries = queries
        self._query = Query()
        self._found: dict[str, NDArray[np.int64]] = {}
        self._asked_for: tuple[int, tuple[str, ...]] | None = None
        self._work: Background[Mask] = Background(self)
        self._work.done.connect(self._take)
        self._steps: list[bool] = []  # asked for while the matches are worked out
        self.error: QueryError | None = None
        self.searching = False
        self._refresh = self._timer(REFRESH_MS, self._evaluate)
        self._search = self._timer(SEARCH_MS, self._ask)
        state.filter_text_changed.connect(self._parse)
        state.session_changed.connect(self._session_changed)
        state.table_changed.connect(self._table_changed)
        self._parse()

    def _timer(self, interval: int, call: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval)
        timer.timeout.connect(call)
        return timer

    @property
    def active(self) -> bool:
        """Whether a filter is on."""
        return bool(self._query)

    @property
    def matches(self) -> int:
        """How many spans match."""
        mask = self._state.mask
        return self._state.table.n if mask is None else int(np.count_nonzero(mask))

    @property
    def position(self) -> int:
        """Which match is selected, from 1; 0 when none is."""
        row, mask = self._state.selected_row, self._state.mask
        if row < 0 or mask is None or row >= len(mask) or not mask[row]:
            return 0
        start = self._state.table.start
        before = int(np.count_nonzero(mask & (start < start[row])))
        return before + int(np.count_nonzero(mask[:row] & (start[:row] == start[row]))) + 1

    @property
    def idle(self) -> bool:
        """Whether the mask is what the filter's text means, but for inputs and outputs that are searched still."""
        return self._work.idle

    def step(self, forward: bool) -> None:
        """Select the next or the previous match by start time, around the end; once they are known."""
        if not self._work.idle:
            self._steps.append(forward)
            return
        table, mask, row = self._state.table, self._state.mask, self._state.selected_row
        rows = np.arange(table.n) if mask is None else np.flatnonzero(mask)
        if not len(rows):
            return
        start = table.start[rows]
        if row >= 0:
            here, same = int(table.start[row]), start == table.start[row]
            on = (start > here) | (same & (rows > row)) if forward else (start < here) | (same & (rows < row))
            if on.any():
                rows, start = rows[on], start[on]
        # Of several that begin at once, that of the lowest row is first.
        at = int(np.argmin(start)) if forward else len(rows) - 1 - int(np.argmax(start[::-1]))
        self._state.select_row(int(rows[at]))

    def _parse(self) -> None:
        try:
            self._query, self.error = parse(self._state.filter_text), None
        except QueryError as error:  # what was understood last stays on while the user types
            self.error = error
            self.changed.emit()
            return
        self.searching = any(text not in self._found for text in self._query.texts)
        if self._asked_for is not None and self._asked_for[1] != self._query.texts:
            self._queries.drop(_SLOT)
            self._asked_for = None
        self._evaluate(instead=True)
        self._search.start(SEARCH_MS)

    def _session_changed(self) -> None:
        self._queries.drop(_SLOT)
        self._found.clear()
        self._steps.clear()
        self._asked_for = None
        self._evaluate(instead=True)

    def _table_changed(self, applied: object) -> None:
        if not self._query:
            self.changed.emit()
        elif applied is None:
            self._evaluate(instead=True)
            self._search.start(0)
        else:
            if not self._refresh.isActive():
                self._refresh.start()
            if self._query.texts and not self._search.isActive():
                self._asked_for = None
                self._search.start(SEARCH_AGAIN_MS)

    def _evaluate(self, *, instead: bool = False) -> None:
        """Work out what matches; `instead` of what is under way, which is of another query or table."""
        self._refresh.stop()
        if instead:
            self._work.forget()
        if not self._query:
            if self._state.mask is not None:
                self._state.set_mask(None)
            self._settle()
        elif self._state.table.n <= _SMALL:
            self._take(self._prepare()())
        else:
            self._work.ask(self._prepare, at_once=True)
            self.changed.emit()

    def _prepare(self) -> Callable[[], Mask]:
        asked, found, now = self._query, dict(self._found), self._state.now()
        table = StillTable.of(self._state.table)
        return lambda: evaluate(asked, table, now, found)

    def _take(self, mask: Mask) -> None:
        """Show what matches; rows that came meanwhile match nothing until the next time."""
        late = self._state.table.n - len(mask)
        self._state.set_mask(np.concatenate((mask, np.zeros(late, np.bool_))) if late else mask)
        self._settle()

    def _settle(self) -> None:
        steps, self._steps = self._steps, []
        for forward in steps:
            self.step(forward)
        self.changed.emit()

    def _ask(self) -> None:
        """Have the store look for the free texts in inputs, outputs, errors and metadata."""
        session, texts = self._state.session, self._query.texts
        if session is None or not texts or self._asked_for == (session.key, texts):
            self.searching = False
            self.changed.emit()
            return
        asked = self._asked_for = (session.key, texts)
        self.searching = True
        self.changed.emit()

        def done(found: dict[str, NDArray[np.int64]]) -> None:
            self.searching = False
            if asked[1] == self._query.texts and self._state.session and self._state.session.key == asked[0]:
                self._found = found
                self._evaluate()
            else:
                self.changed.emit()

        def failed(_reason: str) -> None:
            self.searching = False
            self._asked_for = None
            self.changed.emit()

        self._queries.run(
            lambda reader: {text: reader.matching(session.key, text) for text in texts},
            done,
            slot=_SLOT,
            on_failed=failed,
            long=True,
        )
