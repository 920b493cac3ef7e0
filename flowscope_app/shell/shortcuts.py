"""The map of all shortcuts, shown by `?`."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from flowscope_app.shell.actions import VIEW_KEYS, ActionRow, key_text
from flowscope_app.views.common.labels import PlainLabel

_SCROLL_BAR = 16  # px


class ShortcutMap(QDialog):
    """Two columns of keys and what they do, by group."""

    def __init__(self, rows: Sequence[ActionRow], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        grid_widget = QWidget()
        grid = QGridLayout(grid_widget)
        grid.setContentsMargins(24, 20, 24, 20)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        listed = [(row.group, "   ".join(key_text(key) for key in row.keys), row.name) for row in rows if row.keys]
        group, line = "", 0
        for of, keys, name in sorted([*listed, *VIEW_KEYS], key=lambda entry: entry[0]):
            if of != group:
                group = of
                heading = PlainLabel(of.upper(), role="section")
                heading.setContentsMargins(0, 0 if line == 0 else 14, 0, 2)
                grid.addWidget(heading, line, 0, 1, 2)
                line += 1
            grid.addWidget(PlainLabel(keys, role="mono"), line, 0, Qt.AlignmentFlag.AlignLeft)
            grid.addWidget(PlainLabel(name), line, 1)
            line += 1
        scroll = QScrollArea(widgetResizable=True)
        scroll.setWidget(grid_widget)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)
        hint = grid_widget.sizeHint()
        self.resize(max(640, hint.width() + _SCROLL_BAR), min(760, hint.height() + 8))
