"""How to attach a program, in lines to copy."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QVBoxLayout, QWidget

from flowscope.protocol import split_key
from flowscope_app.collector.hosts import elsewhere
from flowscope_app.views.common.copy_button import CopyButton
from flowscope_app.views.common.labels import PlainLabel

_WIDTH = 720
_WIDTH_WITH_KEY = 1040
_BY_ADDRESS = "Where the SDK is installed (pip install flowscope), the address alone attaches it"
_IN_CODE = "Or in the code, before the frameworks are used"
_BARE = "Any other language: push one JSON object a span"


def attach_ways(addr: str, default: str) -> list[tuple[str, str]]:
    """What to say and what to copy, for a collector at `addr`; the default address need not be named."""
    endpoint, key = split_key(addr)
    if key:
        return _ways_with_key(addr, endpoint, key)
    other = addr != default
    prefix = f"FLOWSCOPE_ADDR={addr} " if other else ""
    init = f'import flowscope; flowscope.init(addr="{addr}")' if other else "import flowscope.auto"
    return [
        ("Run it under FlowScope; nothing in it changes", f"{prefix}flowscope run python app.py"),
        (_BY_ADDRESS, f"FLOWSCOPE_ADDR={addr} python app.py"),
        (_IN_CODE, init),
        (_BARE, _bare(f'push.connect("{addr}")')),
    ]


def _ways_with_key(addr: str, endpoint: str, key: bytes) -> list[tuple[str, str]]:
    """The same for a collector that asks for its key. `flowscope run` finds that by itself."""
    secure = (
        "push.curve_publickey, push.curve_secretkey = zmq.curve_keypair()\n"
        f'push.curve_serverkey = bytes.fromhex("{key.hex()}")\n'
        f'push.connect("{endpoint}")'
    )
    return [
        ("On this machine, run it under FlowScope; nothing in it changes", "flowscope run python app.py"),
        (f"On another machine too. {_BY_ADDRESS}", f"FLOWSCOPE_ADDR='{addr}' python app.py"),
        (_IN_CODE, f'import flowscope; flowscope.init(addr="{addr}")'),
        (_BARE, _bare(secure)),
    ]


def _bare(connect: str) -> str:
    return (
        "import zmq\n"
        f"context = zmq.Context(); push = context.socket(zmq.PUSH); {connect}\n"
        'push.send_json({"id": "1", "session_id": "hello", "operation": "greet",\n'
        '    "start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-01T00:00:01Z"})\n'
        "push.close(); context.term()  # waits until it is sent"
    )


class AttachDialog(QDialog):
    """Shows each way with a button that copies it."""

    def __init__(self, addr: str, default: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Attach a program")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(4)
        layout.addWidget(PlainLabel("Attach a program", role="heading"))
        endpoint, keyed = split_key(addr)
        advice = ". Whoever has its key may push: pass the addresses below on as you would a password" if keyed else ""
        layout.addWidget(PlainLabel(f"This window listens on {endpoint}{advice}", role="dim"))
        layout.addSpacing(12)
        for said, command in attach_ways(elsewhere(addr), default):
            layout.addWidget(PlainLabel(said, wrap=True))
            layout.addWidget(self._command(command))
            layout.addSpacing(10)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self.setFixedWidth(_WIDTH_WITH_KEY if keyed else _WIDTH)

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
