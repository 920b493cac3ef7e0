"""What stands in a bar: name, model and duration, as much as there is room for, always plain text on one line."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontMetricsF

from flowscope_app.base import format as fmt
from flowscope_app.spans.table import NO_END, SpanTable

_KEPT = 20_000  # measured texts


class Labels:
    """Fits texts into widths; remembers what it measured."""

    def __init__(self, font: QFont) -> None:
        self.font = font
        self._metrics = QFontMetricsF(font)
        self._widths: dict[str, float] = {}
        self._cut: dict[tuple[str, int], str] = {}  # by text and px
        self._names: dict[int, str] = {}
        self._table: SpanTable | None = None
        middle = self._metrics.ascent() - self._metrics.descent()
        self.baseline = middle / 2  # below the middle of a line

    def width(self, text: str) -> float:
        """Width of a text, px."""
        found = self._widths.get(text)
        if found is None:
            if len(self._widths) > _KEPT:
                self._widths.clear()
            found = self._widths[text] = self._metrics.horizontalAdvance(text)
        return found

    def elided(self, text: str, room: float) -> str:
        """The text, cut with an ellipsis if it is wider than `room`."""
        if self.width(text) <= room:
            return text
        wanted = text, int(room)
        found = self._cut.get(wanted)
        if found is None:
            if len(self._cut) > _KEPT:
                self._cut.clear()
            found = self._cut[wanted] = self._metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(room))
        return found

    def name(self, table: SpanTable, key: int) -> str:
        """A name of the table, safe to paint."""
        if table is not self._table:
            self._table = table
            self._names.clear()
        found = self._names.get(key)
        if found is None:
            found = self._names[key] = fmt.one_line(table.names.get(key, ""), 120)
        return found

    def bar(self, table: SpanTable, row: int, end: int, room: float) -> str:
        """The label of a span that is painted to `end` (ns) with `room` px for text; empty if a letter hardly fits."""
        name = self.name(table, int(table.op[row])) or "unnamed"
        if self.width(name) > room:
            cut = self.elided(name, room)
            return cut if len(cut) > 3 else ""
        time = fmt.duration(end - int(table.start[row]))
        if int(table.end[row]) == NO_END:
            time = f"running {time}"
        model = self.name(table, int(table.model[row]))
        for text in (f"{name} {model} {time}" if model and model != name else "", f"{name} {time}"):
            if text and self.width(text) <= room:
                return text
        return name
