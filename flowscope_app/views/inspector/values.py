"""An input or an output that is no chat: text as text, anything else as a tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedLayout, QVBoxLayout, QWidget

from flowscope_app.base import format as fmt
from flowscope_app.spans.skim import CutStr, is_cut
from flowscope_app.views.common.copy_button import CopyButton
from flowscope_app.views.common.json_tree import JsonTree
from flowscope_app.views.common.labels import PlainLabel
from flowscope_app.views.common.save import SaveButton
from flowscope_app.views.common.text_view import TextView
from flowscope_app.views.inspector.details import Details

_SMALL = 60  # elements over which a value counts as big, for sharing out the height


class ValueView(QWidget):
    """One value: a title with its size, then the text or the tree."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._data = b""
        self._title = PlainLabel(title, role="section")
        self._size = PlainLabel(role="dim")
        self._cut = PlainLabel(role="warn", wrap=True)
        self._save = SaveButton(f"Save the {title.lower()} to a file", lambda: self._data)
        self._copy = CopyButton(f"Copy the {title.lower()}", self._copied)
        self.text = TextView(title)
        self.tree = JsonTree(title)
        self._nothing = PlainLabel(role="dim")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._title)
        head.addWidget(self._size, 1)
        head.addWidget(self._save)
        head.addWidget(self._copy)
        self._stack = QStackedLayout()
        for page in (self.text, self.tree, self._nothing):
            self._stack.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 8, 14, 8)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self._cut)
        layout.addLayout(self._stack, 1)

    def show_value(self, value: Any, data: bytes | None, cut: Mapping[str, Any] | None, nothing: str) -> None:
        """Show a decoded value with its JSON; `cut` is what the program says of a value that it shortened itself."""
        self._data = data or b""
        self._size.setText(fmt.size(len(self._data)) if data is not None else "")
        for button in (self._save, self._copy):
            button.setVisible(data is not None)
        length = cut.get("length") if cut else None
        self._cut.setVisible(cut is not None)
        whole = f" of {fmt.size(length)}" if isinstance(length, int) and length > 0 else ""
        self._cut.setText(f"The program kept only the beginning{whole}: see FLOWSCOPE_MAX_VALUE")
        if data is None:
            self._nothing.setText(nothing)
            self._stack.setCurrentWidget(self._nothing)
        elif isinstance(value, str):
            whole_size = value.whole if isinstance(value, CutStr) else 0
            self.text.show_text(value, whole_size, (lambda: self._data) if is_cut(value) else None)
            self._stack.setCurrentWidget(self.text)
        else:
            self.tree.show_value(value, self._data if len(self._data) > 1_000_000 else None)
            self._stack.setCurrentWidget(self.tree)

    def _copied(self) -> str:
        if self._stack.currentWidget() is self.tree:
            return self.tree.whole_text()
        shown = self.text.edit.text()
        return shown if not self.text.notice() else self._data.decode("utf-8", "replace")


class PairView(QSplitter):
    """Input above output, the height shared by what they hold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        self.setChildrenCollapsible(False)
        self.given = ValueView("Input")
        self.result = ValueView("Output")
        self.addWidget(self.given)
        self.addWidget(self.result)
        self._weights = (0, 0)

    def show_details(self, details: Details) -> None:
        """Show both values of a span."""
        payload = details.payload
        cut = payload.metadata.get("flowscope.truncated")
        self.given.show_value(details.given, payload.input, _cut_of(cut, "input"), "no input was recorded")
        waiting = "running …" if details.facts.pending else "no output was recorded"
        self.result.show_value(details.result, payload.output, _cut_of(cut, "output"), waiting)
        weights = (_weight(details.given), _weight(details.result))
        if weights != self._weights:
            self._weights = weights
            self.setSizes([1_000 * weight // sum(weights) for weight in weights])


def _cut_of(cut: Any, name: str) -> Mapping[str, Any] | None:
    found = cut.get(name) if isinstance(cut, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _weight(value: Any) -> int:
    """How much room a value wants beside another: 1, 2 or 3."""
    if isinstance(value, str):
        return 1 if len(value) < 200 else 2 if len(value) < 2_000 else 3
    if isinstance(value, (Mapping, list)):
        return 2 if len(value) < _SMALL else 3
    return 1


class OutputView(ValueView):
    """The output alone, over the whole height."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Output", parent)

    def show_details(self, details: Details) -> None:
        """Show a span's output."""
        payload = details.payload
        cut = _cut_of(payload.metadata.get("flowscope.truncated"), "output")
        self.show_value(details.result, payload.output, cut, "no output was recorded")
