"""The timeline's view on a state of two sessions, and places in it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from timeline_sessions import T0

from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.rows import SessionRow
from flowscope_app.views.timeline import TimelineView


def two_sessions() -> ViewState:
    """Sessions 1 and 2, none of them chosen."""
    made = ViewState()
    made.set_sessions([SessionRow(1, "s", "session"), SessionRow(2, "other", "other")])
    return made


def timeline_of(state: ViewState, qtbot: QtBot) -> TimelineView:
    """The view, shown at 1060x420."""
    made = TimelineView(state, None)  # type: ignore[arg-type]
    qtbot.addWidget(made)
    made.resize(1_060, 420)
    made.show()
    qtbot.waitExposed(made)
    return made


def at(view: TimelineView, x: float, y: float) -> QPoint:
    """A point of the canvas's viewport, from one in the view box's pixels."""
    return view.canvas.mapFromScene(view.canvas.box.mapToScene(QPointF(x, y)))


def over(view: TimelineView, row: int) -> QPoint:
    """The middle of a span's bar."""
    scene = view.canvas.item.scene_shown
    assert scene is not None
    start, end = int(scene.table.start[row]), scene.end(row)
    left, right = (min(max(scene.view.x(each), 0), scene.view.width - 1) for each in (start, end))
    return at(view, (left + right) / 2, scene.top_of(row) - scene.top + 8)


def drag(widget: QWidget, start: QPoint, end: QPoint) -> None:
    """By the left button, slowly enough to be seen."""
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 5):
        QTest.mouseMove(widget, start + (end - start) * step / 4)
        QTest.qWait(15)  # pyqtgraph leaves out moves that come faster than a hundred a second
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=end)


def shown(state: ViewState) -> tuple[int, ...]:
    """The range in view, ns from T0."""
    return tuple(time - T0 for time in state.range)
