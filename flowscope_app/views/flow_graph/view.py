"""The flow graph's tab: follows session, selection and filter, and has the drawing made elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from flowscope_app.analysis.graph import Grouping
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.qtmodels.background import Background
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans import query
from flowscope_app.views.common.empty_state import EmptyState
from flowscope_app.views.common.labels import PlainLabel
from flowscope_app.views.common.switch import Switch
from flowscope_app.views.flow_graph.canvas import GraphCanvas
from flowscope_app.views.flow_graph.drawing import Drawing, draw

if TYPE_CHECKING:
    from flowscope_app.qtmodels.queries import Queries


class FlowGraphView(QWidget):
    """What called what. `corner` is the switch for the right end of the tab bar; it stands on top until taken."""

    def __init__(self, state: ViewState, _queries: Queries | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._drawing: Drawing | None = None
        self._stale = True
        self._work: Background[Drawing] = Background(self)
        self._work.done.connect(self._show)
        self.corner = Switch("Flow graph", ("by operation", "by call"))
        self.corner.chosen.connect(self._regroup)
        self.canvas = GraphCanvas()
        self.canvas.clicked.connect(self._clicked)
        self.canvas.opened.connect(self._opened)
        self.canvas.cleared.connect(lambda: state.select(None))
        self._note = PlainLabel(role="dim")
        self._note.setContentsMargins(12, 4, 12, 6)
        self._empty = EmptyState()
        self._build()
        state.session_changed.connect(self._reset)
        state.table_changed.connect(self._table_changed)
        state.filter_changed.connect(self._table_changed)
        state.selection_changed.connect(self._selected)
        self._reset()

    def _build(self) -> None:
        graph = QWidget()
        column = QVBoxLayout(graph)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.canvas, 1)
        column.addWidget(self._note)
        self._pages = QStackedLayout()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(graph)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addStretch(1)
        head.addWidget(self.corner)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(head)
        whole.addLayout(self._pages, 1)
        self.setFocusProxy(self.canvas)
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    @property
    def idle(self) -> bool:
        """Whether the graph is as new as what it was made from."""
        return self._work.idle

    @property
    def says(self) -> str:
        """What is said instead of a graph, "" while there is one."""
        return "" if self._pages.currentIndex() else self._empty.title()

    @property
    def note(self) -> str:
        """What is said below the graph of what it leaves out."""
        return self._note.text()

    @property
    def grouping(self) -> Grouping:
        """What a node is."""
        return "call" if self.corner.choice else "operation"

    def _regroup(self) -> None:
        self.canvas.fit(overview=False)
        self._refresh(at_once=True)

    def _reset(self) -> None:
        """Another session."""
        self._work.forget()
        self._drawing = None
        self.canvas.clear()
        self._refresh(at_once=True)

    def _table_changed(self, _applied: object = None) -> None:
        self._refresh()

    def _refresh(self, *, at_once: bool = False) -> None:
        """Ask for a new drawing; a hidden tab waits until it is seen."""
        if self._state.table.n == 0:
            self._say_empty()
        elif not self.isVisible():
            self._stale = True
        else:
            self._stale = False
            self._work.ask(self._prepare, at_once=at_once)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._refresh(at_once=True)

    def _say_empty(self) -> None:
        if self._state.loading:
            self._empty.say("Reading the session …")
        elif self._state.session is None:
            self._empty.say("No session chosen", "Choose one at the left to see what called what.")
        else:
            self._empty.say("No calls yet", "They appear here as the program makes them.")
        self._pages.setCurrentIndex(0)

    def _prepare(self) -> Callable[[], Drawing]:
        state, known = self._state, self._drawing
        snapshot = Snapshot.of(state.table, state.now())
        grouping, focus, mask = self.grouping, state.selected_row, state.mask
        return lambda: draw(snapshot, grouping, focus, mask, known)

    def _show(self, drawing: Drawing) -> None:
        if drawing.graph.grouping != self.grouping:
            return  # the switch moved on; the drawing asked for then is on its way
        self._drawing = drawing
        self.canvas.show_drawing(drawing)
        self._note.setText(drawing.graph.folded)
        self._note.setVisible(bool(drawing.graph.folded))
        self._pages.setCurrentIndex(1)
        self.canvas.choose(self._node_of_selection())

    def _node_of_selection(self) -> int | None:
        row = self._state.selected_row
        if row < 0:
            return None
        table = self._state.table
        node = int(table.op[row]) if self.grouping == "operation" else int(table.key[row])
        if node in self.canvas.nodes:
            return node
        return -1 if table.parent[row] < 0 and self.canvas.nodes else None  # a run that START stands for

    def _selected(self) -> None:
        node = self._node_of_selection()
        self.canvas.choose(node, reveal=True)
        if node is None and self._state.selected is not None and self.grouping == "call":
            self._refresh(at_once=True)  # it belongs to another run

    def _clicked(self, node: int) -> None:
        item = self.canvas.nodes[node]
        if item.node is not None and item.node.key:
            self._state.select(item.node.key)
        self.canvas.choose(node, reveal=True)

    def _opened(self, node: int) -> None:
        """Let only the calls of that operation through."""
        item = self.canvas.nodes.get(node)
        row = self._state.table.row_of(item.node.key) if item is not None and item.node is not None else -1
        if row >= 0 and node >= 0:
            self._state.set_filter(query.term("op", self._state.table.op_name(row)))
