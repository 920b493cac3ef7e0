"""The command palette: every action by its name."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from flowscope_app.shell.actions import ActionRow, key_text
from flowscope_app.shell.palette_item import PaletteDelegate

_WIDTH, _ROWS = 520, 11


class CommandPalette(QDialog):
    """A line to type in and the actions that match, best first; Enter runs the chosen one."""

    def __init__(self, rows: Sequence[ActionRow], parent: QWidget) -> None:
        self._over = parent
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setObjectName("palette")
        self.setAccessibleName("Command palette")
        self._rows = rows
        self._line = QLineEdit(placeholderText="Type a command")
        self._line.setAccessibleName("Command")
        self._list = QListWidget()
        self._list.setAccessibleName("Matching commands")
        self._list.setItemDelegate(PaletteDelegate(self._list))
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        layout.addWidget(self._line)
        layout.addWidget(self._list)
        self._line.textChanged.connect(self._match)
        self._line.installEventFilter(self)
        self._list.itemClicked.connect(self._run)
        self._match("")

    def popup(self) -> None:
        """Show it below the top of the window."""
        over = self._over
        width = min(_WIDTH, max(280, over.width() - 32))
        self.resize(width, 16 + 8 + 32 + _ROWS * 32)
        corner = over.mapToGlobal(over.rect().topLeft())
        self.move(corner.x() + (over.width() - width) // 2, corner.y() + 52)
        self._line.clear()
        self.show()
        self._line.setFocus()

    def names(self) -> list[str]:
        """The actions that match, as listed."""
        return [self._list.item(row).text() for row in range(self._list.count())]

    def _match(self, typed: str) -> None:
        self._list.clear()
        words = typed.lower().split()
        scored = [(self._score(row, words), number) for number, row in enumerate(self._rows)]
        for score, number in sorted(scored):
            if score < 0:
                continue
            row = self._rows[number]
            item = QListWidgetItem(row.name)
            item.setData(Qt.ItemDataRole.UserRole, number)
            item.setData(Qt.ItemDataRole.UserRole + 1, key_text(row.keys[0]) if row.keys else "")
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{row.name} {key_text(row.keys[0]) if row.keys else ''}")
            self._list.addItem(item)
        self._list.setCurrentRow(0)

    @staticmethod
    def _score(row: ActionRow, words: list[str]) -> int:
        name = f"{row.name} {row.group}".lower()
        if not all(word in name for word in words):
            return -1
        return 0 if words and name.startswith(words[0]) else 1

    def _run(self, item: QListWidgetItem | None) -> None:
        self.close()
        if item is not None:
            self._rows[item.data(Qt.ItemDataRole.UserRole)].run()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}
            step = steps.get(Qt.Key(event.key()))
            if step is not None:
                last = self._list.count() - 1
                self._list.setCurrentRow(max(0, min(last, self._list.currentRow() + step)))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run(self._list.currentItem())
                return True
        return super().eventFilter(watched, event)
