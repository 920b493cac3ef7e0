"""The timeline's own widget: a pyqtgraph plot whose one item paints the scene."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QNativeGestureEvent
from PySide6.QtWidgets import QGraphicsView, QWidget

from flowscope_app import theme
from flowscope_app.timeline.scene import Scene
from flowscope_app.timeline.ticks import ticks
from flowscope_app.views.timeline.axis import TimeAxis
from flowscope_app.views.timeline.lane_box import LaneBox
from flowscope_app.views.timeline.spans_item import SpansItem


class Canvas(pg.PlotWidget):  # type: ignore[misc]
    """Shows a scene; says what the user does on it by the signals of its `box`."""

    resized = Signal()
    key = Signal(object)  # QKeyEvent; who takes it accepts it

    def __init__(self, parent: QWidget | None = None) -> None:
        self.box = LaneBox()
        self.axis = TimeAxis()
        super().__init__(parent, viewBox=self.box, axisItems={"top": self.axis}, enableMenu=False)
        plot = self.getPlotItem()
        plot.hideButtons()
        plot.hideAxis("left")
        plot.hideAxis("bottom")
        plot.showAxis("top")
        for name in ("left", "bottom", "right"):  # not shown, they would make their labels anew with every range
            plot.getAxis(name).enableAutoSIPrefix(False)
        plot.layout.setContentsMargins(0, 0, 0, 0)
        plot.layout.setSpacing(0)
        self.centralWidget.layout.setContentsMargins(0, 0, 0, 0)
        # One item fills the view: what changed is always all of it.
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.FullViewportUpdate)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.item = SpansItem(self.box)
        self.axis.overlays = self.item.overlays
        self.pointer_x: float | None = None  # px in the box; None: it is elsewhere
        self.box.hovered.connect(self._pointed)
        self.box.left.connect(self._pointed)
        self.viewport().installEventFilter(self)
        self.box.sigResized.connect(lambda *_: self.resized.emit())
        theme.signals().changed.connect(self.dress)
        self.dress()

    def dress(self) -> None:
        """Take the colours of the theme that is on."""
        self.setBackground(theme.current().panel)
        self.refresh()

    def size_px(self) -> tuple[int, int]:
        """Width and height of where spans are painted, logical px."""
        rect = self.box.rect()
        return max(1, round(rect.width())), max(1, round(rect.height()))

    def show_scene(self, scene: Scene) -> None:
        """Show another scene, or the same one after it changed."""
        self.item.scene_shown = scene
        scene.scale = self.devicePixelRatioF()
        view = scene.view
        found = ticks(view.t0, view.t1, view.width, scene.table.origin)
        self.item.ticks = found
        self.axis.show_ticks(found, view)
        # The box shares the range, relative to the session's start, with what else pyqtgraph puts on it.
        start = float(view.t0 - scene.table.origin)
        self.box.setRange(
            xRange=(start, start + float(view.span)),
            yRange=(scene.top, scene.top + scene.height),
            padding=0,
            disableAutoRange=False,
        )
        self.refresh()

    def refresh(self) -> None:
        """Have all painted anew, once, when the event loop comes to it."""
        if hasattr(self, "item"):
            self.item.update()
            self.axis.update()

    def _pointed(self, x: float | None = None, _y: float = 0) -> None:
        self.pointer_x = x

    def keyPressEvent(self, ev: QKeyEvent) -> None:
        ev.ignore()
        self.key.emit(ev)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        pinched = isinstance(event, QNativeGestureEvent)
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            at: Any = self.box.mapFromScene(self.mapToScene(event.position().toPoint()))
            self.box.zoomed.emit(at.x(), 1 / max(0.2, 1 + event.value()))
        return pinched
