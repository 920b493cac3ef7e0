"""Brushes and pens of the timeline in the colours of a theme."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QPen

from flowscope_app.spans.kinds import Kind
from flowscope_app.theme import AA, Tokens, contrast
from flowscope_app.timeline.drawlist import ABANDONED, DIM, ERROR, PENDING

_STRENGTH = {"dark": 0.88, "light": 1.0}  # a little of the panel keeps large bars calm on dark
_PENDING = 0.32
_DIM = 0.2


def mixed(colour: QColor, ground: QColor, share: float) -> QColor:
    """`share` of a colour over a ground."""
    rest = 1 - share
    return QColor.fromRgbF(
        colour.redF() * share + ground.redF() * rest,
        colour.greenF() * share + ground.greenF() * rest,
        colour.blueF() * share + ground.blueF() * rest,
    )


@dataclass(frozen=True)
class Paint:
    """How bars of one style and kind are painted: all colours are opaque."""

    fill: QColor
    brush: QBrush
    text: QColor
    edge: QColor  # end cap and stripe


class Paints:
    """Colours worked out once a theme."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self._bars: dict[tuple[int, int], Paint] = {}
        self.grid = QPen(mixed(tokens.line, tokens.panel, 0.6))
        self.link = QPen(tokens.accent, 1.2, Qt.PenStyle.CustomDashLine)
        self.link.setDashPattern([3, 3])
        self.own_link = QPen(tokens.accent, 1.6)
        self.outline = QPen(tokens.accent, 2)
        self.hover = QPen(tokens.text, 1)
        self.hatch = QColor(tokens.text)
        self.hatch.setAlphaF(0.05)
        self.left = QColor(tokens.text)  # the hatch of what was left open
        self.left.setAlphaF(0.28)

    def bar(self, style: int, kind: int) -> Paint:
        """The paint of a bar: `style` as the draw list has it, `kind` a `Kind`."""
        found = self._bars.get((style, kind))
        if found is None:
            found = self._bars[style, kind] = self._make(style, kind)
        return found

    def _make(self, style: int, kind: int) -> Paint:
        tokens = self.tokens
        known = Kind(kind) if kind in Kind.__members__.values() else Kind.OTHER
        colour = tokens.error if style & ERROR else tokens.faint if style & ABANDONED else tokens.kind(known)
        pale = style & (PENDING | ABANDONED)
        if not tokens.dark and not pale:
            colour = _deep(colour, tokens)
        share = _PENDING if pale else _STRENGTH[tokens.name]
        fill = mixed(colour, tokens.panel, share * (_DIM if style & DIM else 1))
        inks = {ink.name(): ink for ink in (tokens.text, tokens.on_error, tokens.on_accent, *tokens.on_kinds.values())}
        text = max(inks.values(), key=lambda ink: contrast(ink, fill))
        if style & DIM:
            text = tokens.dim
        return Paint(fill, QBrush(fill), text, mixed(colour, tokens.panel, _DIM if style & DIM else 1))


def _deep(colour: QColor, tokens: Tokens) -> QColor:
    """A colour of the light theme, no lighter than white text on it needs: dark text on a full colour reads badly."""
    shares = (1 - step / 50 for step in range(51))
    deeper = (mixed(colour, tokens.text, share) for share in shares)
    return next((each for each in deeper if contrast(tokens.panel, each) >= AA), tokens.text)


_made: dict[str, Paints] = {}


def paints_of(tokens: Tokens) -> Paints:
    """The paints of a theme."""
    found = _made.get(tokens.name)
    if found is None or found.tokens is not tokens:
        found = _made[tokens.name] = Paints(tokens)
    return found
