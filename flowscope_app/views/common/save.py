"""A button that saves a value to a file that the user names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QToolButton, QWidget

from flowscope_app import theme
from flowscope_app.views.common.plain import describe, tooltip


class SaveButton(QToolButton):
    """Asks where to, then writes what `source()` returns."""

    def __init__(self, name: str, source: Callable[[], bytes], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._source = source
        self.setText("Save…")
        self.setProperty("role", "bare")
        self.setToolTip(tooltip(name))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        describe(self, name)
        self.clicked.connect(self._ask)
        theme.signals().changed.connect(self._dress)
        self._dress()

    def save_to(self, path: Path) -> str:
        """Write the value to `path`; returns why that failed, or nothing."""
        try:
            path.write_bytes(self._source())
        except OSError as error:
            return f"Cannot write {path}: {error.strerror or error}"
        return ""

    def _ask(self) -> None:
        name, _filter = QFileDialog.getSaveFileName(self, "Save", "value.json")
        problem = self.save_to(Path(name)) if name else ""
        if problem:
            box = QMessageBox(QMessageBox.Icon.Warning, "Save", "", parent=self)
            box.setTextFormat(Qt.TextFormat.PlainText)
            box.setText(problem)
            box.exec()

    def _dress(self) -> None:
        self.setIcon(theme.icon("save"))
