"""What a view says when it has nothing to show: what is so, and what to do about it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from flowscope_app.views.common.copy_button import CopyButton
from flowscope_app.views.common.labels import PlainLabel


class EmptyState(QWidget):
    """A title, one sentence of help and, where a command helps, that command with a button to copy it."""

    def __init__(self, title: str = "", detail: str = "", *, command: str = "", parent: QWidget | None = None):
        super().__init__(parent)
        self._title = PlainLabel(role="heading", wrap=True)
        self._detail = PlainLabel(role="dim", wrap=True)
        self._command = PlainLabel(role="mono", wrap=True)
        self._command.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._copy = CopyButton("Copy the command", self._command.text)
        for label in (self._title, self._detail):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._row = QWidget()
        self._row.setObjectName("commandRow")
        self._row.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(self._row)
        row.setContentsMargins(8, 4, 2, 4)
        row.setSpacing(2)
        row.addWidget(self._command, 1)
        row.addWidget(self._copy)
        self._row.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 16, 8, 16)
        layout.setSpacing(8)
        layout.addStretch(2)
        layout.addWidget(self._title)
        layout.addWidget(self._detail)
        layout.addSpacing(4)
        layout.addWidget(self._row)
        layout.addStretch(3)
        self.say(title, detail, command=command)

    def say(self, title: str, detail: str = "", *, command: str = "") -> None:
        """Change what is said."""
        self._title.setText(title)
        self._detail.setText(detail)
        self._command.setText(command)
        self._title.setVisible(bool(title))
        self._detail.setVisible(bool(detail))
        self._row.setVisible(bool(command))
        self.setAccessibleName(". ".join(text for text in (title, detail, command) if text))

    def title(self) -> str:
        """The title now shown."""
        return self._title.text()
