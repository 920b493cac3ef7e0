"""Which time is shown: zooming, panning, fitting and following, as ranges of the shared state."""

from __future__ import annotations

from flowscope_app.qtmodels.state import ViewState
from flowscope_app.timeline.scene import Scene
from flowscope_app.timeline.viewport import Viewport, fitted
from flowscope_app.views.timeline.follow import followed


class Navigator:
    """Asks the state for ranges; every one that the user makes stops following."""

    def __init__(self, state: ViewState, scene: Scene) -> None:
        self.scene = scene
        self._state = state
        self._span: int | None = None  # ns that following keeps in view; None: as much as is sensible

    def begin(self, scene: Scene) -> None:
        """Take another session's scene."""
        self.scene = scene
        self._span = None

    def zoom(self, x: float, factor: float) -> None:
        """See `factor` times the time, what is under `x` (px) staying there."""
        if self.scene.table.n:
            self._ask(self.scene.view.zoomed(x, factor))
            self._span = self.scene.view.span

    def pan(self, pixels: float) -> None:
        """Move the window to the right by so many pixels."""
        self._ask(self.scene.view.panned(pixels))

    def show(self, start: int, end: int) -> None:
        """Show a range of time, ns."""
        self._ask(Viewport(start, max(end, start + 1), self.scene.view.width))
        self._span = self.scene.view.span

    def bring(self, row: int) -> None:
        """Pan to a span that lies outside of the time shown."""
        view, start, end = self.scene.view, int(self.scene.table.start[row]), self.scene.end(row)
        if end < view.t0 or start >= view.t1:
            self.pan(view.x((start + end) // 2) - view.width / 2)

    def fit(self, row: int) -> None:
        """Show one span from end to end."""
        if row >= 0:
            view = fitted(int(self.scene.table.start[row]), self.scene.end(row), 1, margin=0.05)
            self.show(view.t0, view.t1)

    def fit_all(self) -> None:
        """Show the whole session."""
        view = fitted(*self.scene.extent(), 1)
        self._state.set_range(view.t0, view.t1, user=True)
        self._span = None

    def follow(self) -> None:
        """Show the newest spans, now."""
        if self.scene.table.n:
            self.scene.now = self._state.now()
            first, last = self.scene.extent()
            start, end = followed(self._state.range, first, last, span=self._span, growing=self._state.live)
            self._state.set_range(start, end, user=False)

    def _ask(self, view: Viewport) -> None:
        view = view.clamped(*self.scene.extent())
        self._state.set_range(view.t0, view.t1, user=True)
