"""Which sequences of three bytes a text holds, as a bitmap: enough to say for sure where another text is *not*.

Bytes of UTF-8, folded, so that one Chinese character is as long as three Latin letters and no language needs a
word splitter. One hash, no more than an eighth of the bits set: a text of n bytes passes by chance with 0.125^(n - 2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MIN_BYTES = 3
"""A text shorter than this, folded, is in no bitmap: it must be looked for everywhere."""
MAX_BITS = 1 << 18
MIN_BITS = 1 << 9
SPARSE = 8  # bits for each different trigram

EVERYTHING = b"\xff"
"""The bitmap that lets every text pass."""

_MULTIPLIER = np.uint32(0x9E3779B1)
_SHIFT = np.uint32(32 - 18)  # leaves a number below MAX_BITS


def fold(text: bytes) -> bytes:
    """UTF-8 with differences of case taken out, as a search compares it; ASCII letters fold as bytes.lower does."""
    return text.lower() if text.isascii() else text.decode("utf-8", "replace").casefold().encode()


def bitmap(folded: bytes) -> bytes:
    """The trigrams of a text: a power of two of bits, as few as keep it sparse."""
    if len(folded) < MIN_BYTES:
        return bytes(MIN_BITS // 8)
    bits = np.zeros(MAX_BITS, np.bool_)
    bits[_hashes(folded)] = True
    size = max(MIN_BITS, 1 << (SPARSE * int(np.count_nonzero(bits)) - 1).bit_length())
    while len(bits) > size:
        half = len(bits) // 2
        bits = bits[:half] | bits[half:]
    return np.packbits(bits, bitorder="little").tobytes()


def positions(folded: bytes) -> list[int]:
    """Where in a bitmap of MAX_BITS the trigrams of a wanted text stand; empty if it is shorter than three bytes."""
    if len(folded) < MIN_BYTES:
        return []
    return [int(position) for position in np.unique(_hashes(folded))]


def may_hold(bits: bytes, wanted: Sequence[int]) -> bool:
    """Whether the text of this bitmap can contain the text with these positions."""
    mask = len(bits) * 8 - 1
    for position in wanted:
        at = position & mask
        if not bits[at >> 3] >> (at & 7) & 1:
            return False
    return True


def _hashes(folded: bytes) -> NDArray[np.intp]:
    """Position of each trigram, in no order: four by four as big-endian words, whose last byte is not of it."""
    number = len(folded) - 2
    padded = folded + b"\0\0\0"
    hashes = np.empty(number, np.uint32)
    filled = 0
    for first in range(4):
        part = np.frombuffer(padded, ">u4", (number - first + 3) // 4, first)
        hashes[filled : filled + len(part)] = part
        filled += len(part)
    hashes >>= np.uint32(8)
    hashes *= _MULTIPLIER
    hashes >>= _SHIFT
    return hashes.astype(np.intp)  # what indexing would make of it anyway, more slowly
