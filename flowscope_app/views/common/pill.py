"""A small rounded label, with a square of colour when it names a kind."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from flowscope_app import theme
from flowscope_app.base import format as fmt
from flowscope_app.spans.kinds import Kind

_SIDE = 8  # of the square
_PAD = 8


class KindPill(QWidget):
    """The kind of a span: a square in its colour and its name."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self._colour = QColor()
        self._kind: Kind | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.signals().changed.connect(self._recolour)

    def set_kind(self, kind: Kind) -> None:
        """Show a kind."""
        self._kind = kind
        self._text = fmt.one_line(kind.label, 24)
        self.setAccessibleName(f"Kind: {self._text}")
        self._recolour()
        self.updateGeometry()

    def text(self) -> str:
        """What it says."""
        return self._text

    def sizeHint(self) -> QSize:
        return QSize(_PAD + _SIDE + 6 + self.fontMetrics().horizontalAdvance(self._text) + _PAD, 20)

    def paintEvent(self, _event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens.raised)
        painter.drawRoundedRect(QRectF(self.rect()), 10, 10)
        painter.setBrush(self._colour)
        painter.drawRoundedRect(QRectF(_PAD, (self.height() - _SIDE) / 2, _SIDE, _SIDE), 1.5, 1.5)
        painter.setPen(tokens.dim)
        room = self.rect().adjusted(_PAD + _SIDE + 6, 0, -_PAD, 0)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, self._text)
        painter.end()

    def _recolour(self) -> None:
        self._colour = theme.current().kind(self._kind) if self._kind is not None else theme.current().dim
        self.update()
