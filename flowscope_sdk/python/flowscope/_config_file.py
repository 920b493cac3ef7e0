"""The settings file: `flowscope.toml`, or `[tool.flowscope]` in `pyproject.toml`, from the working directory upwards.

Looked for once a process, and only in one that FlowScope is attached to; TOML is imported only if there is such a file.
"""

# Not pathlib: it would be the dearest import at the start of an attached program.
# ruff: noqa: PTH109, PTH113, PTH118, PTH120, PTH123

from __future__ import annotations

import os

from flowscope._guard import warn_once

TYPE_CHECKING = False  # typing's own would be the dearest import at the start of an attached program
if TYPE_CHECKING:
    from typing import Any

OWN, SHARED = "flowscope.toml", "pyproject.toml"
_MAX_SIZE = 1 << 20
_found: tuple[str, dict[str, Any]] | None = None


def read() -> tuple[str, dict[str, Any]]:
    """The file's path and its settings, as they stand there; "" and {} without one. Never raises."""
    global _found
    if _found is None:
        try:
            _found = _search(os.getcwd())
        except OSError:  # the working directory is gone
            _found = "", {}
    return _found


def forget() -> None:
    """Look anew the next time."""
    global _found
    _found = None


def _search(folder: str) -> tuple[str, dict[str, Any]]:
    while True:
        for name in (OWN, SHARED):
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                settings = _settings(path, name == OWN)
                if settings is not None:
                    return path, settings
        folder, before = os.path.dirname(folder), folder
        if folder == before:
            return "", {}


def _settings(path: str, own: bool) -> dict[str, Any] | None:
    """None where the search goes on: the file of a project that says nothing of FlowScope, or one not to be used."""
    try:
        with open(path, "rb") as file:
            about = os.fstat(file.fileno())
            data = file.read(_MAX_SIZE + 1)
        if not own and b"flowscope" not in data:
            return None
        # Whoever can write it says where the traces go, so it is taken from the program's own user alone.
        if hasattr(os, "getuid") and about.st_uid not in (os.getuid(), 0):
            warn_once(f"{path} belongs to another user; it is left out")
            return None
        if len(data) > _MAX_SIZE:
            raise ValueError("it is longer than 1 MiB")
        import tomllib

        found: Any = tomllib.loads(data.decode())
        if not own:
            found = found.get("tool", {}).get("flowscope")
        if found is not None and not isinstance(found, dict):
            raise ValueError("[tool.flowscope] is not a table")
        return found
    except (OSError, ValueError, AttributeError) as error:
        warn_once(f"{path}: {' '.join(str(error).split())}; it is left out")
        return {} if own else None
