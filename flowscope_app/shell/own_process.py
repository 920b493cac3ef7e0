"""Runs a `flowscope` command in a process of its own and hands over what it printed."""

from __future__ import annotations

import sys
from collections.abc import Callable

from PySide6.QtCore import QObject, QProcess


def flowscope_command(arguments: list[str]) -> tuple[str, list[str]]:
    """Program and arguments that run `flowscope ARGUMENTS`, frozen into one executable or not."""
    if getattr(sys, "frozen", False):
        return sys.executable, arguments
    return sys.executable, ["-m", "flowscope_app", *arguments]


def run_flowscope(arguments: list[str], parent: QObject, on_end: Callable[[int, str, str], object]) -> QProcess:
    """Start it; `on_end` gets exit status, standard output and standard error, in the GUI thread."""
    process = QProcess(parent)

    def ended(status: int, _how: QProcess.ExitStatus) -> None:
        out = bytes(process.readAllStandardOutput().data()).decode("utf-8", "replace")
        err = bytes(process.readAllStandardError().data()).decode("utf-8", "replace")
        on_end(status, out, err)
        process.deleteLater()

    process.finished.connect(ended)
    process.start(*flowscope_command(arguments))
    return process
