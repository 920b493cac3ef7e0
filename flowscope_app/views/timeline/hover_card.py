"""What lies under the pointer, in words; plain text, over the canvas, never in the pointer's way."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from flowscope_app import theme
from flowscope_app.base import format as fmt
from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.spans.notes import Notes
from flowscope_app.spans.table import NO_END, SpanTable
from flowscope_app.timeline.scene import Hit, Scene
from flowscope_app.views.common.labels import PlainLabel

_AWAY = 14  # px from the pointer
_WIDEST = 360


class HoverCard(QFrame):
    """A small card; `show_hit` fills and places it, `hide` takes it away."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setObjectName("hoverCard")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._title = PlainLabel(wrap=True)
        self._status = PlainLabel(role="error")
        self._facts = PlainLabel(role="dim")
        self.setMaximumWidth(_WIDEST)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(2)
        for label in (self._title, self._status, self._facts):
            layout.addWidget(label)
        self.hide()

    def text(self) -> str:
        """All that the card says."""
        parts = (self._title, self._status, self._facts)
        return "\n".join(label.text() for label in parts if label.text())

    def show_hit(self, scene: Scene, hit: Hit, at: QPoint, notes: Notes) -> None:
        """Say what `hit` is, beside the point `at` of the parent; `notes` know when streams began."""
        title, status, facts = describe_run(scene, hit) if hit.count > 1 else describe_span(scene, hit, notes)
        self._title.setText(title)
        self._status.setText(status)
        self._status.setVisible(bool(status))
        self._facts.setText(facts)
        self.adjustSize()
        self._place(at)
        self.show()
        self.raise_()

    def paintEvent(self, _event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(tokens.line)
        painter.setBrush(tokens.raised)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()

    def _place(self, at: QPoint) -> None:
        room = self._over.size()
        x = at.x() + _AWAY
        if x + self.width() > room.width():
            x = at.x() - _AWAY - self.width()
        y = at.y() + _AWAY
        if y + self.height() > room.height():
            y = at.y() - _AWAY - self.height()
        self.move(max(0, x), max(0, y))


def describe_span(scene: Scene, hit: Hit, notes: Notes) -> tuple[str, str, str]:
    """Title, what went wrong, and the facts of one span."""
    table, row = scene.table, hit.row
    kind = _kind(table, row)
    start, pending = int(table.start[row]), int(table.end[row]) == NO_END
    took = fmt.duration(scene.end(row) - start)
    model = table.names.get(int(table.model[row]), "")
    tokens_in, tokens_out = int(table.tokens_in[row]), int(table.tokens_out[row])
    lines = [
        " · ".join(part for part in (kind, fmt.one_line(model, 60)) if part),
        f"running for {took}" if pending else took,
        f"started at {fmt.duration(start - table.origin)} · {fmt.clock(start)}",
    ]
    first = int(notes.of(table.key[row : row + 1])["first"][0])
    if first > 0:
        lines.append(f"first token after {fmt.duration(first)}")
    if tokens_in > 0 or tokens_out > 0:
        lines.append(f"{fmt.count(tokens_in)} tokens in, {fmt.count(tokens_out)} out")
    failed = {Status.ERROR: "failed", Status.ABANDONED: "its program ended without closing it"}.get(
        Status(int(table.status[row])), ""
    )
    return fmt.one_line(table.op_name(row), 160) or "unnamed", failed, "\n".join(lines)


def describe_run(scene: Scene, hit: Hit) -> tuple[str, str, str]:
    """The same of spans too small to be told apart."""
    table, row = scene.table, hit.row
    failed = "with errors" if table.status[row] == Status.ERROR else ""
    name = fmt.one_line(table.op_name(row), 120) or "unnamed"
    return f"{fmt.count(hit.count)} spans", failed, f"among them {name}\ndouble click to zoom in"


def _kind(table: SpanTable, row: int) -> str:
    number = int(table.kind[row])
    return Kind(number).label if number in Kind.__members__.values() else Kind.OTHER.label
