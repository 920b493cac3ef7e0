"""What the mouse does among the spans: clicks select, double clicks drill in, hovering says what is there."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, Qt, Signal

from flowscope_app.qtmodels.state import ViewState
from flowscope_app.views.timeline.canvas import Canvas
from flowscope_app.views.timeline.hover_card import HoverCard
from flowscope_app.views.timeline.navigator import Navigator

_DRILL = 0.1  # what a double click on a run of small spans shows of the time


class Pointer(QObject):
    """Works on the scene that the canvas shows."""

    folded = Signal()  # a track was collapsed or opened
    picked = Signal(int)  # a row of the table that was clicked, -1: beside all

    def __init__(self, state: ViewState, canvas: Canvas, navigator: Navigator, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self._canvas, self._navigator = state, canvas, navigator
        self.card = HoverCard(canvas)
        canvas.box.clicked.connect(self._click)
        canvas.box.double_clicked.connect(self._drill)
        canvas.box.hovered.connect(self._hover)
        canvas.box.left.connect(self.leave)

    def leave(self) -> None:
        """Nothing lies under the pointer any more, or it is not known what."""
        self.card.hide()
        self._state.hover(None)

    def _click(self, x: float, y: float) -> None:
        scene = self._canvas.item.scene_shown
        if scene is None:
            return
        self._canvas.setFocus(Qt.FocusReason.MouseFocusReason)
        band = scene.band_header(y)
        if band is not None:
            scene.toggle(band.track)
            self.folded.emit()
            return
        hit = scene.hit(x, y)
        self.picked.emit(hit.row if hit is not None else -1)

    def _drill(self, x: float, y: float) -> None:
        scene = self._canvas.item.scene_shown
        hit = scene.hit(x, y) if scene is not None else None
        if hit is None:
            return
        if hit.count == 1:
            self._navigator.fit(hit.row)
        else:
            self._navigator.zoom(x, _DRILL)

    def _hover(self, x: float, y: float) -> None:
        scene = self._canvas.item.scene_shown
        if scene is None:
            return
        hit = scene.hit(x, y)
        hand = hit is not None or scene.band_header(y) is not None
        self._canvas.setCursor(Qt.CursorShape.PointingHandCursor if hand else Qt.CursorShape.ArrowCursor)
        if hit is None:
            self.leave()
            return
        self._state.hover(int(scene.table.key[hit.row]))
        offset = self._canvas.box.mapToScene(0, 0)
        at = QPoint(round(x + offset.x()), round(y + offset.y()))
        self.card.show_hit(scene, hit, at, self._canvas.item.overlays.notes)
