"""A button that puts a text on the clipboard and says so."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QToolButton, QWidget

from flowscope_app import theme
from flowscope_app.views.common.plain import describe, tooltip

_SAID_FOR = 1_200  # ms


class CopyButton(QToolButton):
    """Copies what `source()` returns at the click; the sign turns into a tick for a moment."""

    def __init__(self, name: str, source: Callable[[], str], parent: QWidget | None = None, *, text: str = "") -> None:
        super().__init__(parent)
        self._source = source
        self._label = text
        self.setProperty("role", "flat" if text else "bare")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(tooltip(name))
        describe(self, name)
        if text:
            self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._back = QTimer(self, singleShot=True, interval=_SAID_FOR)
        self._back.timeout.connect(self._rest)
        self.clicked.connect(self.copy)
        theme.signals().changed.connect(self._rest)
        self._rest()

    def copy(self) -> None:
        """Copy now."""
        QGuiApplication.clipboard().setText(self._source())
        self.setIcon(theme.icon("check"))
        if self._label:
            self.setText("Copied")
        self._back.start()

    def _rest(self) -> None:
        self.setIcon(theme.icon("copy"))
        self.setText(self._label)
