"""Values of the frameworks made plain, so that a span holds what a person wants to read; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DEPTH = 6
_ITEMS = 200


def plain(value: Any, depth: int = _DEPTH) -> Any:
    """`value` as JSON-able data: containers copied to `depth`, scalars kept, anything else by its class's name."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if depth <= 0:
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth - 1) for key, item in list(value.items())[:_ITEMS]}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, depth - 1) for item in list(value)[:_ITEMS]]
    if isinstance(value, type):
        return value.__name__
    return f"<{type(value).__name__}>"


def mro_names(value: Any) -> frozenset[str]:
    """The names of a value's class and all its bases: what it is, without importing a framework to ask."""
    return _names_of(type(value))


_names: dict[type, frozenset[str]] = {}


def _names_of(cls: type) -> frozenset[str]:
    known = _names.get(cls)
    if known is None:
        known = frozenset(base.__name__ for base in cls.__mro__)
        if len(_names) < 4096:
            _names[cls] = known
    return known
