"""The metrics' tab: follows session, time range and filter; a click filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from flowscope_app import theme
from flowscope_app.analysis.distribution import Spread
from flowscope_app.analysis.metrics import Grouping
from flowscope_app.base import format as fmt
from flowscope_app.qtmodels.background import Background
from flowscope_app.qtmodels.figures import Desk, Figures, Question, spread_of
from flowscope_app.qtmodels.metrics_model import KindRole, MetricsModel, unpriced_text
from flowscope_app.qtmodels.program_labels import ProgramLabels
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.views.common.empty_state import EmptyState
from flowscope_app.views.common.labels import ElidedLabel
from flowscope_app.views.metrics.corner import GROUPINGS, Corner
from flowscope_app.views.metrics.side import Side
from flowscope_app.views.metrics.table import MetricsTable

if TYPE_CHECKING:
    from flowscope_app.qtmodels.queries import Queries

_SETTLE_MS = 60  # a range that moves no further for so long is the one that is asked about

Plotted = tuple[Grouping, int | None, Spread]  # of which group, None: of all


class MetricsView(QWidget):
    """Figures per operation, model, framework or program. `corner` is for the right end of the tab bar."""

    def __init__(self, state: ViewState, queries: Queries | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._stale = True
        self._figures: Figures | None = None
        self._desk = Desk()
        self._programs = ProgramLabels(state, queries, self)
        self._programs.changed.connect(self._changed)
        self._work: Background[Figures] = Background(self)
        self._work.done.connect(self._show)
        self.corner = Corner()
        self.corner.chosen.connect(lambda: self._refresh(at_once=True, instead=True))
        self.model = MetricsModel(self)
        self.table = MetricsTable(self.model)
        self.table.chosen.connect(self._filter)
        self.table.current_changed.connect(self._ask_plots)
        self.side = Side(self.table, self.corner)
        self.plots = self.side.plots
        self._question: Question | None = None
        self._drilled = ""  # what a click on a bar has added to the filter
        self._plotting: Background[Plotted] = Background(self)
        self._plotting.done.connect(self._plot)
        self.side.shown.connect(self._ask_plots)
        self.plots.durations_chosen.connect(self._drill)
        self.plots.range_chosen.connect(lambda first, last: state.set_range(first, last, user=True))
        self._note = ElidedLabel(role="dim")
        self._note.setContentsMargins(12, 4, 12, 6)
        self._empty = EmptyState()
        self._lay_out()
        state.session_changed.connect(self._reset)
        for signal in (state.table_changed, state.notes_changed):
            signal.connect(self._changed)
        self._filter_text = ""
        state.filter_changed.connect(self._filter_changed)
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.timeout.connect(lambda: self._refresh(at_once=True, instead=True))
        state.range_changed.connect(self._range_changed)
        theme.signals().changed.connect(self.table.viewport().update)
        self._reset()

    def _lay_out(self) -> None:
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.side, 1)
        column.addWidget(self._note)
        self._pages = QStackedLayout()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(shown)
        self.table.horizontalHeader().sectionClicked.connect(self._sort)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addStretch(1)
        head.addWidget(self.corner)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(head)
        whole.addLayout(self._pages, 1)
        self.setFocusProxy(self.table)
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    @property
    def idle(self) -> bool:
        """Whether the figures are as new as what they were made from."""
        return self._work.idle and self._plotting.idle and not self._settling.isActive()

    @property
    def note(self) -> str:
        """What is said below the figures of what they are of."""
        return self._note.full_text()

    @property
    def says(self) -> str:
        """What is said instead of a table, "" while there is one."""
        return "" if self._pages.currentIndex() else self._empty.title()

    @property
    def grouping(self) -> Grouping:
        """What a row is."""
        return GROUPINGS[self.corner.choice]

    def _reset(self) -> None:
        """Another session."""
        self._work.forget()
        self._plotting.forget()
        self._settling.stop()
        self._desk = Desk()
        self._question = None
        self._figures = None
        self.model.clear()
        self._refresh(at_once=True)

    def _changed(self, _what: object = None) -> None:
        self._refresh()

    def _filter_changed(self) -> None:
        """Another filter is another question; new matches of the same one are as any news."""
        new = self._state.filter_text != self._filter_text or not self._state.live
        self._filter_text = self._state.filter_text
        self._refresh(at_once=new, instead=new)

    def _range_changed(self) -> None:
        """A range that the user moves is asked about once it stands; one that follows the program, as it goes on."""
        if self._state.follow and self._state.live:
            self._refresh()
        else:
            self._settling.start(_SETTLE_MS)

    def _refresh(self, *, at_once: bool = False, instead: bool = False) -> None:
        """Ask for new figures, or `instead` of what is under way; a hidden tab waits until it is seen."""
        if self._state.table.n == 0:
            self._say_empty()
        elif not self.isVisible():
            self._stale = True
        else:
            self._stale = False
            if self._figures is None:
                self._empty.say("Working out the figures …")
            self._settling.stop()
            self._work.ask(self._prepare, at_once=at_once, instead=instead)
            self._ask_plots(at_once=at_once)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._refresh(at_once=True)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.corner.fit(self.width())
        self.side.fit(self.width())

    def _prepare(self) -> Callable[[], Figures]:
        asked, grouping, desk = self._ask(), self.grouping, self._desk
        first = self._figures is None
        return lambda: desk.figures(asked, grouping, quick=first)

    def _ask(self) -> Question:
        self._question = Question.of(self._state, self._programs.labels, self._question)
        return self._question

    def _ask_plots(self, *, at_once: bool = True) -> None:
        """Ask for the plots anew, if somebody sees them."""
        if self.side.plots_shown and self.isVisible() and self._state.table.n:
            self._plotting.ask(self._prepare_plots, at_once=at_once, instead=at_once)

    def _current_group(self) -> int | None:
        current = self.table.currentIndex()
        return self.model.group(current.row()) if current.isValid() else None

    def _prepare_plots(self) -> Callable[[], Plotted]:
        asked, grouping = self._ask(), self.grouping
        shown = self._figures is not None and self._figures.metrics.grouping == grouping
        group = self._current_group() if shown else None
        return lambda: (grouping, group, spread_of(asked, grouping, group))

    def _plot(self, plotted: Plotted) -> None:
        grouping, group, found = plotted
        row = self.model.row_of_group(group) if group is not None and grouping == self.grouping else -1
        name = self.model.name(row) if row >= 0 else ""
        kind = self.model.index(row, 0).data(KindRole) if row >= 0 and grouping == "operation" else None
        self.plots.show_spread(found, name, kind, self._state.table.origin)

    def _drill(self, low: int, high: int) -> None:
        """Let only calls of that length through, besides what is asked for already; or, where that is so, no more."""
        group = self._current_group()
        term = self._figures.terms.get(group, "") if group is not None and self._figures is not None else ""
        lower = f"duration>={fmt.exact_duration(low)} " if low else ""
        bounds = f"{lower}duration<{fmt.exact_duration(high)}"
        asked = self._state.filter_text.strip()
        was = bool(self._drilled) and asked.endswith(self._drilled)
        kept = asked.removesuffix(self._drilled).strip() if was else asked
        again = was and self._drilled.endswith(bounds)
        if not again and term and term not in kept:
            bounds = f"{term} {bounds}"
        self._drilled = "" if again else bounds
        self._state.set_filter(f"{kept} {self._drilled}".strip())

    def _show(self, figures: Figures) -> None:
        metrics = figures.metrics
        if metrics.grouping != self.grouping:
            return
        same = self._figures is not None and self._figures.metrics.grouping == metrics.grouping
        self._figures = figures
        self.model.costed = figures.costed
        if not figures.costed:
            self._refresh(at_once=True)
        self._keeping(lambda: self.model.take(metrics, figures.names), same=same)
        self._say_note()
        if metrics.n:
            self._pages.setCurrentIndex(1)
        else:
            self._say_empty()

    def _sort(self, column: int) -> None:
        self._keeping(lambda: self.model.sort_by(column))

    def _keeping(self, change: Callable[[], None], *, same: bool = True) -> None:
        """Change the model; which group is current, and the scroll bar, stay where the groups are of the same kind."""
        current = self.table.currentIndex()
        group = self.model.group(current.row()) if current.isValid() and same else None
        scrolled = self.table.verticalScrollBar().value()
        change()
        row = self.model.row_of_group(group) if group is not None else -1
        if row >= 0 and row != self.table.currentIndex().row():
            self.table.setCurrentIndex(self.model.index(row, 0))
        self.table.verticalScrollBar().setValue(scrolled)

    def _say_note(self) -> None:
        """Say where the figures are of a part of the session only, and by whose prices costs are."""
        table, (first, last) = self._state.table, self._state.range
        said = []
        if last > first and (first > table.origin or last < table.latest):
            shown, whole = fmt.duration(last - first), fmt.duration(table.latest - table.origin)
            said.append(f"Calls in the {shown} that the timeline shows, of {whole}.")
        if self._figures is not None and self._figures.prices:
            unpriced = f", {unpriced_text(self.model.unpriced)}" if self.model.unpriced else ""
            said.append(f"Prices: {self._figures.prices}{unpriced}.")
        self._note.setVisible(bool(said))
        self._note.setText("  ".join(said))

    def _say_empty(self) -> None:
        table = self._state.table
        if self._state.loading:
            self._empty.say("Reading the session …")
        elif table.n and self.grouping == "model" and not table.model.any():
            self._empty.say("No models", "None of the session's calls says which model it used.")
        elif table.n:
            self._empty.say("Nothing to measure", "No span in the timeline's range matches the filter.")
        elif self._state.session is None:
            self._empty.say("No session chosen", "Choose one at the left to see its figures.")
        else:
            self._empty.say("Nothing to measure yet", "Figures appear here as the program makes calls.")
        self._pages.setCurrentIndex(0)

    def _filter(self, row: int) -> None:
        """Let only what is in that row through, or, where that is so already, all."""
        term = "" if self._figures is None else self._figures.terms.get(self.model.group(row), "")
        if term:
            self._state.set_filter("" if self._state.filter_text == term else term)
