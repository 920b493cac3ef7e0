"""Finding what a framework has in the version at hand."""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import Any

import pytest


def find(*places: str) -> Any:
    """The first of `places` ("module:name") that this version has; skips the test where it has none of them."""
    for place in places:
        module, _, name = place.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    name = places[0].partition(":")[2]
    pytest.skip(f"no {name}")


def release(distribution: str) -> tuple[int, ...]:
    """The installed version's first three numbers."""
    return tuple(int(part) for part in metadata.version(distribution).split(".")[:3])
