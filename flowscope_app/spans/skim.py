"""Decoding a JSON value of any size in little time: what is too long to be looked at is cut, and says so."""

from __future__ import annotations

import re
from typing import Any

import orjson

WHOLE = 1_000_000  # bytes; up to here a value is decoded whole, in some 10 ms
STRING = 200_000  # bytes kept of one string, as JSON
NODES = 50_000  # values kept of one document
DEPTH = 200

_SPACE = re.compile(rb"[ \t\r\n]*")
_UNITS = re.compile(rb'(?:[^"\\]+|\\.)*', re.DOTALL)
_PLAIN = re.compile(rb"[^\s,\]}]{1,400}")


class CutStr(str):
    """The beginning of a string; `whole` is the bytes of all of it, as JSON."""

    __slots__ = ("whole",)

    whole: int


class CutList(list[Any]):
    """The beginning of an array."""


class CutDict(dict[str, Any]):
    """The beginning of an object."""


def decode(data: bytes) -> Any:
    """The value of JSON `data`; beyond WHOLE bytes, with long strings and late members cut.

    What is not JSON comes back as its text. A cut is a CutStr, CutList or CutDict at its place.
    """
    if len(data) <= WHOLE:
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            return data.decode("utf-8", "replace")
    try:
        return _Skimmer(data).value(0)
    except (ValueError, IndexError):
        return _cut_text(data[: STRING * 4].decode("utf-8", "replace")[:STRING], len(data))


def is_cut(value: Any) -> bool:
    """Whether this value (not one inside it) is only the beginning."""
    return isinstance(value, (CutStr, CutList, CutDict))


def _cut_text(text: str, whole: int) -> CutStr:
    cut = CutStr(text)
    cut.whole = whole
    return cut


class _Skimmer:
    """A JSON parser that stops when it has read enough; long strings are stepped over, not decoded."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._left = NODES

    def value(self, depth: int) -> Any:
        self._left -= 1
        sign = self._next()
        if sign == b'"':
            return self._string()
        if sign == b"{":
            return self._object(depth)
        if sign == b"[":
            return self._array(depth)
        match = _PLAIN.match(self._data, self._at)
        if match is None:
            raise ValueError("not JSON")
        self._at = match.end()
        return orjson.loads(match[0])

    def _next(self) -> bytes:
        match = _SPACE.match(self._data, self._at)
        self._at = match.end() if match else self._at
        return self._data[self._at : self._at + 1]

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._at += 1
        if self._next() == b"}":
            self._at += 1
            return found
        while self._left > 0 and depth < DEPTH:
            if self._next() != b'"':
                raise ValueError("not JSON")
            key = self._string()
            if self._next() != b":":
                raise ValueError("not JSON")
            self._at += 1
            found[key] = self.value(depth + 1)
            if self._ended(b"}"):
                return found
        self._left = 0
        return CutDict(found)

    def _array(self, depth: int) -> list[Any]:
        found: list[Any] = []
        self._at += 1
        if self._next() == b"]":
            self._at += 1
            return found
        while self._left > 0 and depth < DEPTH:
            found.append(self.value(depth + 1))
            if self._ended(b"]"):
                return found
        self._left = 0
        return CutList(found)

    def _ended(self, close: bytes) -> bool:
        if self._left <= 0:  # a member was cut: nothing is known of what follows
            return False
        sign = self._next()
        if sign not in (b",", close):
            raise ValueError("not JSON")
        self._at += 1
        return sign == close

    def _string(self) -> str:
        start = self._at + 1
        end = self._data.find(b'"', start)
        while end > 0 and self._escaped(end, start):
            end = self._data.find(b'"', end + 1)
        if end < 0:
            raise ValueError("not JSON")
        self._at = end + 1
        if end - start <= STRING:
            return str(orjson.loads(self._data[start - 1 : end + 1]))
        match = _UNITS.match(self._data, start, start + STRING)
        kept = (match[0] if match else b"").decode("utf-8", "ignore").encode()
        kept = re.sub(rb"\\u[0-9a-fA-F]{0,3}$", b"", kept)
        kept = re.sub(rb"\\u[dD][89abAB][0-9a-fA-F]{2}$", b"", kept)  # half of a surrogate pair
        return _cut_text(str(orjson.loads(b'"' + kept + b'"')), end - start)

    def _escaped(self, quote: int, start: int) -> bool:
        back = quote - 1
        while back >= start and self._data[back] == 0x5C:
            back -= 1
        return (quote - back) % 2 == 0
