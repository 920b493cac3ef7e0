"""What every view shares: session, spans, selection, time range, filter, follow."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from flowscope_app.qtmodels.marks import Marks
from flowscope_app.spans.notes import Notes
from flowscope_app.spans.rows import SessionRow
from flowscope_app.spans.table import Applied, SpanDelta, SpanTable
from flowscope_app.timeline.grouping import Grouping
from flowscope_app.timeline.scene import Arranged

Mask = NDArray[np.bool_]


class ViewState(QObject):
    """One selection, one time range, one filter; views listen to it and not to one another. GUI thread only."""

    sessions_changed = Signal()
    session_changed = Signal()  # another session: `table` is a new one
    table_changed = Signal(object)  # Applied: rows came or were replaced; None: all of them
    selection_changed = Signal()
    hover_changed = Signal()
    range_changed = Signal()
    filter_text_changed = Signal()  # what the user asked for
    filter_changed = Signal()  # what matches: `mask`
    follow_changed = Signal(bool)
    grouping_changed = Signal()
    notes_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.sessions: list[SessionRow] = []
        self.session: SessionRow | None = None
        self.table = SpanTable()
        self.arranged: Arranged | None = None  # while `table_changed` tells of a new table: how it is laid out
        self.loading = False  # a session was chosen and its spans are on the way
        self.selected: int | None = None  # the store's key of a span
        self.hovered: int | None = None
        self.range: tuple[int, int] = (0, 0)  # ns since the epoch
        self.filter_text = ""
        self.mask: Mask | None = None  # per row of `table`; None: no filter, all match
        self.follow = True
        self.grouping = Grouping.CALLER  # what a track of the timeline is
        self.marks = Marks(self)
        self.notes = Notes()  # what is known of calls besides the table's columns; follows the table

    def set_sessions(self, sessions: list[SessionRow]) -> None:
        """Take the list of sessions, newest activity first."""
        self.sessions = sessions
        if self.session is not None:
            key = self.session.key
            self.session = next((row for row in sessions if row.key == key), self.session)
        self.sessions_changed.emit()

    def choose_session(self, key: int | None) -> None:
        """Show another session; its spans arrive by `set_table` and `apply`."""
        if key == (self.session.key if self.session else None):
            return
        self.session = next((row for row in self.sessions if row.key == key), None)
        self.marks.show(self.session.id if self.session else "")
        self.table = SpanTable()
        self.loading = self.session is not None
        self.selected = self.hovered = None
        self.mask = None
        self.range = (0, 0)
        self.session_changed.emit()
        self.selection_changed.emit()

    def set_table(self, table: SpanTable, arranged: Arranged | None = None) -> None:
        """Take the spans of the session just chosen, laid out already if whoever read them did that."""
        self.table = table
        self.arranged = arranged
        self.mask = None  # the one there was is of another table's rows
        self.loading = False
        self.table_changed.emit(None)
        self.arranged = None

    def apply(self, delta: SpanDelta) -> Applied:
        """Take what came in since; tells every view."""
        applied = self.table.apply(delta)
        if self.mask is not None:  # new rows match nothing until the filter was worked out again, moments later
            self.mask = np.concatenate((self.mask, np.zeros(self.table.n - len(self.mask), np.bool_)))
        self.table_changed.emit(applied)
        return applied

    def set_notes(self, notes: Notes) -> None:
        """Take the notes of the session's calls."""
        self.notes = notes
        self.notes_changed.emit()

    def select(self, key: int | None) -> None:
        """Select a span by the store's key, or none."""
        if key != self.selected:
            self.selected = key
            self.selection_changed.emit()

    @property
    def selected_row(self) -> int:
        """The selected span's row in `table`, or -1."""
        return -1 if self.selected is None else self.table.row_of(self.selected)

    def select_row(self, row: int) -> None:
        """Select the span in a row of `table`; -1 for none."""
        self.select(int(self.table.key[row]) if 0 <= row < self.table.n else None)

    def hover(self, key: int | None) -> None:
        """Note the span under the pointer, or none."""
        if key != self.hovered:
            self.hovered = key
            self.hover_changed.emit()

    def set_range(self, start: int, end: int, *, user: bool = False) -> None:
        """Show the time from `start` to `end`, ns; a range that the user made stops following."""
        if user:
            self.set_follow(False)
        if (start, end) != self.range:
            self.range = (start, end)
            self.range_changed.emit()

    def set_filter(self, text: str) -> None:
        """Ask for what `text` says in the filter language; `mask` follows once it is worked out."""
        if text != self.filter_text:
            self.filter_text = text
            self.filter_text_changed.emit()

    def set_mask(self, mask: Mask | None) -> None:
        """Say which rows match; None for all."""
        self.mask = mask
        self.filter_changed.emit()

    def set_follow(self, follow: bool) -> None:
        """Follow the newest spans, or stay where the user looks."""
        if follow != self.follow:
            self.follow = follow
            self.follow_changed.emit(follow)

    def set_grouping(self, grouping: Grouping) -> None:
        """Say what a track of the timeline is."""
        if grouping != self.grouping:
            self.grouping = grouping
            self.grouping_changed.emit()

    @property
    def live(self) -> bool:
        """Whether the shown session's program is likely still running."""
        return self.session is not None and self.session.live(time.time_ns())

    def now(self) -> int:
        """Where pending spans end for the eye: the wall clock while live, else the last time known, ns."""
        return max(self.table.latest, time.time_ns()) if self.live and self.has_pending else self.table.latest

    @property
    def has_pending(self) -> bool:
        """Whether some span of the session has not ended."""
        return self.table.pending > 0
