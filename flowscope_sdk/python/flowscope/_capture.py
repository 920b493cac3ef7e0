"""A value as JSON, at the moment of the call: immutable, bounded, and whatever the value does when it is looked at."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from flowscope._capture_walk import Walk

dumps = orjson.dumps
loads = orjson.loads

DEFAULT_LIMIT = 1 << 20
# Longest JSON in bytes; set by the runtime from FLOWSCOPE_MAX_VALUE.
limit = DEFAULT_LIMIT
_UNREADABLE = b'"(could not be captured)"'


class Cut(bytes):
    """JSON of a value that was too long: `length` and `sha256` are those of its whole JSON."""

    length: int
    sha256: str


def snapshot(value: Any, most: int = 0) -> bytes:
    """`value` as JSON, a Cut if that is longer than `most` bytes (FLOWSCOPE_MAX_VALUE). Never raises; a Ctrl-C passes."""
    most = most or limit
    try:
        data = dumps(value)
        if len(data) <= most:
            return data
    except KeyboardInterrupt:
        raise
    except BaseException:  # a tzinfo's or an enum's own code may raise anything
        data = b""
    try:
        return _careful(value, data, most)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return _UNREADABLE


def _careful(value: Any, data: bytes, most: int) -> bytes:
    whole = data or dumps(Walk().walk(value))
    if len(whole) <= most:
        return whole
    # Escapes and non-ASCII text make JSON longer than what it was made from.
    for share in (1, 4, 16):
        part = dumps(Walk(most // share).walk(value))
        if len(part) <= most:
            break
    else:
        part = dumps(f"… {len(whole):,} bytes of JSON")
    cut = Cut(part)
    cut.length = len(whole)
    cut.sha256 = hashlib.sha256(whole).hexdigest()
    return cut
