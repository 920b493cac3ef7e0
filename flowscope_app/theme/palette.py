"""Qt's palette made of a theme's tokens."""

from __future__ import annotations

from PySide6.QtGui import QPalette

from flowscope_app.theme.tokens import Tokens


def palette_of(tokens: Tokens) -> QPalette:
    """The palette that Fusion draws every standard control with."""
    palette = QPalette()
    role = QPalette.ColorRole
    for which, colour in {
        role.Window: tokens.panel,
        role.WindowText: tokens.text,
        role.Base: tokens.panel,
        role.AlternateBase: tokens.raised,
        role.Text: tokens.text,
        role.Button: tokens.raised,
        role.ButtonText: tokens.text,
        role.BrightText: tokens.error,
        role.Highlight: tokens.selection,
        role.HighlightedText: tokens.text,
        role.ToolTipBase: tokens.raised,
        role.ToolTipText: tokens.text,
        role.PlaceholderText: tokens.dim,
        role.Link: tokens.accent,
        role.Accent: tokens.accent,
        role.Mid: tokens.line,
        role.Midlight: tokens.line,
        role.Light: tokens.line,
        role.Dark: tokens.line,
        role.Shadow: tokens.window,
    }.items():
        palette.setColor(which, colour)
    for which in (role.Text, role.WindowText, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, tokens.faint)
    return palette
