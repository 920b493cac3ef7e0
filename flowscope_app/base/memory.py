"""Memory that was used once and is not any more."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def _trim() -> Callable[[int], Any] | None:
    """The C library's call that gives free memory back; others than glibc need none."""
    if sys.platform != "linux":
        return None
    try:
        found: Callable[[int], Any] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return None
    return found


def give_back() -> None:
    """Return to the system what large, short work left behind in the heap; as much again may lie there otherwise."""
    trim = _trim()
    if trim is not None:
        trim(0)
