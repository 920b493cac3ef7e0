"""Metadata and the whole record, as trees with a button that copies all."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from flowscope_app.base import format as fmt
from flowscope_app.views.common.copy_button import CopyButton
from flowscope_app.views.common.json_tree import JsonTree, to_text
from flowscope_app.views.common.labels import ElidedLabel
from flowscope_app.views.common.save import SaveButton
from flowscope_app.views.inspector.details import Details


class _TreePage(QWidget):
    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._source: Callable[[], bytes] = bytes
        self._about = ElidedLabel(role="dim")
        self.tree = JsonTree(title)
        head = QHBoxLayout()
        head.setContentsMargins(14, 8, 14, 0)
        head.addWidget(self._about, 1)
        head.addWidget(SaveButton(f"Save the {title.lower()} to a file", lambda: self._source()))
        head.addWidget(CopyButton(f"Copy the {title.lower()} as JSON", self.copied))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.tree, 1)

    def copied(self) -> str:
        """What the copy button copies."""
        return self._source().decode("utf-8", "replace")


class MetadataView(_TreePage):
    """What the program said about the span besides input and output."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Metadata", parent)

    def show_details(self, details: Details) -> None:
        """Show a span's metadata."""
        metadata = details.payload.metadata
        self._about.setText(f"{fmt.count(len(metadata))} {'entry' if len(metadata) == 1 else 'entries'}")
        self._source = lambda: to_text(metadata).encode()
        self.tree.show_value(metadata)


class RawView(_TreePage):
    """The record as it stands in the store, in the Universal Trace Format."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Record", parent)

    def show_details(self, details: Details) -> None:
        """Show a span's whole record."""
        payload = details.payload
        size = len(payload.input or b"") + len(payload.output or b"")
        self._about.setText(f"Universal Trace Format · {fmt.size(size)} of input and output")
        self._source = details.record_json
        self.tree.show_value(dict(details.record))
