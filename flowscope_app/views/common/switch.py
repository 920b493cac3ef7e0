"""A choice of a few words in a row, as quiet as text: `by operation  by call`."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from flowscope_app.views.common.plain import describe


class Switch(QWidget):
    """Exactly one of several choices is on; arrow keys move between them."""

    chosen = Signal(int)  # which one, from 0, after the user changed it

    def __init__(self, name: str, choices: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        describe(self, name)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 8, 0)
        layout.setSpacing(0)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        for number, text in enumerate(choices):
            button = QToolButton()
            button.setText(text)
            button.setCheckable(True)
            button.setChecked(number == 0)
            button.setProperty("role", "choice")
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            describe(button, f"{name}: {text}")
            self._group.addButton(button, number)
            layout.addWidget(button)
        self._group.idToggled.connect(lambda number, on: self.chosen.emit(number) if on else None)

    @property
    def choice(self) -> int:
        """Which one is on, from 0."""
        return self._group.checkedId()

    def choose(self, number: int) -> None:
        """Turn one on; tells if it was not."""
        self._group.button(number).setChecked(True)
