"""Turns the filter's text into the mask that every view draws by, and steps through what matches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.query import Query, QueryError, parse
from flowscope_app.spans.query_match import evaluate

REFRESH_MS = 200  # live sessions: how often matches are worked out again at most
SEARCH_MS = 150  # after the last key: how long until inputs and outputs are searched
SEARCH_AGAIN_MS = 2_000  # live sessions: how often they are searched again


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
        self._order: NDArray[np.intp] | None = None
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
        return int(np.flatnonzero(self._ordered() == row)[0]) + 1

    def step(self, forward: bool) -> None:
        """Select the next or the previous match by start time, around the end."""
        order = self._ordered()
        if not len(order):
            return
        at = self.position - 1
        if at < 0:
            at = self._place(forward)
        else:
            at = (at + (1 if forward else -1)) % len(order)
        self._state.select_row(int(order[at]))

    def _place(self, forward: bool) -> int:
        """The match next to the selected span, or the first or last one."""
        order = self._ordered()
        row = self._state.selected_row
        if row < 0:
            return 0 if forward else len(order) - 1
        at = int(np.searchsorted(self._state.table.start[order], self._state.table.start[row], side="right"))
        return (at if forward else at - 1) % len(order)

    def _ordered(self) -> NDArray[np.intp]:
        if self._order is None:
            mask, table = self._state.mask, self._state.table
            rows = np.arange(table.n) if mask is None else np.flatnonzero(mask)
            self._order = rows[np.argsort(table.start[rows], kind="stable")]
        return self._order

    def _parse(self) -> None:
        try:
            self._query, self.error = parse(self._state.filter_text), None
        except QueryError as error:  # what was understood last stays on while the user types
            self.error = error
            self.changed.emit()
            return
        self.searching = any(text not in self._found for text in self._query.texts)
        self._evaluate()
        self._search.start(SEARCH_MS)

    def _session_changed(self) -> None:
        self._found.clear()
        self._asked_for = None
        self._evaluate()

    def _table_changed(self, applied: object) -> None:
        if not self._query:
            self._order = None
            self.changed.emit()
        elif applied is None:
            self._evaluate()
            self._search.start(0)
        else:
            self._order = None
            if not self._refresh.isActive():
                self._refresh.start()
            if self._query.texts and not self._search.isActive():
                self._asked_for = None
                self._search.start(SEARCH_AGAIN_MS)

    def _evaluate(self) -> None:
        self._refresh.stop()
        self._order = None
        if self._query:
            self._state.set_mask(evaluate(self._query, self._state.table, self._state.now(), self._found))
        elif self._state.mask is not None:
            self._state.set_mask(None)
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
            slot="filter",
            on_failed=failed,
            long=True,
        )
