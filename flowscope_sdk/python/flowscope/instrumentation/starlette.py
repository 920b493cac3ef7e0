"""Starlette and what is built on it (FastAPI): every HTTP request is a span."""

from __future__ import annotations

from typing import Any

from flowscope.instrumentation import _asgi
from flowscope.instrumentation._patches import Patches

_patches = Patches()


def install(module: Any) -> None:
    """Instrument `starlette.applications`. A second time does nothing."""
    _patches.replace(module.Starlette, "__call__", lambda original: _asgi.wrap(original, _framework))


def uninstall() -> None:
    """Take everything back that install() did."""
    _patches.undo()


def _framework(application: Any) -> str:
    return "fastapi" if any(base.__name__ == "FastAPI" for base in type(application).__mro__) else "starlette"
