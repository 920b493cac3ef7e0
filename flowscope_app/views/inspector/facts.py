"""The key facts below the tabs: tokens, parameters, where the span stands and when it ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QPushButton, QSizePolicy, QWidget

from flowscope_app.base import format as fmt
from flowscope_app.spans.parts import json_text
from flowscope_app.views.common.labels import ElidedLabel, PlainLabel
from flowscope_app.views.common.plain import describe
from flowscope_app.views.inspector.details import Details, SpanFacts

_PARAMETERS = (
    "top_p", "top_k", "max_tokens", "seed", "stop_sequences", "frequency_penalty", "presence_penalty", "choice.count",
)  # fmt: skip
Row = tuple[str, str]


class FactsView(QWidget):
    """Two columns, name and value; the parent is a link."""

    parent_chosen = Signal(object)  # the parent's span key

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parent_key: int | None = None
        self._rows: list[Row] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(14, 10, 14, 12)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnMinimumWidth(0, 92)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        describe(self, "Key facts")
        self.link = QPushButton()
        self.link.setProperty("role", "link")
        self.link.setCursor(Qt.CursorShape.PointingHandCursor)
        self.link.clicked.connect(lambda: self.parent_chosen.emit(self._parent_key))

    def show_facts(self, facts: SpanFacts, details: Details | None, cost: tuple[Row, ...] = ()) -> None:
        """Show what is known now; without details, what the table knows. `cost` is by list prices."""
        self._parent_key = facts.parent_key
        rows = fact_rows(facts, details.payload.metadata if details else {}, cost)
        if rows == self._rows:
            return
        self._rows = rows
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None and widget is not self.link:
                widget.hide()
                widget.deleteLater()
        self.link.hide()
        for at, (name, value) in enumerate(rows):
            label = PlainLabel(name, role="dim")
            self._grid.addWidget(label, at, 0)
            if name == "parent" and facts.parent_key is not None:
                self.link.setText(self.link.fontMetrics().elidedText(value, Qt.TextElideMode.ElideRight, 220))
                describe(self.link, f"Select the parent, {value}")
                self._grid.addWidget(self.link, at, 1, Qt.AlignmentFlag.AlignLeft)
                self.link.show()
                continue
            shown = ElidedLabel(value)
            shown.setAccessibleName(f"{name}: {fmt.one_line(value)}")
            self._grid.addWidget(shown, at, 1)

    def rows(self) -> list[Row]:
        """What is shown."""
        return list(self._rows)


def fact_rows(facts: SpanFacts, metadata: Mapping[str, Any], cost: tuple[Row, ...] = ()) -> list[Row]:
    """Names and values, only of what is known; what the program itself says of its cost goes before list prices."""
    reported = _cost(metadata)
    rows = [
        ("input / output", _tokens(facts, metadata)),
        *((("cost", reported),) if reported else cost),
        ("temperature", _text(_request(metadata, "temperature"))),
        ("parameters", _parameters(metadata)),
        ("finish reason", _text(metadata.get("gen_ai.response.finish_reasons"))),
        ("parent", fmt.one_line(facts.parent_operation or "(unnamed)", 120) if facts.parent_key is not None else ""),
        ("children", fmt.count(facts.children) if facts.children else ""),
        ("started", f"{_clock(facts.start)}  +{fmt.offset(facts.after_origin)}"),
        ("program", " · ".join(part for part in (facts.program, facts.program_detail) if part)),
        ("framework", " · ".join(part for part in (facts.framework, facts.language) if part)),
        ("trace", _text(metadata.get("flowscope.trace_id"))),
    ]
    return [(name, value) for name, value in rows if value]


def _tokens(facts: SpanFacts, metadata: Mapping[str, Any]) -> str:
    tokens_in, tokens_out, asides = facts.tokens_in, facts.tokens_out, []
    if not tokens_in and not tokens_out:
        tokens_in, tokens_out = (_token_count(metadata, name) for name in ("input_tokens", "output_tokens"))
        if not tokens_in and not tokens_out:
            return ""
        asides.append("counted on a call below")
    cached = metadata.get("gen_ai.usage.cache_read.input_tokens")
    reasoning = metadata.get("gen_ai.usage.reasoning.output_tokens")
    if isinstance(cached, int) and cached > 0:
        asides.append(f"{fmt.count(cached)} cached")
    if isinstance(reasoning, int) and reasoning > 0:
        asides.append(f"{fmt.count(reasoning)} reasoning")
    said = f"{fmt.count(tokens_in)} / {fmt.count(tokens_out)} tokens"
    return f"{said} ({', '.join(asides)})" if asides else said


def _token_count(metadata: Mapping[str, Any], name: str) -> int:
    said = metadata.get(f"gen_ai.usage.{name}")
    return said if isinstance(said, int) and not isinstance(said, bool) and said > 0 else 0


def _cost(metadata: Mapping[str, Any]) -> str:
    """What the program itself reports; nothing is guessed."""
    said = metadata.get("llm.cost.total", metadata.get("gen_ai.usage.cost"))
    return f"${said:,.5f} as reported" if isinstance(said, (int, float)) and not isinstance(said, bool) else ""


def _request(metadata: Mapping[str, Any], name: str) -> Any:
    return metadata.get(f"gen_ai.request.{name}")


def _parameters(metadata: Mapping[str, Any]) -> str:
    said = [(name, _text(_request(metadata, name))) for name in _PARAMETERS]
    return " · ".join(f"{name} {value}" for name, value in said if value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(inner) for inner in value[:8])
    return "" if value is None else fmt.one_line(json_text(value), 200)


def _clock(ns: int) -> str:
    return f"{fmt.clock(ns)}.{ns // 1_000_000 % 1000:03d}"
