"""An input or an output that is no chat: text as text, anything else as a tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedLayout, QVBoxLayout, QWidget

from flowscope_app.base import format as fmt
from flowscope_app.spans.skim import CutStr, is_cut
from flowscope_app.views.common.copy_button import CopyButton
from flowscope_app.views.common.json_tree import JsonTree
from flowscope_app.views.common.labels import PlainLabel
from flowscope_app.views.common.save import SaveButton
from flowscope_app.views.common.text_view import TextView
from flowscope_app.views.inspector.details import Details

_PLENTY = 60  # lines


class ValueView(QWidget):
    """One value: a title with its size, then the text or the tree."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._data = b""
        self._title = PlainLabel(title.upper(), role="section")
        self._size = PlainLabel(role="dim")
        self._cut = PlainLabel(role="warn", wrap=True)
        self._save = SaveButton(f"Save the {title.lower()} to a file", lambda: self._data)
        self._copy = CopyButton(f"Copy the {title.lower()}", self._copied)
        self.text = TextView(title, offer=False)
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

    def wanted_height(self) -> int:
        """The height in pixels at which all of a short value is seen; of a long one, plenty."""
        head = 60
        page = self._stack.currentWidget()
        if page is self.tree:
            return head + 20 * min(max(self.tree.visible_rows(), 2), _PLENTY)
        if page is self.text:
            text = self.text.edit.text()
            lines = text.count("\n", 0, 4_000) + min(len(text), 4_000) // 40 + 1
            return head + 18 * min(lines, _PLENTY)
        return head + 20

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
        self._wanted = (0, 0)
        self._shared_for = 0  # the height that was shared out last: what the user moved since then stays

    def show_details(self, details: Details) -> None:
        """Show both values of a span."""
        payload = details.payload
        cut = payload.metadata.get("flowscope.truncated")
        self.given.show_value(details.given, payload.input, _cut_of(cut, "input"), "no input was recorded")
        waiting = "running …" if details.facts.pending else "no output was recorded"
        self.result.show_value(details.result, payload.output, _cut_of(cut, "output"), waiting)
        self._share()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share()

    def _share(self) -> None:
        """Give the smaller value what it needs and the other the rest; halves when both want more."""
        wanted = (self.given.wanted_height(), self.result.wanted_height())
        if wanted == self._wanted and self._shared_for == self.height():
            return
        self._wanted, self._shared_for = wanted, self.height()
        half = self.height() // 2
        first = min(wanted[0], max(half, self.height() - wanted[1]))
        self.setSizes([first, self.height() - first])


def _cut_of(cut: Any, name: str) -> Mapping[str, Any] | None:
    found = cut.get(name) if isinstance(cut, Mapping) else None
    return found if isinstance(found, Mapping) else None


class OutputView(ValueView):
    """The output alone, over the whole height."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Output", parent)

    def show_details(self, details: Details) -> None:
        """Show a span's output."""
        payload = details.payload
        cut = _cut_of(payload.metadata.get("flowscope.truncated"), "output")
        self.show_value(details.result, payload.output, cut, "no output was recorded")
