"""Which theme is on: the system's, or the one the user chose."""

from __future__ import annotations

from functools import cache
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from flowscope_app.theme.fonts import ui_font
from flowscope_app.theme.palette import palette_of
from flowscope_app.theme.stylesheet import stylesheet_of
from flowscope_app.theme.tokens import DARK, LIGHT, Tokens

Mode = Literal["system", "dark", "light"]


class Signals(QObject):
    """`changed` is sent after another theme came on; views that paint themselves repaint on it."""

    changed = Signal()


@cache
def signals() -> Signals:
    """The one sender of the theme's signals."""
    return Signals()


_mode: Mode = "system"
_current: Tokens = DARK


def current() -> Tokens:
    """The theme that is on."""
    return _current


def mode() -> Mode:
    """What the user chose: to follow the system, or one of the two."""
    return _mode


def set_mode(chosen: Mode) -> None:
    """Choose a theme, or to follow the system, and put it on at once."""
    global _mode
    _mode = chosen
    scheme = {"dark": Qt.ColorScheme.Dark, "light": Qt.ColorScheme.Light}.get(chosen, Qt.ColorScheme.Unknown)
    QGuiApplication.styleHints().setColorScheme(scheme)
    _refresh()


def apply(app: QApplication, chosen: Mode = "system") -> None:
    """Dress the application: style, font, theme; then follow the system's changes."""
    app.setStyle("Fusion")
    app.setFont(ui_font())
    _follow_the_system()
    set_mode(chosen)


@cache
def _follow_the_system() -> None:
    QGuiApplication.styleHints().colorSchemeChanged.connect(_system_changed)


def _system_changed() -> None:
    if _mode == "system":  # otherwise it was us, who dress all anew by themselves
        _refresh()


def _refresh() -> None:
    global _current
    chosen = _mode
    if chosen == "system":
        # A platform that does not tell (offscreen, some window managers) gets the dark theme.
        scheme = QGuiApplication.styleHints().colorScheme()
        chosen = "light" if scheme == Qt.ColorScheme.Light else "dark"
    _current = LIGHT if chosen == "light" else DARK
    app = QApplication.instance()
    if isinstance(app, QApplication):
        app.setPalette(palette_of(_current))
        app.setStyleSheet(stylesheet_of(_current))
    signals().changed.emit()
