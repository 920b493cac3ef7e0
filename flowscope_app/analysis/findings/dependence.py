"""Whether a call may have needed what the one before it answered: then they could not have run together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

_LEAST = 6  # characters: a shorter text is in many inputs by chance
_PIECE = 160
_PIECES = 40
_DEPTH = 12


def needs(answer: bytes | None, given: bytes | None) -> bool:
    """Whether a text of `answer` stands in `given`, both JSON as the store has them."""
    if not answer or not given:
        return False
    try:
        texts = list(_texts(orjson.loads(answer), 0))[:_PIECES]
    except ValueError:
        return False
    return any(orjson.dumps(text[:_PIECE])[1:-1] in given for text in texts)


def _texts(value: Any, depth: int) -> Iterator[str]:
    """The texts in a value, names of members and what is too short to tell left out."""
    if isinstance(value, str):
        if len(value.strip()) >= _LEAST:
            yield value
    elif depth < _DEPTH:
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from _texts(part, depth + 1)
