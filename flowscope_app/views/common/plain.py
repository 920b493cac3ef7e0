"""Text of a trace made safe to show: control and reordering characters visible, tooltips never read as HTML."""

from __future__ import annotations

import html

from PySide6.QtWidgets import QWidget

from flowscope_app.base import format as fmt

# Marks that reorder or hide text: what is shown must be what is there.
_HIDDEN = [
    0x00AD, 0x061C, 0x180E, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF,
    *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080),
]  # fmt: skip
_TABLE: dict[int, str] = {
    **{code: chr(0x2400 + code) for code in range(0x20) if code not in (0x09, 0x0A)},
    **{code: f"‹{code:02X}›" for code in range(0x7F, 0xA0)},
    **{code: f"‹U+{code:04X}›" for code in _HIDDEN},
    0x2028: "\n",
    0x2029: "\n",
    0x85: "\n",
}
_SURROGATES = dict.fromkeys(range(55296, 57344), "�")
TOOLTIP_LIMIT = 600  # characters; a tooltip is a glance


def visible(text: str) -> str:
    """`text` with line ends and tabs kept and every other control or reordering character made visible."""
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n").translate(_TABLE)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.translate(_SURROGATES)
    return text


def tooltip(text: str) -> str:
    """`text` for `setToolTip`, which would otherwise guess whether it is HTML and load what it names."""
    if not text:
        return ""
    cut = text[:TOOLTIP_LIMIT] + ("…" if len(text) > TOOLTIP_LIMIT else "")
    return f'<p style="white-space:pre-wrap">{html.escape(visible(cut))}</p>'


def describe(widget: QWidget, name: str, description: str = "") -> None:
    """Give a control the name that a screen reader says."""
    widget.setAccessibleName(fmt.one_line(name))
    if description:
        widget.setAccessibleDescription(fmt.one_line(description, 400))
