"""Span ids as 64-bit numbers, so that a million of them join in numpy."""

from __future__ import annotations

from hashlib import blake2b

_HEX = frozenset("0123456789abcdef")


def id64(text: str) -> int:
    """A signed 64-bit number for a span id, never 0.

    An id of 16 lowercase hex digits (W3C's form, what our SDKs make) is that number; any other id is
    the first 8 bytes of its BLAKE2b hash.
    """
    if len(text) == 16 and _HEX.issuperset(text):
        number = int(text, 16)
    else:
        number = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    return (number - (1 << 64) if number >= 1 << 63 else number) or 1
