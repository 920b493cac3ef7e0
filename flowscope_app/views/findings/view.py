"""The findings' tab: looks through the session, and goes to the spans that show what it found."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QStackedLayout, QWidget

from flowscope_app import theme
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.qtmodels.background import Background
from flowscope_app.qtmodels.findings_model import FindingsModel, Found, independent, look
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.views.common.empty_state import EmptyState
from flowscope_app.views.common.plain import describe
from flowscope_app.views.findings.delegate import FindingDelegate

if TYPE_CHECKING:
    from flowscope_app.qtmodels.queries import Queries

_UNSEEN_SPANS = 50_000
"""A session of no more is looked through even while the tab is hidden, so that the tab says how much there is."""
_MARGIN = 0.08  # of a span's length, left and right of it when it is gone to


class _List(QListView):
    """A list whose rows are stepped through: by click, Enter and, backwards, Shift+Enter."""

    stepped = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self.clicked.connect(lambda index: self.stepped.emit(index.row(), 1))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.stepped.emit(self.currentIndex().row(), -1 if back else 1)
        else:
            super().keyPressEvent(event)


class FindingsView(QWidget):
    """What is slow, wrong or dear in the session. A click goes to the first span that shows it, another to the next."""

    counted = Signal(int)  # how many findings there are

    def __init__(self, state: ViewState, queries: Queries, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._queries = state, queries
        self._stale = True
        self._looked = False  # through the session shown
        self._work: Background[list[Found]] = Background(self)
        self._work.done.connect(self._check)
        self.model = FindingsModel(self)
        self.list = _List()
        self.list.stepped.connect(self._go)
        self._empty = EmptyState()
        self._build()
        state.session_changed.connect(self._reset)
        for signal in (state.table_changed, state.notes_changed):
            signal.connect(self._changed)
        theme.signals().changed.connect(self.list.viewport().update)
        self._reset()

    def _build(self) -> None:
        view = self.list
        view.setModel(self.model)
        view.setItemDelegate(FindingDelegate(view))
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setUniformItemSizes(True)
        view.setMouseTracking(True)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        describe(view, "Findings", "What to look at first. A click or Enter goes to the next span that shows it")
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(view)
        self.setFocusProxy(view)
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    @property
    def idle(self) -> bool:
        """Whether nothing is being worked out."""
        return self._work.idle

    @property
    def says(self) -> str:
        """What is said instead of a list, "" while there is one."""
        return "" if self._pages.currentIndex() else self._empty.title()

    def _reset(self) -> None:
        """Another session."""
        self._work.forget()
        self._looked = False
        self._show([])
        self._refresh(at_once=True)

    def _changed(self, _what: object = None) -> None:
        self._refresh()

    def _refresh(self, *, at_once: bool = False) -> None:
        n = self._state.table.n
        if n and (self.isVisible() or n <= _UNSEEN_SPANS):
            self._stale = False
            self._work.ask(self._prepare, at_once=at_once)
        else:
            self._stale = True
        self._say_empty()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._refresh(at_once=True)

    def _prepare(self) -> Callable[[], list[Found]]:
        snapshot, notes = Snapshot.of(self._state.table, self._state.now()), self._state.notes
        tracks = dict(self._state.table.tracks)
        return lambda: look(snapshot, notes, tracks)

    def _check(self, found: list[Found]) -> None:
        """Leave out what only looks as if it could run together; that takes a look at what the calls said."""
        session = self._state.session

        def show(kept: list[Found]) -> None:
            if self._state.session is session:
                self._looked = True
                self._show(kept)

        if any(one.finding.unless_dependent for one in found):
            self._queries.run(
                lambda reader: [one for one in found if not one.finding.unless_dependent or independent(reader, one)],
                show,
                slot="findings",
            )
        else:
            show(found)

    def _show(self, found: list[Found]) -> None:
        current = self.list.currentIndex()
        identity = self.model.found(current.row()).identity if current.isValid() else None
        scrolled = self.list.verticalScrollBar().value()
        self.model.take(found)
        row = self.model.row_of(identity) if identity is not None else -1
        if row >= 0:
            self.list.setCurrentIndex(self.model.index(row))
        self.list.verticalScrollBar().setValue(scrolled)
        self.counted.emit(len(found))
        if found:
            self._pages.setCurrentIndex(1)
        else:
            self._say_empty()

    def _say_empty(self) -> None:
        if self.model.rowCount():
            return
        if self._state.loading:
            self._empty.say("Reading the session …")
        elif self._state.session is None:
            self._empty.say("No session chosen", "Choose one at the left to see what to look at first.")
        elif self._state.table.n and not self._looked:
            self._empty.say("Looking through the session …")
        elif self._state.table.n:
            self._empty.say(
                "Nothing stands out",
                "No swallowed errors, retries, repeated prompts, idle time, or calls that could run together.",
            )
        else:
            self._empty.say("Nothing to look through yet", "Findings appear here as the program makes calls.")
        self._pages.setCurrentIndex(0)

    def _go(self, row: int, by: int) -> None:
        """Select the finding's next span and show it among what its caller did."""
        key = self.model.step(row, by)
        state = self._state
        state.select(key)
        span = state.selected_row
        if span < 0:
            return
        table = state.table
        place = int(table.parent[span]) if table.parent[span] >= 0 else span
        begin, end = int(table.start[place]), int(table.end_or(state.now())[place])
        margin = max(int((end - begin) * _MARGIN), 1_000)
        state.set_range(begin - margin, end + margin, user=True)
