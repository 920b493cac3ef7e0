"""Every action of the window as data: name, shortcut, what it does. Menu, palette and shortcut map read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget


@dataclass(frozen=True)
class ActionRow:
    """One action. `keys` are alternatives; `run` is called without arguments."""

    name: str
    group: str
    keys: tuple[str, ...]
    run: Callable[[], object]


# Keys that views handle themselves while they have the focus; here only so that the map names them.
VIEW_KEYS: tuple[tuple[str, str, str], ...] = (
    ("Timeline", "W  S", "Zoom in and out at the pointer, while held"),
    ("Timeline", "A  D", "Pan left and right, while held"),
    ("Timeline", "Wheel", "Zoom at the pointer"),
    ("Timeline", "Shift+Wheel", "Pan"),
    ("Timeline", "Drag", "Pan"),
    ("Timeline", "Shift+Drag", "Zoom to the box"),
    ("Timeline", "Drag on the axis, Alt+Drag", "Select a range and sum what it holds; Esc lets go"),
    ("Timeline", "Double click", "Zoom to the span"),
    ("Timeline", "← ↑ → ↓", "Go to the span before, the parent, the span after, the first child"),
)


def install(window: QWidget, rows: Iterable[ActionRow]) -> list[QAction]:
    """Make a QAction of every row and give it to the window; returns them in the same order."""
    made = []
    for row in rows:
        action = QAction(row.name, window)
        action.setShortcuts([QKeySequence(key) for key in row.keys])
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.triggered.connect(lambda _checked=False, run=row.run: run())
        window.addAction(action)
        made.append(action)
    return made


def key_text(key: str) -> str:
    """A shortcut as this platform writes it."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
