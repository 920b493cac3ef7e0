"""Replacing a framework's methods, and putting them back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

Method = Callable[..., Any]
_MARK = "__flowscope__"


class Patches:
    """What one integration has replaced."""

    def __init__(self) -> None:
        self._made: list[tuple[Any, str, Any, Any]] = []

    def replace(self, owner: Any, name: str, make: Callable[[Method], Method]) -> None:
        """Put `make(original)` in the place of `owner.name`, if that is there and not replaced yet."""
        original = vars(owner).get(name)
        if original is None or not callable(original) or hasattr(original, _MARK):
            return
        replacement = functools.wraps(original)(make(original))
        setattr(replacement, _MARK, True)
        setattr(owner, name, replacement)
        self._made.append((owner, name, original, replacement))

    def undo(self) -> None:
        """Put everything back, but for what somebody else has replaced since then: theirs stays, and calls ours."""
        while self._made:
            owner, name, original, replacement = self._made.pop()
            if vars(owner).get(name) is replacement:
                setattr(owner, name, original)


def is_patched(owner: Any, name: str) -> bool:
    """Whether an integration has replaced what `owner.name` is, or what it inherits."""
    return hasattr(getattr(owner, name, None), _MARK)
