"""What one does on the timeline besides moving: going back, ranges with their sums, the critical path, marks."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, Signal

from flowscope_app.analysis.critical_path import NOTHING, CriticalPath, critical_path
from flowscope_app.analysis.range_sum import RangeSum, sum_range
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.qtmodels.background import Background
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import Mask, ViewState
from flowscope_app.timeline.history import History
from flowscope_app.views.timeline.canvas import Canvas
from flowscope_app.views.timeline.gaps import GapsFeed
from flowscope_app.views.timeline.range_card import RangeCard

_LEAST_BOX = 4  # px: a shorter drag is a slip of the hand
_NEAR = 6  # px around a mark's flag


class Tools(QObject):
    """Keeps what the canvas shows over the spans up to date with the state and the user's hand."""

    changed = Signal()  # what is shown over the spans
    dimmed = Signal()  # what is dimmed
    asked = Signal(object, object)  # a range to show, ns

    def __init__(self, state: ViewState, queries: Queries | None, canvas: Canvas, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self._canvas = state, canvas
        self.shown = canvas.item.overlays
        self.history = History()
        self.card = RangeCard(canvas)
        self.critical = False
        self.moving = False  # the range is being changed by a movement of the hand
        self._stepping = False
        self._on_path: Mask | None = None
        self._mask: tuple[object, object, Mask | None] = (None, None, None)
        self._sums: Background[RangeSum] = Background(self)
        self._sums.done.connect(self._summed)
        self._paths: Background[tuple[CriticalPath, Mask]] = Background(self)
        self._paths.done.connect(self._found_path)
        self._gaps = GapsFeed(state, queries, self)
        self._gaps.found.connect(self._show_gaps)
        canvas.box.swept.connect(self._sweep)
        canvas.axis.swept.connect(lambda a, b, done: self._sweep(a, b, False, done))
        canvas.axis.clicked.connect(self._axis_clicked)
        state.session_changed.connect(self._reset)
        state.table_changed.connect(lambda _applied: self._refresh())
        state.notes_changed.connect(self._noted)
        state.marks.changed.connect(self.marks_changed)
        state.selection_changed.connect(lambda: self._ask_path() if self.critical else None)
        state.range_changed.connect(self._note_range)

    # Going back and forward.

    def step(self, by: int) -> None:
        """Show the range that was shown before this one (-1), or after it (1)."""
        found = self.history.step(by)
        if found is not None:
            self._stepping = True
            self._state.set_range(*found, user=True)
            self._stepping = False

    def _note_range(self) -> None:
        first, last = self._state.range
        if last > first and not self._stepping:
            moving = self.moving or self._state.follow
            self.history.note((first, last), time.monotonic_ns(), moving=moving)

    # Ranges.

    def choose_range(self, first: int, last: int) -> None:
        """Select a range, ns, and sum what it holds."""
        self.shown.chosen = (first, max(last, first + 1))
        self._ask_sum(at_once=True)
        self.changed.emit()

    def range_of_selection(self) -> None:
        """Select the time of the selected span."""
        row, table = self._state.selected_row, self._state.table
        if row >= 0:
            self.choose_range(int(table.start[row]), int(table.end_or(self._state.now())[row]))

    def clear_range(self) -> bool:
        """Let go of the range; False if there is none."""
        if self.shown.chosen is None:
            return False
        self.shown.chosen = None
        self._sums.forget()
        self.card.hide()
        self.changed.emit()
        return True

    def _sweep(self, a: float, b: float, zoom: bool, done: bool) -> None:
        scene = self._canvas.item.scene_shown
        if scene is None or not scene.table.n:
            return
        first, last = (scene.view.time(min(max(x, 0), scene.view.width)) for x in (min(a, b), max(a, b)))
        wide = abs(b - a) >= _LEAST_BOX
        if zoom:
            self.shown.zooming = None if done else (first, last)
            if done and wide:
                self.asked.emit(first, last)
        elif wide:
            self.choose_range(first, last)
        elif done:
            self.clear_range()
        self.changed.emit()

    def _ask_sum(self, *, at_once: bool = False) -> None:
        def prepare() -> Callable[[], RangeSum]:
            snapshot, notes = Snapshot.of(self._state.table, self._state.now()), self._state.notes
            first, last = self.shown.chosen or (0, 0)
            return lambda: sum_range(snapshot, first, last, notes)

        self._sums.ask(prepare, at_once=at_once)

    def _summed(self, found: RangeSum) -> None:
        if self.shown.chosen == (found.first, found.last):
            self.card.show_sum(found)

    # The critical path.

    def toggle_critical(self) -> None:
        """Show the critical path of the selected span's run, or of the session; or no longer."""
        self.critical = not self.critical
        self._on_path = self.shown.path = None
        if self.critical:
            self._ask_path()
        else:
            self._paths.forget()
        self.dimmed.emit()

    def _ask_path(self) -> None:
        self._paths.ask(self._prepare_path, at_once=True)

    def _prepare_path(self) -> Callable[[], tuple[CriticalPath, Mask]]:
        snapshot, row = Snapshot.of(self._state.table, self._state.now()), self._state.selected_row
        root = (self._state.table.ancestors(row) or [row])[-1] if row >= 0 else NOTHING

        def work() -> tuple[CriticalPath, Mask]:
            path = critical_path(snapshot.start, snapshot.end, snapshot.parent, root)
            on_path = np.zeros(snapshot.n, np.bool_)
            on_path[path.row[path.row >= 0]] = True
            return path, on_path

        return work

    def _found_path(self, found: tuple[CriticalPath, Mask]) -> None:
        if self.critical:
            self.shown.path, self._on_path = found
            self.dimmed.emit()

    def mask(self) -> Mask | None:
        """Which rows are not dimmed: what the filter keeps, and of that what is on the path while it is shown."""
        kept, path = self._state.mask, self._on_path
        if kept is None or path is None:
            return path if kept is None else kept
        if self._mask[0] is not kept or self._mask[1] is not path:  # the same array again, as others compare it
            n = min(len(kept), len(path))
            self._mask = kept, path, kept[:n] & path[:n]
        return self._mask[2]

    # Marks.

    def mark(self) -> None:
        """Set a mark where the pointer is, else at the selected span's start; take away one that is there."""
        scene, x = self._canvas.item.scene_shown, self._canvas.pointer_x
        if scene is None or not scene.table.n:
            return
        row = self._state.selected_row
        if x is not None:
            at = self._near(x)
            self._state.marks.toggle(scene.view.time(round(x)) if at is None else at)
        elif row >= 0:
            self._state.marks.toggle(int(scene.table.start[row]))

    def go_to_mark(self, by: int) -> None:
        """Show the next mark (1) or the one before (-1), in the middle."""
        first, last = self._state.range
        found = self._state.marks.beside((first + last) // 2, by, tolerance=max((last - first) // 1_000, 1))
        if found is not None:
            self._show_in_the_middle(found)

    def _axis_clicked(self, x: float) -> None:
        at = self._near(x)
        if at is not None:
            self._show_in_the_middle(at)
        else:
            self.clear_range()

    def _near(self, x: float) -> int | None:
        scene = self._canvas.item.scene_shown
        near = [mark for mark in self.shown.marks if scene is not None and abs(scene.view.x(mark) - x) <= _NEAR]
        return near[0] if near else None

    def _show_in_the_middle(self, at: int) -> None:
        half = (self._state.range[1] - self._state.range[0]) // 2
        self.asked.emit(at - half, at + half)

    # What the state says.

    def _reset(self) -> None:
        self.history = History()
        self._on_path = self.shown.path = None
        self._paths.forget()
        self.shown.gaps = ()
        self.shown.zooming = None
        self.clear_range()

    def _refresh(self) -> None:
        if self.critical:
            self._paths.ask(self._prepare_path)
        if self.shown.chosen is not None:
            self._ask_sum()

    def marks_changed(self) -> None:
        """Show the marks as they are now."""
        self.shown.marks = self._state.marks.times
        self.changed.emit()

    def _noted(self) -> None:
        self.shown.notes = self._state.notes
        self.changed.emit()

    def _show_gaps(self, gaps: object) -> None:
        self.shown.gaps = gaps  # type: ignore[assignment]
        self.changed.emit()
