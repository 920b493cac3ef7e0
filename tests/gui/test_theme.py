"""Both themes can be read: WCAG AA for text, 3:1 for signs."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from flowscope_app import theme
from flowscope_app.spans.kinds import Kind
from flowscope_app.theme import DARK, LIGHT, Tokens, contrast

both = pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=["dark", "light"])


@both
def test_text_is_readable_on_every_surface(tokens: Tokens) -> None:
    for surface in (tokens.window, tokens.panel, tokens.raised, tokens.hover, tokens.selection):
        assert contrast(tokens.text, surface) >= 4.5
    for surface in (tokens.window, tokens.panel, tokens.raised):
        for ink in (tokens.dim, tokens.accent, tokens.error, tokens.warn):
            assert contrast(ink, surface) >= 4.5, (ink.name(), surface.name())
        assert contrast(tokens.success, surface) >= 3


@both
def test_any_colour_becomes_readable_as_text(tokens: Tokens) -> None:
    for surface in (tokens.window, tokens.panel, tokens.raised, tokens.hover, tokens.selection):
        for colour in (*tokens.kinds.values(), tokens.success, tokens.error, tokens.dim, tokens.faint):
            assert contrast(theme.ink(colour, surface, tokens.text), surface) >= 4.5
    assert theme.ink(tokens.text, tokens.panel, tokens.text).name() == tokens.text.name()


@both
def test_labels_are_readable_on_bars(tokens: Tokens) -> None:
    for kind in Kind:
        assert contrast(tokens.on_kind(kind), tokens.kind(kind)) >= 4.5, kind
        assert contrast(tokens.kind(kind), tokens.panel) >= 3, kind
    assert contrast(tokens.on_error, tokens.error) >= 4.5


def test_the_theme_switches_and_says_so(qtbot: QtBot) -> None:
    theme.set_mode("dark")
    with qtbot.waitSignal(theme.signals().changed):
        theme.set_mode("light")
    assert theme.current() is LIGHT
    theme.set_mode("dark")
    assert theme.current() is DARK


def test_the_shipped_fonts_are_used(qtbot: QtBot) -> None:
    assert theme.ui_font().family() == "Inter"
    assert theme.mono_font().family() == "JetBrains Mono"


def test_however_often_it_was_put_on_a_change_dresses_the_window_once(qapp):
    for _ in range(3):
        theme.apply(qapp, "dark")
    heard = []
    dressed = lambda: heard.append(theme.mode())  # noqa: E731
    theme.signals().changed.connect(dressed)
    theme.set_mode("light")
    theme.signals().changed.disconnect(dressed)
    assert heard == ["light"]
