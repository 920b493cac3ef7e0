"""The inspector panel: head, tabs and key facts of the selected span, live."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QStackedWidget, QVBoxLayout, QWidget

from flowscope_app.qtmodels.background import Background
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.kinds import Status
from flowscope_app.spans.table import Applied
from flowscope_app.views.common.empty_state import EmptyState
from flowscope_app.views.common.plain import describe
from flowscope_app.views.inspector.bubbles import bubbles
from flowscope_app.views.inspector.chat import ChatView
from flowscope_app.views.inspector.cost import Priced, pricing
from flowscope_app.views.inspector.details import Details, SpanFacts, facts_of, prepare
from flowscope_app.views.inspector.error import ErrorView
from flowscope_app.views.inspector.facts import FactsView
from flowscope_app.views.inspector.header import Header
from flowscope_app.views.inspector.tabs import MarkedTabs
from flowscope_app.views.inspector.trees import MetadataView, RawView
from flowscope_app.views.inspector.values import OutputView, PairView

TABS = ("messages", "output", "metadata", "error", "raw")
_TITLES = ("Messages", "Output", "Metadata", "Error", "Raw")
_SLOW_MS = 120  # after which a payload that is not there yet is said to be read
_TICK_MS = 200  # how often a running span's duration moves


class InspectorView(QWidget):
    """Shows the state's selected span; what it holds is read and prepared away from the GUI thread."""

    def __init__(self, state: ViewState, queries: Queries, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        describe(self, "Inspector")
        self._state = state
        self._queries = queries
        self._facts: SpanFacts | None = None
        self._details: Details | None = None
        self._wanted: str | None = None  # the tab that the user chose
        self._cost: Priced | None = None
        self._pricing: Background[Priced] = Background(self)
        self._pricing.done.connect(self._priced)
        self._filled: set[str] = set()  # tabs that show the present details
        self._build()
        self._slow = QTimer(self)
        self._slow.setSingleShot(True)
        self._slow.setInterval(_SLOW_MS)
        self._slow.timeout.connect(self._say_reading)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._show_head)
        state.selection_changed.connect(self._select)
        state.session_changed.connect(self._select)
        state.table_changed.connect(self._table_changed)
        state.notes_changed.connect(self._price)
        self._select()

    def _build(self) -> None:
        self.header = Header()
        self.tabs = MarkedTabs()
        self.tabs.setObjectName("inspectorTabs")
        self.tabs.setExpanding(False)
        self.tabs.setDrawBase(False)
        describe(self.tabs, "What to show of the span")
        for title in _TITLES:
            self.tabs.addTab(title)
        self.tabs.tabBarClicked.connect(self._tab_clicked)
        self.tabs.currentChanged.connect(self._tab_changed)
        self.chat, self.pair, self.output = ChatView(), PairView(), OutputView()
        self.metadata, self.error, self.raw = MetadataView(), ErrorView(), RawView()
        self.note = EmptyState()
        self.pages = QStackedWidget()
        for page in (self.chat, self.pair, self.output, self.metadata, self.error, self.raw, self.note):
            self.pages.addWidget(page)
        self.facts = FactsView()
        self.facts.parent_chosen.connect(self._state.select)
        self._lines = [QFrame(), QFrame()]
        for line in self._lines:
            line.setProperty("role", "line")
            line.setFixedHeight(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for widget in (self.header, self.tabs, self._lines[0]):
            layout.addWidget(widget)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self._lines[1])
        layout.addWidget(self.facts)

    def current_tab(self) -> str:
        """The name of the tab shown, one of TABS."""
        return TABS[self.tabs.currentIndex()]

    def details(self) -> Details | None:
        """What is shown, None while it is being read."""
        return self._details

    def show_tab(self, name: str) -> None:
        """Choose a tab as the user would; one that has nothing is chosen once something has."""
        self._wanted = name
        self._choose_tab()

    def _select(self) -> None:
        """Another span, or none: its head at once, its payload when it is read."""
        self._details = None
        self._cost = None
        self._filled.clear()
        self._facts = facts_of(self._state)
        known = self._facts is not None
        for widget in (self.header, self.tabs, self.facts, *self._lines):
            widget.setVisible(known)
        if not known:
            self._tick.stop()
            self._slow.stop()
            self.pages.setCurrentWidget(self.note)
            self._say_nothing()
            return
        self._show_head()
        self._slow.start()
        self._load()

    def _say_nothing(self) -> None:
        if self._state.session is None:
            self.note.say("")  # how to attach is said in the middle of the window
        elif self._state.loading:
            self.note.say("Opening the session …")
        elif self._state.selected is not None:
            self.note.say("This span is gone", "It is not in this session any more.")
        elif not self._state.table.n:
            self.note.say("No spans yet", "They show here as the program runs.")
        else:
            self.note.say("Nothing selected", "Click a span in the timeline, the tree or the flow graph.")

    def _say_reading(self) -> None:
        if self._details is None and self._facts is not None:
            self.note.say("Reading …")
            self.pages.setCurrentWidget(self.note)

    def _table_changed(self, applied: Applied | None) -> None:
        row = self._state.selected_row
        if self._facts is None or applied is None or row < 0:
            if self._state.selected is not None or self._facts is not None or applied is None:
                self._select()
            elif self.note.title() == "No spans yet":
                self._say_nothing()
            return
        facts = facts_of(self._state)
        if facts is not None and (facts != self._facts or bool((applied.changed == row).any())):
            self._facts = facts
            self._show_head()
            self._load()

    def _load(self) -> None:
        facts = self._facts
        if facts is None:
            return

        def read(reader: Any) -> Details | None:
            payload = reader.payload(facts.key)
            return None if payload is None else prepare(facts, payload)

        self._queries.run(read, self._loaded, slot="inspector", on_failed=self._failed)

    def _loaded(self, details: Details | None) -> None:
        self._slow.stop()
        if details is None:
            self._failed("It was deleted meanwhile.")
            return
        if self._facts is None or details.facts.key != self._facts.key:
            return
        fresh = self._details is None
        self._details = details
        self._filled.clear()
        self._price()
        self._show_head()
        self._offer_tabs()
        self._choose_tab(fresh=fresh)

    def _price(self) -> None:
        """Have the selected call's cost worked out."""
        facts, details = self._facts, self._details
        work = pricing(facts, details.payload.metadata, self._state) if facts is not None and details else None
        if work is not None:
            found = work
            self._pricing.ask(lambda: found, at_once=True)

    def _priced(self, priced: Priced) -> None:
        if self._facts is not None and priced[0] == self._facts.key:
            self._cost = priced
            self._show_head()

    def _failed(self, reason: str) -> None:
        self._slow.stop()
        self.note.say("This span cannot be read", reason)
        self.pages.setCurrentWidget(self.note)

    def _show_head(self) -> None:
        if self._facts is None:
            return
        metadata = self._details.payload.metadata if self._details else {}
        self.header.show_facts(self._facts, self._state.now(), metadata)
        self.facts.show_facts(self._facts, self._details, self._cost[1] if self._cost else ())
        if self._facts.pending and self._state.live:
            self._tick.start()
        else:
            self._tick.stop()

    def _offer_tabs(self) -> None:
        details = self._details
        if details is None:
            return
        payload = details.payload
        has = {
            "messages": bool(details.chat) or payload.input is not None or payload.output is not None,
            "output": payload.output is not None,
            "metadata": bool(payload.metadata),
            "error": bool(payload.error or details.exception or details.stack) or details.facts.status is Status.ERROR,
            "raw": True,
        }
        self.tabs.blockSignals(True)
        for at, name in enumerate(TABS):
            self.tabs.setTabEnabled(at, has[name])
        self.tabs.setTabText(0, "Messages" if details.chat or not has["messages"] else "In / Out")
        self.tabs.blockSignals(False)
        self._mark_error()

    def _mark_error(self) -> None:
        at = TABS.index("error")
        wrong = self.tabs.isTabEnabled(at) and self._details is not None
        self.tabs.mark(at if wrong else -1)
        self.tabs.setAccessibleTabName(at, "Error, there is one" if wrong else "Error")

    def _choose_tab(self, *, fresh: bool = False) -> None:
        if self._details is None:
            return
        failed = self._facts is not None and self._facts.status is Status.ERROR
        sensible = ("error", *TABS) if failed else TABS
        stay = () if fresh else (self.current_tab(),)
        order = (*([self._wanted] if self._wanted else []), *stay, *sensible)
        name = next(name for name in order if self.tabs.isTabEnabled(TABS.index(name)))
        self.tabs.blockSignals(True)
        self.tabs.setCurrentIndex(TABS.index(name))
        self.tabs.blockSignals(False)
        self._show_page(fresh=fresh)

    def _tab_clicked(self, at: int) -> None:
        if at >= 0 and self.tabs.isTabEnabled(at):
            self._wanted = TABS[at]

    def _tab_changed(self, at: int) -> None:
        if self._details is not None and self.tabs.isTabEnabled(at):
            self._wanted = TABS[at]
            self._show_page(fresh=False)

    def _show_page(self, *, fresh: bool) -> None:
        """Fill and show the current tab's page; pages that nobody looks at are not filled."""
        details, name = self._details, self.current_tab()
        if details is None:
            return
        page = {
            "messages": self.chat if details.chat or details.payload.input is None else self.pair,
            "output": self.output,
            "metadata": self.metadata,
            "error": self.error,
            "raw": self.raw,
        }[name]
        if name == "messages" and not details.chat:
            page = self.pair
        if name not in self._filled:
            self._filled.add(name)
            if page is self.chat:
                self.chat.show_bubbles(bubbles(details), fresh=fresh)
            elif isinstance(page, (PairView, OutputView, MetadataView, ErrorView, RawView)):
                page.show_details(details)
        self.pages.setCurrentWidget(page)
