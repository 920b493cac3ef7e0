"""One card of the chat: who, a figure, the text, folded when it is long."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from flowscope_app import theme
from flowscope_app.base import format as fmt
from flowscope_app.spans.kinds import Kind
from flowscope_app.views.common.labels import ElidedLabel, PlainLabel
from flowscope_app.views.common.plain import visible
from flowscope_app.views.inspector.bubbles import CURSOR, Bubble
from flowscope_app.views.inspector.text_block import TextBlock

FOLD_FROM = 1_600  # characters
FOLDED = 800
FOLDED_ASIDE = 400  # reasoning and documents, of which one wants the gist
MOST = 200_000  # characters that one card shows at most


class Framed(QWidget):
    """A raised, rounded surface, with a stripe of colour on its left when it has an accent."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._accent: Callable[[], QColor] | None = None
        theme.signals().changed.connect(self.update)

    def set_accent(self, accent: Callable[[], QColor] | None) -> None:
        """The stripe's colour, asked for at each painting so that it follows the theme; None for no stripe."""
        self._accent = accent
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(self.rect()), 6, 6)
        painter.setClipPath(shape)
        painter.fillRect(self.rect(), theme.current().raised)
        if self._accent is not None:
            painter.fillRect(0, 0, 3, self.height(), self._accent())
        painter.end()


class Card(QWidget):
    """Shows one bubble; a bubble whose text grew is taken over without losing selection or fold."""

    def __init__(self, bubble: Bubble, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bubble = bubble
        self._unfolded = False
        self._who = ElidedLabel(role="dim")
        self._figure = PlainLabel(role="dim")
        self._body = Framed()
        self._text = TextBlock(mono=bubble.mono)
        self._more = QPushButton()
        self._more.setProperty("role", "link")
        self._more.setCursor(Qt.CursorShape.PointingHandCursor)
        self._more.clicked.connect(self._toggle)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(8)
        head.addWidget(self._who, 1)
        head.addWidget(self._figure)
        body = QVBoxLayout(self._body)
        body.setContentsMargins(10, 8, 10, 8)
        body.setSpacing(4)
        body.addWidget(self._text)
        body.addWidget(self._more)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self._body)
        self.take(bubble)

    def fits(self, bubble: Bubble) -> bool:
        """Whether this card can go on as that bubble."""
        return bubble.mono == self.bubble.mono and bubble.style == self.bubble.style and bubble.who == self.bubble.who

    def take(self, bubble: Bubble) -> None:
        """Show a bubble."""
        self.bubble = bubble
        self._who.setText(bubble.who)
        self._figure.setText(bubble.figure)
        self._figure.set_role(bubble.figure_tone)
        self._figure.set_tip(bubble.figure_help)
        accents: dict[str, Callable[[], QColor]] = {
            "tool": lambda: theme.current().kind(Kind.TOOL),
            "error": lambda: theme.current().error,
            "document": lambda: theme.current().kind(Kind.RETRIEVER),
        }
        self._body.set_accent(accents.get(bubble.style))
        self._text.set_dim(bubble.style in ("reasoning", "media"))
        self._show()
        self.setAccessibleName(fmt.one_line(f"{bubble.who} {bubble.figure}: {bubble.text}", 300))

    def text(self) -> str:
        """What is shown of the bubble's text."""
        return self._text.text()

    def _show(self) -> None:
        text, streaming = self.bubble.text, self.bubble.streaming
        aside = self.bubble.style in ("reasoning", "document")
        limit = FOLDED_ASIDE if aside else FOLDED
        long = len(text) > (limit * 2 if aside else FOLD_FROM) and not streaming
        folded = long and not self._unfolded
        shown = text[: limit if folded else MOST]
        self._text.show_text(visible(shown) + ("…" if folded else CURSOR if streaming else ""))
        size = fmt.size(len(text.encode("utf-8", "replace")))
        left = f" (the first {fmt.size(MOST)}; Output and Raw have the rest)" if len(text) > MOST else ""
        self._more.setText("show less" if self._unfolded else f"show all ({size})")
        self._more.setToolTip(left.strip())
        self._more.setVisible(long)

    def _toggle(self) -> None:
        self._unfolded = not self._unfolded
        self._show()
