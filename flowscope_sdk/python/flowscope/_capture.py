"""A value as JSON, at the moment of the call: immutable, bounded, and whatever the value does when it is looked at."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from flowscope._capture_walk import Walk
from flowscope._guard import pass_on

dumps = orjson.dumps

DEFAULT_LIMIT = 1 << 20
# Longest JSON in bytes; set by the runtime from FLOWSCOPE_MAX_VALUE.
limit = DEFAULT_LIMIT
# orjson ends the process where a tzinfo raises or a dataclass lacks a field: those go the careful way.
PLAIN = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_UNREADABLE = b'"(could not be captured)"'


class Cut(bytes):
    """JSON of a value that was too long: `length` and `sha256` are those of its whole JSON."""

    length: int
    sha256: str


def loads(data: bytes) -> Any:
    """What a snapshot holds, as plain JSON types."""
    return orjson.loads(bytes(data))  # bytes: orjson takes no Cut


def snapshot(value: Any, most: int = 0) -> bytes:
    """`value` as JSON, a Cut if that exceeds `most` bytes (FLOWSCOPE_MAX_VALUE). Raises only what pass_on() does."""
    most = most or limit
    try:
        data = dumps(value, None, PLAIN)
        if len(data) <= most:
            # A copy: orjson's own result holds all of its buffer, 4 KB for 300 bytes, 1 MB for 70 KB.
            return b"%b" % data
    except BaseException as error:  # anything: the value's own code may have run
        pass_on(error)
        data = b""
    try:
        return _careful(value, data, most)
    except BaseException as error:
        pass_on(error)
        return _UNREADABLE


def _careful(value: Any, data: bytes, most: int) -> bytes:
    whole = data or dumps(Walk().walk(value))
    if len(whole) <= most:
        return b"%b" % whole
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
