"""Labels that show text as it is, never as HTML."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from flowscope_app.base import format as fmt
from flowscope_app.views.common.plain import tooltip, visible

Role = Literal["text", "dim", "heading", "section", "brand", "mono", "mono-dim", "error", "failure", "success", "warn"]


class PlainLabel(QLabel):
    """A label of plain text. `role` is a style property that the theme's style sheet knows."""

    def __init__(self, text: str = "", parent: QWidget | None = None, *, role: Role = "text", wrap: bool = False):
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        self.set_role(role)
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(visible(text))

    def set_role(self, role: Role) -> None:
        """Change the style and have it drawn."""
        if self.property("role") != role:
            self.setProperty("role", role)
            self.style().unpolish(self)
            self.style().polish(self)

    def set_tip(self, text: str) -> None:
        """A tooltip that is not read as HTML."""
        self.setToolTip(tooltip(text))


class ElidedLabel(PlainLabel):
    """One line that is cut with an ellipsis where there is no room, and says all of it in its tooltip."""

    def __init__(
        self,
        text: str = "",
        parent: QWidget | None = None,
        *,
        role: Role = "text",
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        self._full = ""
        self._mode = mode
        super().__init__(text, parent, role=role)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def setText(self, text: str) -> None:
        self._full = text
        super().setText(fmt.one_line(text, 1_000))
        self.setAccessibleName(super().text())
        self._set_tip()
        self.updateGeometry()

    def full_text(self) -> str:
        """What was set, however much of it is shown."""
        return self._full

    def minimumSizeHint(self) -> QSize:
        return QSize(min(super().sizeHint().width(), 24), super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._set_tip()

    def _set_tip(self) -> None:
        room = self.contentsRect().width()
        cut = self.fontMetrics().horizontalAdvance(super().text()) > room
        self.setToolTip(tooltip(self._full) if cut else "")

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = self.contentsRect().adjusted(self.margin(), 0, -self.margin(), 0)
        shown = self.fontMetrics().elidedText(super().text(), self._mode, rect.width())
        self.style().drawItemText(
            painter, rect, int(self.alignment().value), self.palette(), self.isEnabled(), shown, self.foregroundRole()
        )
        painter.end()
