"""Colours, fonts, icons and style sheet: what makes every view look like one window."""

from __future__ import annotations

from flowscope_app.theme.fonts import BASE_PX, HEADING_PX, MONO_PX, mono_font, ui_font
from flowscope_app.theme.icons import icon
from flowscope_app.theme.manager import Mode, apply, current, mode, set_mode, signals
from flowscope_app.theme.tokens import AA, DARK, LIGHT, Tokens, contrast, ink

__all__ = [
    "AA",
    "BASE_PX",
    "DARK",
    "HEADING_PX",
    "LIGHT",
    "MONO_PX",
    "Mode",
    "Tokens",
    "apply",
    "contrast",
    "current",
    "icon",
    "ink",
    "mode",
    "mono_font",
    "set_mode",
    "signals",
    "ui_font",
]
