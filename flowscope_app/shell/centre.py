"""The middle of the window: the timeline above, five ways to read the session below, or why there is nothing."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSplitter, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.views.common.empty_state import EmptyState
from flowscope_app.views.findings import FindingsView
from flowscope_app.views.flow_graph import FlowGraphView
from flowscope_app.views.log import LogView
from flowscope_app.views.metrics import MetricsView
from flowscope_app.views.timeline import TimelineView
from flowscope_app.views.tree import TreeView

_EMPTY_WIDTH = 460
_LIFT = 5  # px that bring the switches to the line of the tabs' names
_ATTACH = "flowscope run python app.py"


class Centre(QWidget):
    """Shows the chosen session, or says how to get one."""

    def __init__(self, state: ViewState, queries: Queries, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.timeline = TimelineView(state, queries)
        self.flow = FlowGraphView(state, queries)
        self.tree = TreeView(state, queries)
        self.metrics = MetricsView(state, queries)
        self.findings = FindingsView(state, queries)
        self.log = LogView(state, queries)
        self.tabs = QTabWidget(documentMode=True)
        self.tabs.tabBar().setDrawBase(False)
        for named in (self.tabs, self.tabs.tabBar()):
            named.setAccessibleName("Ways to read the session")
        for name, view in (
            ("Flow", self.flow),
            ("Tree", self.tree),
            ("Metrics", self.metrics),
            ("Findings", self.findings),
            ("Log", self.log),
        ):
            self.tabs.addTab(view, name)
        self.corner = QStackedWidget()
        self.corner.setContentsMargins(0, 0, 0, _LIFT)
        self._switches: dict[int, QWidget] = {}
        for number, switch in ((0, self.flow.corner), (2, self.metrics.corner)):
            self._switches[number] = switch
            self.corner.addWidget(switch)
        self.tabs.setCornerWidget(self.corner)
        self.tabs.currentChanged.connect(self._show_switch)
        self._show_switch(0)
        self.findings.counted.connect(self._count_findings)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setObjectName("centre")
        self.split.setHandleWidth(1)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.timeline)
        self.split.addWidget(self.tabs)
        self.split.setSizes([500, 340])
        self.split.setStretchFactor(0, 1)
        self.split.setStretchFactor(1, 1)
        self._empty = EmptyState()
        self._empty.setMaximumWidth(_EMPTY_WIDTH)
        nothing = QWidget()
        nothing.setProperty("surface", "panel")
        nothing.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        middle = QHBoxLayout(nothing)
        middle.addWidget(self._empty, 1)
        self._stack = QStackedWidget()
        self._stack.addWidget(nothing)
        self._stack.addWidget(self.split)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        state.session_changed.connect(self._choose)
        state.sessions_changed.connect(self._choose)
        self._choose()

    def _count_findings(self, count: int) -> None:
        self.tabs.setTabText(self.tabs.indexOf(self.findings), f"Findings  {count}" if count else "Findings")

    def _show_switch(self, tab: int) -> None:
        """What the current tab can be grouped by stands at the right end of the tab bar."""
        switch = self._switches.get(tab)
        self.corner.setVisible(switch is not None)
        for other in self._switches.values():  # the others must not make it wide
            wanted = QSizePolicy.Policy.Preferred if other is switch else QSizePolicy.Policy.Ignored
            other.setSizePolicy(wanted, QSizePolicy.Policy.Preferred)
        if switch is not None:
            self.corner.setCurrentWidget(switch)

    def _choose(self) -> None:
        if self._state.session is not None:
            if self._stack.currentWidget() is not self.split:
                self._stack.setCurrentWidget(self.split)
                self.timeline.setFocus()  # its keys work at once
        else:
            self._empty.say(
                "Attach a program" if not self._state.sessions else "Choose a session",
                "Run it as below, and every call appears here while it happens. Nothing leaves this machine."
                if not self._state.sessions
                else "Its timeline, flow and calls are shown here.",
                command=_ATTACH if not self._state.sessions else "",
            )
            self._stack.setCurrentIndex(0)
