"""The timeline's parts in their places, and what stands there instead while there is nothing to show."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QScrollBar, QStackedLayout, QVBoxLayout, QWidget

from flowscope_app.qtmodels.state import ViewState
from flowscope_app.timeline.rows import ROW
from flowscope_app.timeline.scene import Scene
from flowscope_app.views.common.empty_state import EmptyState
from flowscope_app.views.timeline.canvas import Canvas
from flowscope_app.views.timeline.overview_strip import OverviewStrip


class Pages:
    """Overview above canvas and scroll bar, laid out in a widget."""

    def __init__(self, whole: QWidget, overview: OverviewStrip, canvas: Canvas) -> None:
        self.scroll_bar = QScrollBar(Qt.Orientation.Vertical)
        self.scroll_bar.setSingleStep(ROW)
        policy = self.scroll_bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.scroll_bar.setSizePolicy(policy)
        self.empty = EmptyState()
        below = QHBoxLayout()
        below.setSpacing(0)
        below.addWidget(canvas, 1)
        below.addWidget(self.scroll_bar)
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(8, 4, 0, 0)
        column.setSpacing(4)
        strip = QHBoxLayout()
        strip.setContentsMargins(0, 0, self.scroll_bar.sizeHint().width(), 0)
        strip.addWidget(overview)
        column.addLayout(strip)
        column.addLayout(below, 1)
        self._stack = QStackedLayout(whole)
        self._stack.addWidget(full)
        self._stack.addWidget(self.empty)

    def show_state(self, state: ViewState) -> None:
        """Show the spans, or say why there are none."""
        if state.session is None and not state.table.n:
            self.empty.say("No session selected", "Choose a session on the left, or attach a program.")
        elif state.loading:
            self.empty.say("Opening the session…")
        else:
            self.empty.say("No spans yet", "They appear here while the program runs.")
        self._stack.setCurrentIndex(0 if state.table.n else 1)

    def show_scroll(self, scene: Scene) -> None:
        """Have the scroll bar stand where the scene does."""
        bar, beyond = self.scroll_bar, max(0, scene.rows.height - scene.height)
        if (bar.maximum(), bar.pageStep(), bar.value()) == (beyond, scene.height, scene.top):
            return
        bar.blockSignals(True)
        bar.setRange(0, beyond)
        bar.setVisible(beyond > 0)
        bar.setPageStep(scene.height)
        bar.setValue(scene.top)
        bar.blockSignals(False)
