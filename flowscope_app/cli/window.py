"""`flowscope`: opens the window."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from flowscope_app.base.errors import FlowScopeError
from flowscope_app.cli.options import add_addr, add_db, listen_addr


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--db, --addr and session files."""
    add_db(parser)
    add_addr(parser)
    parser.add_argument("files", metavar="FILE", nargs="*", type=Path, help="session files to open")


def run(arguments: argparse.Namespace) -> int:
    """Open the window; returns when it is closed."""
    files = [path.absolute() for path in arguments.files]
    for path in files:
        if not path.exists():
            raise FlowScopeError(f"there is no file {path}", "see flowscope --help for the commands")
    require_display()
    try:
        from flowscope_app.shell.app import main
    except ImportError as error:
        raise FlowScopeError(f"the window can't be loaded: {error}", _import_hint(error)) from error
    return main(arguments.db, listen_addr(arguments), files)


def require_display() -> None:
    """FlowScopeError if this is a Linux machine with nowhere to show a window: Qt itself would abort."""
    if not sys.platform.startswith("linux"):
        return
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        raise FlowScopeError(
            "there is no display to open a window on",
            "`flowscope collect` records without one, QT_QPA_PLATFORM=offscreen runs the window unseen",
        )


def _import_hint(error: ImportError) -> str:
    if "shared object" in str(error):
        return "a system library is missing (Debian: apt install libegl1 libgl1 libxkbcommon-x11-0 libdbus-1-3)"
    return "install the app whole: pip install --force-reinstall flowscope-app"
