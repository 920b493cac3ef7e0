"""Cut a stream of pieces into lines, or into JSON values, with a bound on how long one may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from flowscope_app.exchange.source import UnsoundError

T = TypeVar("T")

# The longest line taken: some times the largest message a collector accepts, so that every export can come back.
MAX_LINE = 256 << 20

MAX_BLANK = 1 << 20
"""Bytes of blank space between lines or values; nobody means more, and reading it takes its time."""
SLICE = 1 << 20
GROUP_LINES = 250
GROUP_BYTES = 1 << 18

# Possessive, so that a string of a million escapes costs no backtracking memory.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["\[\]{}]', re.DOTALL)
_BETWEEN = b" \t\r\n,"
_TOO_BLANK = f"it holds more than {MAX_BLANK >> 20} MiB of blank space in one place"


def lines(pieces: Iterable[bytes], limit: int = MAX_LINE) -> Iterator[bytes]:
    """Each line without its newline; the last one too if it has none.

    UnsoundError beyond `limit` bytes of one line or MAX_BLANK bytes of empty lines.
    """
    for ended in _ended(pieces, limit):
        yield from ended


def groups(pieces: Iterable[bytes], limit: int = MAX_LINE) -> Iterator[list[bytes]]:
    """The same lines, some hundred at a time: what takes many at once takes each in less time."""
    group: list[bytes] = []
    size = 0
    for ended in _ended(pieces, limit):
        group += ended
        size += sum(map(len, ended))
        if len(group) >= GROUP_LINES or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _ended(pieces: Iterable[bytes], limit: int) -> Iterator[list[bytes]]:
    """The lines that end in each piece; at last the one that has no end."""
    held: list[bytes] = []
    length = blank = 0
    for piece in _sliced(pieces):
        blank = blank + len(piece) if b"\n" in piece and not piece.strip() else 0
        if blank >= MAX_BLANK:
            raise UnsoundError(_TOO_BLANK)
        first, *rest = piece.split(b"\n")
        held.append(first)
        length += len(first)
        if length > limit:
            raise UnsoundError(f"a line is longer than {limit >> 20} MiB")
        if rest:
            last = rest.pop()
            rest.insert(0, b"".join(held))
            yield rest
            held, length = [last], len(last)
    if length:
        yield [b"".join(held)]


def _sliced(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of no more than a MiB: what they are split into takes many times their room."""
    for piece in pieces:
        if len(piece) <= SLICE:
            yield piece
        else:
            yield from (piece[start : start + SLICE] for start in range(0, len(piece), SLICE))


def values(pieces: Iterable[bytes], limit: int = MAX_LINE) -> Iterator[bytes]:
    """The texts of the objects in a JSON array, or of objects standing one after the other.

    Only brackets and strings are looked at; whoever parses the texts finds what is wrong inside them. UnsoundError if
    the brackets don't close, if something else than objects stands between them, or beyond `limit` bytes.
    """
    scan = _Scan(limit)
    for piece in pieces:
        yield from scan.feed(piece)
    yield from scan.finish()


def value_groups(
    pieces: Iterable[bytes], taken: Callable[[list[bytes]], T | None], limit: int = MAX_LINE
) -> Iterator[bytes | T]:
    """The same; where objects stand one a line, what `taken` makes of some lines at once, unless that is None.

    `taken` gives something only if each of its texts is one whole object: then they are what scanning would find.
    """
    scan, held, by_line = _Scan(limit), b"", True
    for piece in pieces:
        held += piece
        end = held.rfind(b"\n") + 1
        by_line = by_line and (end > 0 or len(held) < SLICE)
        if by_line and not end:
            continue
        text, held = (held[:end], held[end:]) if by_line else (held, b"")
        found, opened, closed = _object_lines(text, scan.in_array) if by_line and scan.between else ([], False, False)
        made = taken(found) if found else None
        if made is not None:
            scan.skip(opened, closed)
            yield made
        else:
            yield from scan.feed(text)
    yield from scan.feed(held)
    yield from scan.finish()


def _object_lines(text: bytes, in_array: bool) -> tuple[list[bytes], bool, bool]:
    """The lines of `text` that may be objects, and whether an array opens before and closes after them.

    None if there is anything else in it.
    """
    found = [line for line in (line.strip(_BETWEEN) for line in text.split(b"\n")) if line]
    opened = bool(found) and found[0] == b"[" and not in_array
    closed = bool(found) and found[-1] == b"]" and (in_array or opened)
    found = found[opened : len(found) - closed]
    return (found if all(line[:1] == b"{" for line in found) else []), opened, closed


class _Scan:
    """Where the scanner stands: `depth` counts brackets inside a value, `array` says if an outer [ is open."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = b""
        self._arriving: list[bytes] = []
        self._arrived = 0
        self._position = 0  # in the buffer; all before it is scanned
        self._start = -1  # where the value under way began
        self._depth = 0
        self._array = False
        self._closed = False
        self._blank = 0

    @property
    def between(self) -> bool:
        """Whether no value is under way, and another may come."""
        return self._start < 0 and not self._buffer and not self._arriving and not self._closed

    @property
    def in_array(self) -> bool:
        """Whether an array around the values is open."""
        return self._array

    def skip(self, opened: bool, closed: bool) -> None:
        """Pass over whole objects, with the bracket that opens the array around them before, or closes it behind."""
        self._array = (self._array or opened) and not closed
        self._closed = closed
        self._blank = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        self._arriving.append(piece)
        self._arrived += len(piece)
        # A long value is scanned again only when the buffer has doubled: time stays linear in its length.
        if self._arrived < len(self._buffer):
            return
        yield from self._scan()
        if len(self._buffer) > self._limit:
            raise UnsoundError(f"a value is longer than {self._limit >> 20} MiB")

    def finish(self) -> Iterator[bytes]:
        yield from self._scan()
        if self._depth or self._array or self._buffer.strip(_BETWEEN):
            raise UnsoundError("it is truncated: its JSON does not end")

    def _scan(self) -> Iterator[bytes]:
        self._buffer = b"".join((self._buffer, *self._arriving))
        self._arriving, self._arrived = [], 0
        for match in _TOKEN.finditer(self._buffer, self._position):
            token = match.group()
            if token == b'"':
                break  # a string that ends in a later piece: scanned again from here
            if self._depth == 0:
                self._between(match.start(), token)
            if token in (b"{", b"["):
                self._depth += self._start >= 0
            elif token in (b"}", b"]"):
                self._depth -= self._start >= 0
                if self._start >= 0 and self._depth == 0:
                    yield self._buffer[self._start : match.end()]
                    self._start = -1
            self._position = match.end()
        if self._start >= 0:
            self._buffer = self._buffer[self._start :]
            self._position -= self._start
            self._start = 0
        else:
            rest = self._buffer[self._position :]
            self._buffer = rest.lstrip(_BETWEEN)
            self._blank = len(rest) + (0 if self._position else self._blank)
            if not self._buffer and self._blank > MAX_BLANK:
                raise UnsoundError(_TOO_BLANK)
            self._position = 0

    def _between(self, at: int, token: bytes) -> None:
        """A bracket outside of any value: it opens one, or the array around all of them, or closes that."""
        if self._buffer[self._position : at].strip(_BETWEEN) or self._closed:
            raise UnsoundError("it is not a list of JSON objects")
        if token == b"{":
            self._start = at
        elif token == b"[" and not self._array:
            self._array = True
        elif token == b"]" and self._array:
            self._array, self._closed = False, True
        else:
            raise UnsoundError("it is not a list of JSON objects")
