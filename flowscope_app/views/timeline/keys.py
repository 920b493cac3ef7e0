"""What the keys do on the timeline, besides those that move it while they are held."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

_KEY = Qt.Key
_PLAIN = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier  # `+` is Shift and `=` on many

ACTIONS: Mapping[int, str] = MappingProxyType(
    {
        _KEY.Key_Up: "parent",
        _KEY.Key_Down: "child",
        _KEY.Key_Left: "previous",
        _KEY.Key_Right: "next",
        _KEY.Key_Plus: "zoom in",
        _KEY.Key_Equal: "zoom in",
        _KEY.Key_Minus: "zoom out",
        _KEY.Key_PageUp: "page up",
        _KEY.Key_PageDown: "page down",
        _KEY.Key_F: "fit selection",
        _KEY.Key_Return: "fit selection",
        _KEY.Key_Enter: "fit selection",
        _KEY.Key_0: "fit all",
        _KEY.Key_Home: "fit all",
        _KEY.Key_L: "follow",
        _KEY.Key_End: "follow",
        _KEY.Key_Escape: "clear",
        _KEY.Key_BracketLeft: "back",
        _KEY.Key_BracketRight: "forward",
        _KEY.Key_R: "range",
        _KEY.Key_G: "tracks",
        _KEY.Key_C: "critical",
        _KEY.Key_M: "mark",
        _KEY.Key_Period: "next mark",
        _KEY.Key_Comma: "previous mark",
    }
)


def press(event: QKeyEvent, actions: Mapping[str, Callable[[], object]]) -> None:
    """Run the action of a key and accept the event; leave alone what means something else."""
    name = ACTIONS.get(event.key())
    if name is not None and not event.modifiers() & ~_PLAIN:
        actions[name]()
        event.accept()
