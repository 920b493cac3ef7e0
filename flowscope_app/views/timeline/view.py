"""The timeline's view: one scene, shown by overview, axis and canvas, kept up with the shared state."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from flowscope_app.base import format as fmt
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.table import Applied
from flowscope_app.timeline.overview import Density
from flowscope_app.timeline.rows import ROW
from flowscope_app.timeline.scene import Scene
from flowscope_app.timeline.viewport import Viewport
from flowscope_app.timeline.walk import STEPS, Step, relative
from flowscope_app.views.common.plain import describe
from flowscope_app.views.timeline.canvas import Canvas
from flowscope_app.views.timeline.glide import Glide
from flowscope_app.views.timeline.keys import press
from flowscope_app.views.timeline.navigator import Navigator
from flowscope_app.views.timeline.overview_strip import OverviewStrip
from flowscope_app.views.timeline.pages import Pages
from flowscope_app.views.timeline.pointer import Pointer
from flowscope_app.views.timeline.tools import Tools
from flowscope_app.views.timeline.tracks_button import TracksButton
from flowscope_app.views.timeline.upkeep import Upkeep

_GROW_MS = 100  # how often pending spans grow
_STEP = 0.7  # what a step of zoom shows of the time


class TimelineView(QWidget):
    """All spans of the session over time. What it shows and selects is the shared state's."""

    def __init__(self, state: ViewState, queries: Queries, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._scene = Scene(state.table)
        self._fitted = False
        self._mine = False  # the selection being changed is this view's
        self._navigator = Navigator(state, self._scene)
        self.overview = OverviewStrip()
        self.canvas = Canvas()
        self.tracks = TracksButton(self.canvas)
        self.tools = Tools(state, queries, self.canvas, self)
        self.pointer = Pointer(state, self.canvas, self._navigator, self)
        self.glide = Glide(self.canvas)
        self._pages = Pages(self, self.overview, self.canvas)
        self.scroll_bar, self.empty, self.card = self._pages.scroll_bar, self._pages.empty, self.pointer.card
        self._grow = QTimer(self, interval=_GROW_MS)
        self._upkeep = Upkeep(self._scene, self)
        self.setObjectName("timeline")
        describe(self, "Timeline", "Spans over time. Arrow keys go from span to span, W and S zoom, A and D pan")
        describe(self.canvas, "Timeline")
        self.setFocusProxy(self.canvas)
        self._connect_state()
        self._connect_parts()
        self._regroup()
        self._reset()

    def _connect_state(self) -> None:
        state = self._state
        state.session_changed.connect(self._reset)
        state.table_changed.connect(self._table_changed)
        state.range_changed.connect(self._range_changed)
        state.selection_changed.connect(self._selection_changed)
        state.hover_changed.connect(self._hover_changed)
        state.filter_changed.connect(self._filter_changed)
        state.follow_changed.connect(self._follow_changed)
        state.grouping_changed.connect(self._regroup)

    def _connect_parts(self) -> None:
        box, upkeep = self.canvas.box, self._upkeep
        box.zoomed.connect(lambda x, factor: self._moving(lambda: self._navigator.zoom(x, factor)))
        box.panned.connect(lambda dx, dy: self._moving(lambda: self._pan(dx, dy)))
        self.glide.zoomed.connect(self._glide_zoom)
        self.glide.panned.connect(lambda widths: self._moving(lambda: self._pan(-widths * self._scene.view.width, 0)))
        self.pointer.folded.connect(self._refresh)
        self.pointer.picked.connect(self._pick)
        self.tracks.chosen.connect(self._state.set_grouping)
        self.tools.asked.connect(self._navigator.show)
        self.tools.changed.connect(self.canvas.refresh)
        self.tools.dimmed.connect(self._filter_changed)
        self.canvas.resized.connect(self._resized)
        actions = self._actions()
        self.canvas.key.connect(lambda event: press(event, actions))
        self.scroll_bar.valueChanged.connect(self._scrolled)
        self.overview.asked.connect(lambda a, b: self._moving(lambda: self._navigator.show(a, b)))
        self.overview.fit_asked.connect(self.fit_all)
        self._grow.timeout.connect(self._grown)
        upkeep.counted.connect(self._counted)
        upkeep.settled.connect(self._refresh)
        upkeep.regrouped.connect(self._regrouped)
        upkeep.quiet.connect(self._quiet)
        upkeep.clocks.connect(self._clocks_told)

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
            collapsed = self._scene.collapsed if self._fitted else frozenset[int]()
            self._scene = Scene(state.table, collapsed, state.arranged, state.grouping)
            self._scene.mask = self.tools.mask()
            self._upkeep.take(self._scene)
            if self._fitted:
                self._navigator.scene = self._scene
            else:
                self._navigator.begin(self._scene)
            self.canvas.item.selected = state.selected_row
            self._upkeep.regroup(state.grouping)
        else:
            self._scene.apply(applied)
        self._scene.now = state.now()
        self._pages.show_state(state)
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
        self.pointer.leave()
        if dx:
            self._navigator.pan(-dx)
        if dy:
            self._scroll_to(self._scene.top - round(dy))

    def _scroll_to(self, top: int) -> None:
        self._scene.scroll_to(top)
        self._refresh()

    def _scrolled(self, value: int) -> None:
        if value != self._scene.top:
            self.pointer.leave()
            self._scroll_to(value)

    def _resized(self) -> None:
        self._measure()
        self.tools.card.place()
        self.tracks.place()
        self._range_changed()
        self._count(at_once=True)

    def _measure(self) -> None:
        width, height = self.canvas.size_px()
        self._scene.view = self._scene.view.resized(width)
        self._scene.height = height

    def _refresh(self) -> None:
        scene = self._scene
        scene.scroll_to(scene.top)
        self._pages.show_scroll(scene)
        self.canvas.show_scene(scene)

    # Tracks.

    def _regroup(self) -> None:
        self.tracks.say(self._state.grouping)
        self.tracks.place()
        self.canvas.axis.free_right = self.tracks.width()
        self._upkeep.regroup(self._state.grouping)

    def _regrouped(self) -> None:
        self.pointer.leave()
        row = self._state.selected_row
        if 0 <= row < self._scene.layout.n and self._scene.top_of(row) is not None:
            self._scene.reveal(row)
        self._refresh()
        self._upkeep.wait_for_quiet()

    # What mouse and keys ask for.

    def _pick(self, row: int) -> None:
        self._mine = True
        self._state.select_row(row)
        self._mine = False

    def _glide_zoom(self, factor: float) -> None:
        x = self.canvas.pointer_x
        self._moving(lambda: self._navigator.zoom(self._scene.view.width / 2 if x is None else x, factor))

    def _go(self, step: Step) -> None:
        row = relative(self._state.table, self._state.selected_row, step)
        if row >= 0:
            self._state.select_row(row)

    def _turn(self, pages: int) -> None:
        self._scroll_to(self._scene.top + pages * (self._scene.height - 2 * ROW))

    def _actions(self) -> dict[str, Callable[[], object]]:
        tools = self.tools
        return {
            **{step: partial(self._go, step) for step in STEPS},
            "zoom in": lambda: self._moving(self.zoom_in),
            "zoom out": lambda: self._moving(self.zoom_out),
            "page up": partial(self._turn, -1),
            "page down": partial(self._turn, 1),
            "fit selection": self.fit_selection,
            "fit all": self.fit_all,
            "follow": self.follow,
            "clear": self.clear_selection,
            "back": partial(tools.step, -1),
            "forward": partial(tools.step, 1),
            "range": tools.range_of_selection,
            "tracks": self.tracks.turn,
            "critical": tools.toggle_critical,
            "mark": tools.mark,
            "next mark": partial(tools.go_to_mark, 1),
            "previous mark": partial(tools.go_to_mark, -1),
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
