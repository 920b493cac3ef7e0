"""Where FlowScope keeps its files."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """The folder of databases, settings, logs and the connection file; not made here."""
    chosen = os.environ.get("FLOWSCOPE_HOME")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("flowscope", appauthor=False))


def default_db() -> str:
    """The database when no `--db` names one: `FLOWSCOPE_DB`, or `flowscope.db` in the home."""
    return os.environ.get("FLOWSCOPE_DB") or str(home() / "flowscope.db")


def resources() -> Path:
    """Fonts, icons and samples: inside the package once installed, beside it in a source checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "resources"
    return installed if installed.is_dir() else package.parent / "resources"
