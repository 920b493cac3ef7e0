"""Shows what a `flowscope` command says: the doctor, the dry run of retention."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from flowscope_app import theme
from flowscope_app.shell.own_process import run_flowscope
from flowscope_app.views.common.copy_button import CopyButton


class OutputDialog(QDialog):
    """Runs the command in a process of its own: it works when things are broken."""

    def __init__(self, title: str, arguments: list[str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self._text = QPlainTextEdit(readOnly=True)
        self._text.setFont(theme.mono_font())
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._text.setPlainText("Looking…")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.addButton(
            CopyButton("Copy all", self._text.toPlainText, text="Copy"), QDialogButtonBox.ButtonRole.ActionRole
        )
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self._text)
        layout.addWidget(buttons)
        self.resize(760, 520)
        run_flowscope(arguments, self, lambda _status, out, err: self._text.setPlainText(out + err))
