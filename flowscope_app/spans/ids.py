"""Span ids as 64-bit numbers, so that a million of them join in numpy."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import blake2b

_fromhex = bytes.fromhex
_number = int.from_bytes


def id64(text: str) -> int:
    """A signed 64-bit number for a span id, never 0.

    An id of 16 lowercase hex digits (W3C's form, what our SDKs make) is that number; any other id is
    the first 8 bytes of its BLAKE2b hash.
    """
    if len(text) == 16:
        try:
            raw = _fromhex(text)
            if raw.hex() == text:  # no capitals, no spaces
                return _number(raw, "big", signed=True) or 1
        except ValueError:
            pass
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return _number(digest, "big", signed=True) or 1


def ids64(texts: Sequence[str]) -> list[int]:
    """`id64` of each, in a third of the time where all are of the form our SDKs make."""
    if set(map(len, texts)) == {16}:
        joined = "".join(texts)
        try:
            raw = _fromhex(joined)
        except ValueError:
            raw = b""
        if raw.hex() == joined:
            return [number or 1 for number in struct.unpack(f">{len(texts)}q", raw)]
    return list(map(id64, texts))
