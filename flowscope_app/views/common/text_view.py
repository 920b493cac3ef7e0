"""A long plain text that opens at once, whatever is in it, and grows without moving under the reader's eyes."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QTextOption
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from flowscope_app import theme
from flowscope_app.base import format as fmt
from flowscope_app.views.common.copy_button import CopyButton
from flowscope_app.views.common.labels import PlainLabel
from flowscope_app.views.common.pieces import Pieces
from flowscope_app.views.common.plain import describe, visible
from flowscope_app.views.common.save import SaveButton

LIMIT = 200_000  # characters shown


class PlainText(QPlainTextEdit):
    """A read-only text of pieces; copying joins the pieces again."""

    def __init__(self, parent: QWidget | None = None, *, mono: bool = False) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setFont(theme.mono_font() if mono else theme.ui_font())
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setTabChangesFocus(True)
        self.document().setDocumentMargin(0)
        self._shown = ""
        self._pieces = Pieces()

    def loadResource(self, _kind: int, _name: object) -> object:
        return None

    def text(self) -> str:
        """What is shown, without the breaks that were put into long lines."""
        return self._shown

    def show_text(self, text: str) -> None:
        """Show at most LIMIT characters; a text that only grew keeps the place, or its end if that was in view."""
        text = visible(text[:LIMIT])
        if text == self._shown:
            return
        if self._shown and text.startswith(self._shown):
            self._append(text[len(self._shown) :])
        else:
            self._replace(text)
        self._shown = text

    def _replace(self, text: str) -> None:
        self._pieces.clear()
        self.setPlainText(self._pieces.split(text))
        self.verticalScrollBar().setValue(0)

    def _append(self, more: str) -> None:
        bar = self.verticalScrollBar()
        at, at_end = bar.value(), bar.value() >= bar.maximum()
        self._pieces.append(self.document(), more)
        bar.setValue(bar.maximum() if at_end else at)

    def createMimeDataFromSelection(self) -> QMimeData:
        return self._pieces.selected(self.textCursor())


class TextView(QWidget):
    """A text with, when there is more than is shown, a line that says so and, with `offer`, gives the whole."""

    def __init__(self, name: str, parent: QWidget | None = None, *, mono: bool = False, offer: bool = True) -> None:
        super().__init__(parent)
        self.edit = PlainText(mono=mono)
        describe(self.edit, name)
        self._whole: Callable[[], bytes] = bytes
        self._notice = PlainLabel(role="dim", wrap=True)
        self._save = SaveButton(f"Save the whole {name.lower()} to a file", self._whole_bytes)
        self._copy = CopyButton(f"Copy the whole {name.lower()}", self._whole_text)
        self._more = QWidget()
        row = QHBoxLayout(self._more)
        row.setContentsMargins(0, 4, 0, 0)
        row.setSpacing(4)
        row.addWidget(self._notice, 1)
        for button in (self._save, self._copy):
            row.addWidget(button)
            button.setVisible(offer)
        self._more.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.edit, 1)
        layout.addWidget(self._more)

    def show_text(self, text: str, whole_size: int = 0, whole: Callable[[], bytes] | None = None) -> None:
        """Show the beginning of a text whose UTF-8 has `whole_size` bytes, all of which `whole` returns."""
        self._whole = whole or (lambda: text.encode("utf-8", "replace"))
        size = max(whole_size, len(text))
        shown = min(len(text), LIMIT)
        self._more.setVisible(shown < size and (shown < len(text) or whole_size > len(text.encode("utf-8", "replace"))))
        self._notice.setText(f"showing the first {fmt.size(shown)} of {fmt.size(size)}")
        self.edit.show_text(text)

    def notice(self) -> str:
        """What is said about text that is not shown, empty if all is."""
        return self._notice.text() if not self._more.isHidden() else ""

    def _whole_bytes(self) -> bytes:
        return self._whole()

    def _whole_text(self) -> str:
        return self._whole().decode("utf-8", "replace")
