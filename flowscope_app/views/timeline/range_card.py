"""What lies in a selected range, in words, on a small card over the timeline."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from flowscope_app import theme
from flowscope_app.analysis.range_sum import RangeSum
from flowscope_app.base import format as fmt
from flowscope_app.views.common.labels import PlainLabel
from flowscope_app.views.common.plain import describe

_MARGIN = 10  # px from the timeline's corner
_KINDS = 5


class RangeCard(QFrame):
    """Sums of a range; it stands in the lower right corner and lets the mouse through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setObjectName("rangeCard")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        describe(self, "Selected range")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(12, 8, 12, 8)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(2)
        self._said: list[tuple[str, str]] = []
        self.hide()

    def text(self) -> str:
        """All that the card says."""
        return "\n".join(f"{left} {right}" for left, right in self._said)

    def show_sum(self, found: RangeSum) -> None:
        """Say what a range holds."""
        self._said = lines(found)
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for at, (left, right) in enumerate(self._said):
            value = PlainLabel(right, role="text" if at < 1 or left in _HEAD else "dim")
            self._grid.addWidget(PlainLabel(left, role="text" if at == 0 else "dim"), at, 0)
            self._grid.addWidget(value, at, 1, Qt.AlignmentFlag.AlignRight)
        self.setAccessibleDescription(self.text())
        self._grid.activate()
        self.resize(self._grid.sizeHint())
        self.place()
        self.show()
        self.raise_()

    def place(self) -> None:
        """Go to the corner, which may have moved."""
        room = self._over.size()
        self.move(max(0, room.width() - self.width() - _MARGIN), max(0, room.height() - self.height() - _MARGIN))

    def paintEvent(self, _event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(tokens.line)
        painter.setBrush(tokens.raised)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()


_HEAD = ("Spans", "Errors", "Tokens", "Cost", "Busy")


def lines(found: RangeSum) -> list[tuple[str, str]]:
    """The card's lines: what, and how much."""
    length = max(found.last - found.first, 1)
    said = [("Range", fmt.duration(length)), ("Spans", fmt.count(found.spans))]
    if found.errors:
        said.append(("Errors", f"✕ {fmt.count(found.errors)}"))
    if found.tokens_in or found.tokens_out:
        said.append(("Tokens", f"{fmt.count(found.tokens_in)} → {fmt.count(found.tokens_out)}"))
    if found.cost is not None:
        rest = f" + {fmt.count(found.unpriced)} unknown" if found.unpriced else ""
        said.append(("Cost", fmt.dollars(found.cost) + rest))
    elif found.unpriced:
        said.append(("Cost", "unknown"))
    said.append(("Busy", f"{fmt.duration(found.busy)} · {found.busy / length:.0%}"))
    for each in found.kinds[:_KINDS]:
        said.append((each.kind.label, f"{fmt.count(each.spans)} · {fmt.duration(each.busy)}"))
    if len(found.kinds) > _KINDS:
        said.append(("other kinds", fmt.count(sum(each.spans for each in found.kinds[_KINDS:]))))
    return said
