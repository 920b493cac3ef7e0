"""Painting that cannot end the process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from PySide6.QtGui import QPainter

T = TypeVar("T")


def guarded(paint: Callable[[T, QPainter, Any, Any], None]) -> Callable[..., None]:
    """Report an exception of a graphics item's `paint` as an uncaught one, and go on.

    Left to leave through the scene's C++ and the view's Python, it ends the process: PySide6 goes on calling Python
    with the exception set.
    """

    @wraps(paint)
    def wrapper(item: T, p: QPainter, option: Any, widget: Any = None) -> None:
        try:
            paint(item, p, option, widget)
        except Exception:
            sys.excepthook(*sys.exc_info())

    return wrapper
