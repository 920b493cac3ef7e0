"""The colours of the two themes, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from PySide6.QtGui import QColor

from flowscope_app.spans.kinds import Kind


@dataclass(frozen=True)
class Tokens:
    """One theme. `faint` is decoration and never carries what must be read: it does not reach WCAG AA."""

    name: str
    window: QColor
    panel: QColor
    raised: QColor
    hover: QColor
    line: QColor
    text: QColor
    dim: QColor
    faint: QColor
    accent: QColor
    on_accent: QColor
    selection: QColor
    error: QColor
    on_error: QColor
    success: QColor
    warn: QColor
    kinds: Mapping[Kind, QColor]
    on_kinds: Mapping[Kind, QColor]

    @property
    def dark(self) -> bool:
        """Whether this is the dark theme."""
        return self.name == "dark"

    def kind(self, kind: Kind) -> QColor:
        """The colour of a kind's bars, dots and borders."""
        return self.kinds[kind]

    def on_kind(self, kind: Kind) -> QColor:
        """The colour of text on a bar of that kind."""
        return self.on_kinds[kind]


def luminance(colour: QColor) -> float:
    """Relative luminance, by WCAG 2.2."""

    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) + 0.0722 * linear(colour.blueF())


AA = 4.5  # contrast that text needs


def contrast(one: QColor, other: QColor) -> float:
    """Contrast ratio, by WCAG 2.2: 4.5 is AA for text, 3 for signs."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def ink(colour: QColor, ground: QColor, text: QColor) -> QColor:
    """`colour` fit to be read on `ground`: moved towards `text` by as little as WCAG AA asks for."""
    for step in range(11):
        share = step / 10
        mixed = QColor.fromRgbF(
            colour.redF() + (text.redF() - colour.redF()) * share,
            colour.greenF() + (text.greenF() - colour.greenF()) * share,
            colour.blueF() + (text.blueF() - colour.blueF()) * share,
        )
        if contrast(mixed, ground) >= AA:
            return mixed
    return text


def _readable_on(colour: QColor) -> QColor:
    ink, paper = QColor("#0d1016"), QColor("#ffffff")
    return max((ink, paper), key=lambda candidate: contrast(candidate, colour))


def _tokens(name: str, colours: Mapping[str, str], kinds: Mapping[Kind, str]) -> Tokens:
    palette = {kind: QColor(kinds.get(kind, kinds[Kind.OTHER])) for kind in Kind}
    named = {key: QColor(value) for key, value in colours.items()}
    return Tokens(
        name=name,
        **named,
        on_accent=_readable_on(named["accent"]),
        on_error=_readable_on(named["error"]),
        kinds=MappingProxyType(palette),
        on_kinds=MappingProxyType({kind: _readable_on(colour) for kind, colour in palette.items()}),
    )


def _kinds(llm: str, tool: str, retriever: str, embedding: str, agent: str, chain: str) -> dict[Kind, str]:
    return {
        Kind.LLM: llm,
        Kind.TOOL: tool,
        Kind.RETRIEVER: retriever,
        Kind.RERANKER: retriever,
        Kind.EMBEDDING: embedding,
        Kind.AGENT: agent,
        Kind.WORKFLOW: agent,
        Kind.CHAIN: chain,
        Kind.OTHER: chain,
    }


DARK = _tokens(
    "dark",
    {
        "window": "#16181d",
        "panel": "#1b1e24",
        "raised": "#22262e",
        "hover": "#272c35",
        "line": "#2c313b",
        "text": "#d7dbe3",
        "dim": "#8a93a3",
        "faint": "#5b6473",
        "accent": "#5aa9ff",
        "selection": "#22395a",
        "error": "#f2667a",
        "success": "#63c174",
        "warn": "#e0b354",
    },
    _kinds("#6ea8fe", "#e0a458", "#4fb99f", "#9d8df1", "#d67ab1", "#8b95a7"),
)

LIGHT = _tokens(
    "light",
    {
        "window": "#f6f7f9",
        "panel": "#ffffff",
        "raised": "#eef1f5",
        "hover": "#e6eaf0",
        "line": "#dde1e8",
        "text": "#1c2330",
        "dim": "#5c6676",
        "faint": "#98a1b0",
        "accent": "#1667d9",
        "selection": "#dbe8fb",
        "error": "#c9304a",
        "success": "#2c8a46",
        "warn": "#8a5f06",
    },
    _kinds("#3f7fe0", "#c17f24", "#1f8f77", "#7461d6", "#b5508c", "#7d8798"),
)
