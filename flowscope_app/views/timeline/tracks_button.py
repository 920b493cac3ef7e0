"""What a track of the timeline is: a button over the axis's right end, with a menu of the choices."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from flowscope_app.timeline.grouping import Grouping
from flowscope_app.views.common.plain import describe
from flowscope_app.views.timeline.axis import HEIGHT

NAMES: Mapping[Grouping, str] = MappingProxyType(
    {
        Grouping.CALLER: "callers",
        Grouping.PROGRAM: "programs",
        Grouping.THREAD: "threads",
        Grouping.TASK: "tasks",
    }
)
_MEANING = {
    Grouping.CALLER: "Callers: a thread, with all that it called in its program",
    Grouping.PROGRAM: "Programs: one track each",
    Grouping.THREAD: "Threads: every thread on its own",
    Grouping.TASK: "Tasks: every task of a thread on its own",
}


class TracksButton(QToolButton):
    """Says how spans are grouped; `chosen` tells another choice of the user's."""

    chosen = Signal(object)  # Grouping

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setProperty("role", "choice")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAutoFillBackground(True)
        self.setFixedHeight(HEIGHT - 1)
        self.setMenu(QMenu(self))
        self._actions = QActionGroup(self)
        for grouping, meaning in _MEANING.items():
            action = self.menu().addAction(meaning)
            action.setCheckable(True)
            action.triggered.connect(lambda _on, chosen=grouping: self.chosen.emit(chosen))
            self._actions.addAction(action)
        self.say(Grouping.CALLER)

    def say(self, grouping: Grouping) -> None:
        """Show which grouping is on."""
        self._actions.actions()[list(_MEANING).index(grouping)].setChecked(True)
        self.setText(f"Tracks: {NAMES[grouping]}")
        describe(self, f"Tracks: {NAMES[grouping]}", "What a track is: a caller, a program, a thread or a task (G)")
        self.adjustSize()

    def turn(self) -> None:
        """Choose the next one, after the last the first."""
        on = self._actions.actions().index(self._actions.checkedAction())
        self.chosen.emit(list(_MEANING)[(on + 1) % len(_MEANING)])

    def place(self) -> None:
        """Go to the right end of the axis, which may have moved."""
        self.move(max(0, self._over.width() - self.width()), 0)
