"""How to attach a program, in lines to copy."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QVBoxLayout, QWidget

from flowscope_app.views.common.copy_button import CopyButton
from flowscope_app.views.common.labels import PlainLabel

_WIDTH = 720


def attach_ways(addr: str, default: str) -> list[tuple[str, str]]:
    """What to say and what to copy, for a collector at `addr`; the default address need not be named."""
    elsewhere = addr != default
    prefix = f"FLOWSCOPE_ADDR={addr} " if elsewhere else ""
    init = f'import flowscope; flowscope.init(addr="{addr}")' if elsewhere else "import flowscope.auto"
    bare = (
        "import zmq\n"
        f'push = zmq.Context().socket(zmq.PUSH); push.connect("{addr}")\n'
        'push.send_json({"id": "1", "session_id": "hello", "operation": "greet",\n'
        '    "start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-01T00:00:01Z"})'
    )
    return [
        ("Run it under FlowScope; nothing in it changes", f"{prefix}flowscope run python app.py"),
        (
            "Where the SDK is installed (pip install flowscope), the address alone attaches it",
            f"FLOWSCOPE_ADDR={addr} python app.py",
        ),
        ("Or in the code, before the frameworks are used", init),
        ("Any other language: push one JSON object a span", bare),
    ]


class AttachDialog(QDialog):
    """Shows each way with a button that copies it."""

    def __init__(self, addr: str, default: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Attach a program")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(4)
        layout.addWidget(PlainLabel("Attach a program", role="heading"))
        layout.addWidget(PlainLabel(f"This window listens on {addr}", role="dim"))
        layout.addSpacing(12)
        for said, command in attach_ways(addr, default):
            layout.addWidget(PlainLabel(said, wrap=True))
            layout.addWidget(self._command(command))
            layout.addSpacing(10)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self.setFixedWidth(_WIDTH)

    def _command(self, command: str) -> QWidget:
        row = QWidget()
        row.setObjectName("commandRow")
        row.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        label = PlainLabel(role="mono")
        label.setText(command)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        inner = QHBoxLayout(row)
        inner.setContentsMargins(12, 6, 6, 6)
        inner.addWidget(label, 1)
        inner.addWidget(CopyButton("Copy", lambda: command), 0, Qt.AlignmentFlag.AlignTop)
        return row
