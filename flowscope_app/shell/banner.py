"""One line over the views for what the user must know: what is so and what to do."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QToolButton, QWidget

from flowscope_app import theme
from flowscope_app.views.common.labels import ElidedLabel


class Banner(QWidget):
    """Hidden while all is well. A message that was dismissed stays away until another one comes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._dismissed = ""
        self._act: Callable[[], object] | None = None
        self._sign = QLabel()
        self._text = ElidedLabel()
        self._bar = QProgressBar()
        self._bar.setFixedSize(220, 16)
        self._bar.setAccessibleName("How much is done")
        self._bar.hide()
        self._button = QPushButton()
        self._button.clicked.connect(self._do)
        self._close = QToolButton()
        self._close.setProperty("role", "flat")
        self._close.setAccessibleName("Dismiss")
        self._close.clicked.connect(self._dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 8, 4)
        layout.setSpacing(8)
        layout.addWidget(self._sign)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._bar)
        layout.addWidget(self._button)
        layout.addWidget(self._close)
        theme.signals().changed.connect(self._dress)
        self._dress()
        self.hide()

    def say(
        self, text: str, button: str = "", act: Callable[[], object] | None = None, *, share: int | None = None
    ) -> None:
        """Show a message, or with "" none; with `share`, how much of something is done, in percent."""
        if not text:
            self._dismissed = ""
            self.hide()
        elif text != self._dismissed:
            self._text.setText(text)
            self._button.setText(button)
            self._button.setVisible(bool(button))
            self._act = act
            self._bar.setVisible(share is not None)
            self._bar.setValue(share or 0)
            self._sign.setVisible(share is None)
            self._close.setVisible(share is None)
            self.setProperty("busy", share is not None)
            self.style().unpolish(self)
            self.style().polish(self)
            self.show()

    def text(self) -> str:
        """What is shown now."""
        return "" if self.isHidden() else self._text.full_text()

    def press(self) -> None:
        """Press the button."""
        self._button.click()

    def _do(self) -> None:
        if self._act is not None:
            self._act()

    def _dismiss(self) -> None:
        self._dismissed = self._text.full_text()
        self.hide()

    def _dress(self) -> None:
        self._sign.setPixmap(theme.icon("warning", colour=theme.current().warn.name()).pixmap(16))
        self._close.setIcon(theme.icon("close"))
