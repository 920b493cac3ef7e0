"""A piece of plain text as high as it needs to be, to select from, in a chat or an error."""

from __future__ import annotations

from math import ceil

from PySide6.QtCore import QMimeData, QSizeF, Qt
from PySide6.QtGui import QTextOption, QWheelEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextEdit, QWidget

from flowscope_app import theme
from flowscope_app.views.common.pieces import Pieces
from flowscope_app.views.common.plain import visible


class TextBlock(QTextEdit):
    """Read-only and without scroll bars: the wheel scrolls what it stands in."""

    def __init__(self, parent: QWidget | None = None, *, mono: bool = False) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setUndoRedoEnabled(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.viewport().setAutoFillBackground(False)
        self.document().setDocumentMargin(0)
        self.setFont(theme.mono_font() if mono else theme.ui_font())
        self._shown = ""
        self._pieces = Pieces()
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self._fit(self.document().size())

    def loadResource(self, _kind: int, _name: object) -> object:
        return None

    def show_text(self, text: str) -> None:
        """Show a text; one that only grew keeps its selection."""
        text = visible(text)
        if text == self._shown:
            return
        if self._shown and text.startswith(self._shown):
            self._pieces.append(self.document(), text[len(self._shown) :])
        else:
            self._pieces.clear()
            self.setPlainText(self._pieces.split(text))
        self._shown = text

    def set_dim(self, dim: bool) -> None:
        """Whether the text steps back behind the rest."""
        role = "dim" if dim else ""
        if self.property("role") != role:
            self.setProperty("role", role)
            self.style().unpolish(self)
            self.style().polish(self)

    def text(self) -> str:
        """What is shown."""
        return self._shown

    def _fit(self, size: QSizeF) -> None:
        self.setFixedHeight(max(ceil(size.height()), self.fontMetrics().height()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def createMimeDataFromSelection(self) -> QMimeData:
        return self._pieces.selected(self.textCursor())
