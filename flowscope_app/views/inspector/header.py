"""The inspector's head: what the span is, how it went, how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from flowscope_app.base import format as fmt
from flowscope_app.spans.kinds import Status
from flowscope_app.views.common.labels import ElidedLabel, PlainLabel, Role
from flowscope_app.views.common.pill import KindPill
from flowscope_app.views.inspector.details import SpanFacts

_SIGNS: dict[Status, tuple[str, Role]] = {
    Status.SUCCESS: ("✓", "success"),
    Status.ERROR: ("✕ error", "error"),
    Status.PENDING: ("● running", "success"),
    Status.ABANDONED: ("∅ abandoned", "dim"),
}


class Header(QWidget):
    """Two lines: operation, status and kind; model, duration and first token."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = ElidedLabel(role="heading")
        self._sign = PlainLabel()
        self._kind = KindPill()
        self._line = ElidedLabel(role="dim")
        first = QHBoxLayout()
        first.setSpacing(10)
        first.addWidget(self._name, 1)
        first.addWidget(self._sign)
        first.addWidget(self._kind)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 6)
        layout.setSpacing(3)
        layout.addLayout(first)
        layout.addWidget(self._line)

    def show_facts(self, facts: SpanFacts, now: int, metadata: Mapping[str, Any]) -> None:
        """Show a span; `now` (ns) is where it ends while it is pending."""
        self._name.setText(facts.operation or "(unnamed)")
        sign, role = _SIGNS[facts.status]
        self._sign.setText(sign)
        self._sign.set_role(role)
        self._sign.setAccessibleName(f"Status: {facts.status.name.lower()}")
        self._kind.set_kind(facts.kind)
        self._line.setText(" · ".join(_line(facts, now, metadata)))

    def line(self) -> str:
        """The second line."""
        return self._line.full_text()


def _line(facts: SpanFacts, now: int, metadata: Mapping[str, Any]) -> list[str]:
    first_token = metadata.get("flowscope.first_token_ns")
    took = fmt.duration(max(0, (now if facts.end is None else facts.end) - facts.start))
    streaming = facts.pending and isinstance(first_token, int)
    parts = [fmt.one_line(facts.model, 60)] if facts.model else []
    parts.append(f"{'streaming' if streaming else 'running'} {took}" if facts.pending else took)
    if isinstance(first_token, int) and not isinstance(first_token, bool) and first_token >= 0:
        parts.append(f"first token {fmt.duration(first_token)}")
    return parts
