"""Span ids as 64-bit numbers, so that a million of them join in numpy."""

from __future__ import annotations

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
