"""The timeline's view: one scene, shown by overview, axis and canvas, moved by mouse, wheel and keys."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollBar, QStackedLayout, QVBoxLayout, QWidget

from flowscope_app.base import format as fmt
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.table import Applied
from flowscope_app.timeline.overview import Density
from flowscope_app.timeline.rows import ROW
from flowscope_app.timeline.scene import Scene
from flowscope_app.timeline.viewport import Viewport
from flowscope_app.timeline.walk import Step, relative
from flowscope_app.views.common.empty_state import EmptyState
from flowscope_app.views.common.plain import describe
from flowscope_app.views.timeline.canvas import Canvas
from flowscope_app.views.timeline.hover_card import HoverCard
from flowscope_app.views.timeline.keys import press
from flowscope_app.views.timeline.navigator import Navigator
from flowscope_app.views.timeline.overview_strip import OverviewStrip
from flowscope_app.views.timeline.tools import Tools
from flowscope_app.views.timeline.upkeep import Upkeep

_GROW_MS = 100  # how often pending spans grow
_STEP = 0.7  # what a key's zoom shows of the time
_KEY_PAN = 0.15  # of the width


class TimelineView(QWidget):
    """All spans of the session over time. What it shows and selects is the shared state's."""

    def __init__(self, state: ViewState, queries: Queries, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._scene = Scene(state.table)
        self._fitted = False
        self._navigator = Navigator(state, self._scene)
        self._mine = False  # the selection being changed is this view's
        self.overview = OverviewStrip()
        self.canvas = Canvas()
        self.scroll_bar = QScrollBar(Qt.Orientation.Vertical)
        self.card = HoverCard(self.canvas)
        self.tools = Tools(state, queries, self.canvas, self)
        self.empty = EmptyState()
        self._grow = QTimer(self, interval=_GROW_MS)
        self._upkeep = Upkeep(self._scene, self)
        self.setObjectName("timeline")
        describe(self, "Timeline", "Spans over time. Arrow keys go from span to span, W and S zoom, A and D pan")
        describe(self.canvas, "Timeline")
        self._lay_out()
        self._connect()
        self._reset()

    def _lay_out(self) -> None:
        self.scroll_bar.setSingleStep(ROW)
        policy = self.scroll_bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.scroll_bar.setSizePolicy(policy)
        below = QHBoxLayout()
        below.setSpacing(0)
        below.addWidget(self.canvas, 1)
        below.addWidget(self.scroll_bar)
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(8, 4, 0, 0)
        column.setSpacing(4)
        strip = QHBoxLayout()
        strip.setContentsMargins(0, 0, self.scroll_bar.sizeHint().width(), 0)
        strip.addWidget(self.overview)
        column.addLayout(strip)
        column.addLayout(below, 1)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(full)
        self._stack.addWidget(self.empty)
        self.setFocusProxy(self.canvas)

    def _connect(self) -> None:
        state, box = self._state, self.canvas.box
        state.session_changed.connect(self._reset)
        state.table_changed.connect(self._table_changed)
        state.range_changed.connect(self._range_changed)
        state.selection_changed.connect(self._selection_changed)
        state.hover_changed.connect(self._hover_changed)
        state.filter_changed.connect(self._filter_changed)
        state.follow_changed.connect(self._follow_changed)
        box.zoomed.connect(lambda x, factor: self._moving(lambda: self._navigator.zoom(x, factor)))
        box.panned.connect(lambda dx, dy: self._moving(lambda: self._pan(dx, dy)))
        self.tools.asked.connect(self._navigator.show)
        self.tools.changed.connect(self.canvas.refresh)
        self.tools.dimmed.connect(self._filter_changed)
        box.clicked.connect(self._click)
        box.double_clicked.connect(self._drill)
        box.hovered.connect(self._hover)
        box.left.connect(self._leave)
        self.canvas.resized.connect(self._resized)
        actions = self._actions()
        self.canvas.key.connect(lambda event: press(event, actions))
        self.scroll_bar.valueChanged.connect(self._scrolled)
        self.overview.asked.connect(lambda a, b: self._moving(lambda: self._navigator.show(a, b)))
        self.overview.fit_asked.connect(self.fit_all)
        self._grow.timeout.connect(self._grown)
        self._upkeep.counted.connect(self._counted)
        self._upkeep.settled.connect(self._refresh)
        self._upkeep.quiet.connect(self._quiet)
        self._upkeep.clocks.connect(self._clocks_told)

    # What the shell's actions call.

    def fit_all(self) -> None:
        """Show the whole session."""
        self._navigator.fit_all()

    def fit_selection(self) -> None:
        """Show the selected range, or else the selected span, from end to end."""
        chosen = self.tools.shown.chosen
        if chosen is not None:
            self._navigator.show(*chosen)
        else:
            self._navigator.fit(self._state.selected_row)

    def zoom_in(self) -> None:
        """Show less of the time."""
        self._navigator.zoom(self._scene.view.width / 2, _STEP)

    def zoom_out(self) -> None:
        """Show more of the time."""
        self._navigator.zoom(self._scene.view.width / 2, 1 / _STEP)

    def follow(self) -> None:
        """Keep the newest spans in view from now on."""
        self._state.set_follow(True)
        self._navigator.follow()

    def clear_selection(self) -> None:
        """Let go of the selected range, if there is one, else of the span."""
        if not self.tools.clear_range():
            self._state.select(None)

    def _moving(self, move: Callable[[], None]) -> None:
        """Do what is one of many steps of a movement."""
        self.tools.moving = True
        move()
        self.tools.moving = False

    # What the shared state says.

    def _reset(self) -> None:
        self._fitted = False
        self._table_changed(None)

    def _table_changed(self, applied: Applied | None) -> None:
        state = self._state
        if applied is None or self._scene.table is not state.table:
            self._scene = Scene(state.table, self._scene.collapsed if self._fitted else frozenset(), state.arranged)
            self._scene.mask = self.tools.mask()
            self._upkeep.take(self._scene)
            if self._fitted:
                self._navigator.scene = self._scene
            else:
                self._navigator.begin(self._scene)
            self.canvas.item.selected = state.selected_row
        else:
            self._scene.apply(applied)
        self._scene.now = state.now()
        self._say_if_empty()
        self._measure()
        if state.table.n and not self._fitted:
            self._fitted = True
            if state.follow or state.range[1] <= state.range[0]:
                self._navigator.follow()
        elif state.follow:
            self._navigator.follow()
        self._range_changed()
        self._count(at_once=applied is None)
        self._upkeep.wait_for_quiet()
        self._watch_pending()

    def _say_if_empty(self) -> None:
        state = self._state
        if state.session is None and not state.table.n:
            self.empty.say("No session selected", "Choose a session on the left, or attach a program.")
        elif state.loading:
            self.empty.say("Opening the session…")
        else:
            self.empty.say("No spans yet", "They appear here while the program runs.")
        self._stack.setCurrentIndex(0 if state.table.n else 1)

    def _range_changed(self) -> None:
        start, end = self._state.range
        if end > start:
            self._scene.view = Viewport(start, end, self.canvas.size_px()[0])
            self.overview.show_range(start, end)
        self._refresh()

    def _selection_changed(self) -> None:
        row = self._state.selected_row
        self.canvas.item.selected = row
        if row >= 0 and row < self._scene.layout.n:
            self._scene.reveal(row)
            if not self._mine:
                self._navigator.bring(row)
            name = fmt.one_line(self._state.table.op_name(row), 120)
            self.canvas.setAccessibleDescription(f"Selected: {name}")
        self._refresh()

    def _hover_changed(self) -> None:
        key = self._state.hovered
        self.canvas.item.hovered = -1 if key is None else self._state.table.row_of(key)
        self.canvas.refresh()

    def _filter_changed(self) -> None:
        self._scene.mask = self.tools.mask()
        self._count(at_once=True)
        self._refresh()

    def _follow_changed(self, follow: bool) -> None:
        if follow:
            self._navigator.follow()
        self._watch_pending()

    # Range and scroll.

    def _pan(self, dx: float, dy: float) -> None:
        self._leave()
        if dx:
            self._navigator.pan(-dx)
        if dy:
            self._scroll_to(self._scene.top - round(dy))

    def _scroll_to(self, top: int) -> None:
        self._scene.scroll_to(top)
        self._refresh()

    def _scrolled(self, value: int) -> None:
        if value != self._scene.top:
            self._leave()
            self._scroll_to(value)

    def _resized(self) -> None:
        self._measure()
        self.tools.card.place()
        self._range_changed()
        self._count(at_once=True)

    def _measure(self) -> None:
        width, height = self.canvas.size_px()
        self._scene.view = self._scene.view.resized(width)
        self._scene.height = height

    def _refresh(self) -> None:
        scene = self._scene
        scene.scroll_to(scene.top)
        self.scroll_bar.blockSignals(True)
        self.scroll_bar.setRange(0, max(0, scene.rows.height - scene.height))
        self.scroll_bar.setVisible(scene.rows.height > scene.height)
        self.scroll_bar.setPageStep(scene.height)
        self.scroll_bar.setValue(scene.top)
        self.scroll_bar.blockSignals(False)
        self.canvas.show_scene(scene)

    # Mouse and keys.

    def _click(self, x: float, y: float) -> None:
        self.canvas.setFocus(Qt.FocusReason.MouseFocusReason)
        band = self._scene.band_header(y)
        if band is not None:
            self._scene.toggle(band.track)
            self._refresh()
            return
        hit = self._scene.hit(x, y)
        self._mine = True
        self._state.select_row(hit.row if hit is not None else -1)
        self._mine = False

    def _drill(self, x: float, y: float) -> None:
        hit = self._scene.hit(x, y)
        if hit is None:
            return
        if hit.count == 1:
            self._navigator.fit(hit.row)
        else:
            self._navigator.zoom(x, 0.1)

    def _hover(self, x: float, y: float) -> None:
        hit = self._scene.hit(x, y)
        self.canvas.setCursor(Qt.CursorShape.PointingHandCursor if hit or self._scene.band_header(y) else _ARROW)
        if hit is None:
            self._leave()
            return
        self._state.hover(int(self._state.table.key[hit.row]))
        offset = self.canvas.box.mapToScene(0, 0)
        self.card.show_hit(self._scene, hit, QPoint(round(x + offset.x()), round(y + offset.y())))

    def _leave(self) -> None:
        self.card.hide()
        self._state.hover(None)

    def _go(self, step: Step) -> None:
        row = relative(self._state.table, self._state.selected_row, step)
        if row >= 0:
            self._state.select_row(row)

    def _turn(self, pages: int) -> None:
        self._scroll_to(self._scene.top + pages * (self._scene.height - 2 * ROW))

    def _pan_by(self, share: float) -> None:
        self._pan(-share * self._scene.view.width, 0)

    def _actions(self) -> dict[str, Callable[[], object]]:
        return {
            "parent": lambda: self._go("parent"),
            "child": lambda: self._go("child"),
            "previous": lambda: self._go("previous"),
            "next": lambda: self._go("next"),
            "zoom in": lambda: self._moving(self.zoom_in),
            "zoom out": lambda: self._moving(self.zoom_out),
            "pan left": lambda: self._moving(lambda: self._pan_by(-_KEY_PAN)),
            "pan right": lambda: self._moving(lambda: self._pan_by(_KEY_PAN)),
            "page up": lambda: self._turn(-1),
            "page down": lambda: self._turn(1),
            "fit selection": self.fit_selection,
            "fit all": self.fit_all,
            "follow": self.follow,
            "clear": self.clear_selection,
            "back": lambda: self.tools.step(-1),
            "forward": lambda: self.tools.step(1),
            "range": self.tools.range_of_selection,
            "critical": self.tools.toggle_critical,
            "mark": self.tools.mark,
            "next mark": lambda: self.tools.go_to_mark(1),
            "previous mark": lambda: self.tools.go_to_mark(-1),
        }

    # Time passing.

    def _watch_pending(self) -> None:
        """Let the timer run only while something grows and is seen."""
        growing = self.isVisible() and self._state.live and self._state.has_pending
        if growing != self._grow.isActive():
            (self._grow.start if growing else self._grow.stop)()

    def _grown(self) -> None:
        self._watch_pending()
        self._scene.now = self._state.now()
        if self._state.follow:
            self._navigator.follow()
        self._refresh()

    def _quiet(self) -> None:
        if self._state.live:
            self._upkeep.wait_for_quiet()
        elif self._state.follow:
            self._navigator.follow()
        self._watch_pending()

    def _clocks_told(self, notes: dict[str, str]) -> None:
        if notes != self.canvas.item.clocks:
            self.canvas.item.clocks = notes
            self.canvas.refresh()

    def _count(self, *, at_once: bool) -> None:
        if self.isVisible() and self._state.table.n:
            self._upkeep.count(self.overview.columns, at_once=at_once)

    def _counted(self, found: Density) -> None:
        if self._state.table.n:
            self.overview.show_density(found)
            self.overview.show_range(*self._state.range)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._count(at_once=True)
        self._watch_pending()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._watch_pending()


_ARROW = Qt.CursorShape.ArrowCursor
