"""Long lines in pieces: Qt lays out a line whole, and one of a million characters takes it many seconds."""

from __future__ import annotations

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QTextCursor, QTextDocument

PIECE = 2_000  # characters in one line


class Pieces:
    """Breaks a growing text's long lines, and knows the breaks again when text is copied."""

    def __init__(self) -> None:
        self._continued: set[int] = set()  # blocks that go on with the line before them

    def clear(self) -> None:
        """Begin with another text."""
        self._continued.clear()

    def split(self, text: str, block: int = 0, column: int = 0) -> str:
        """Break lines longer than PIECE, the first one going on at `column` of `block`."""
        lines = []
        for number, line in enumerate(text.split("\n")):
            block += number > 0
            room = PIECE - column if number == 0 else PIECE
            lines.append(line[:room])
            for start in range(room, len(line), PIECE):
                block += 1
                self._continued.add(block)
                lines.append(line[start : start + PIECE])
        return "\n".join(lines)

    def join(self, text: str, first: int = 0) -> str:
        """Undo the breaks in text that begins in block `first`."""
        if not self._continued:
            return text
        lines = text.split("\n")
        joined = lines[:1]
        for number, line in enumerate(lines[1:], first + 1):
            joined.append(line if number in self._continued else "\n" + line)
        return "".join(joined)

    def append(self, document: QTextDocument, more: str) -> None:
        """Add to the end of a document."""
        last = document.lastBlock()
        cursor = QTextCursor(document)
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(self.split(more, last.blockNumber(), last.length() - 1))

    def selected(self, cursor: QTextCursor) -> QMimeData:
        """The selection as plain text for the clipboard."""
        first = cursor.document().findBlock(cursor.selectionStart()).blockNumber()
        data = QMimeData()
        data.setText(self.join(cursor.selection().toPlainText(), first))
        return data
