"""A recording that several programs append to: some may have been killed in the middle of a write.

Each write is one gzip member, begun by the same eight bytes. What a torn one holds up to its tear is true, and the next
one begins wherever those bytes come again. Only a file that says of itself that it is a recording is read like this:
any other that is not whole is refused.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import orjson

MAGIC = b"\x1f\x8b"
BEGIN = b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
"""How a member begins: gzip, deflate, no flags, no time."""
MAX_HELD = 64 << 20
"""Bytes of a member that are held back until its checksum is known to be right; a longer one is let through."""
MAX_FIRST_LINE = 1 << 16
MAX_TEARS = 10_000
PIECE = 1 << 20
FIRST_LINE = 4096
STEP = 256
"""Bytes unpacked at once until there are FIRST_LINE: where the first line stands."""


@dataclass(frozen=True, slots=True)
class Tear:
    """A write that is not whole: its first line ("" if that is not), and how many whole lines after it were kept."""

    first_line: bytes
    kept: int


@dataclass(slots=True)
class Salvage:
    """What could not be read: writes cut off (the first 10,000 of `count` by name), and bytes of the file."""

    tears: list[Tear] = field(default_factory=list)
    count: int = 0
    bytes: int = 0


def is_recording(head: bytes) -> bool:
    """Whether a gzip file that begins with `head` says in its first line that programs write it while they run."""
    try:
        first, newline, _ = zlib.decompressobj(wbits=31).decompress(head, MAX_FIRST_LINE).partition(b"\n")
    except zlib.error:
        return False
    if not newline:
        return False
    try:
        header = orjson.loads(first)
    except orjson.JSONDecodeError:
        return False
    return isinstance(header, dict) and header.get("flowscope") == "session" and header.get("live") is True


def whole_members(pieces: Iterable[bytes], found: Salvage) -> Iterator[bytes]:
    """What the members of a recording hold, whole lines of torn ones too; `found` tells what was not readable."""
    member = _Member(first=True)
    held = b""
    for piece in pieces:
        held += piece
        at = held.find(BEGIN, 1 if member.empty else 0)
        while at >= 0:
            yield from member.feed(held[:at])
            yield from member.end(found)
            member, held = _Member(), held[at:]
            at = held.find(BEGIN, 1)
        safe = max(0, len(held) - len(BEGIN) + 1)  # the rest may be the beginning of a beginning
        if safe:
            yield from member.feed(held[:safe])
            held = held[safe:]
    yield from member.feed(held)
    yield from member.end(found)


class _Member:
    """One member, from its beginning to the next one's."""

    def __init__(self, *, first: bool = False) -> None:
        self.empty = True  # nothing was fed to it yet
        self._unpacker = zlib.decompressobj(wbits=31)
        self._first = first
        self._broken = False
        self._held: list[bytes] = []
        self._size = 0
        self._let_through = False
        self._raw = 0
        self._whole = 0  # bytes up to the end of its data
        self._after = b""

    def feed(self, raw: bytes) -> Iterator[bytes]:
        if not raw:
            return
        self.empty = False
        self._raw += len(raw)
        while raw and not self._broken:
            if self._unpacker.eof:
                self._after += raw
                if not self._after.startswith(MAGIC):  # nothing that belongs to it, or not enough to tell
                    self._after = self._after[: len(MAGIC)]
                    return
                # Another writer's: with a time, or a name. It is read as far as it is whole, too.
                yield b"".join(self._held)
                raw, self._after, self._held, self._size = self._after, b"", [], 0
                self._unpacker, self._raw, self._first = zlib.decompressobj(wbits=31), len(raw), False
            try:
                # In small steps at first: what is unpacked in the step that meets the damage is not given out.
                piece = self._unpacker.decompress(raw, PIECE if self._size > FIRST_LINE else STEP)
            except zlib.error:
                self._broken = True
                return
            raw = self._unpacker.unused_data or self._unpacker.unconsumed_tail
            self._whole = self._raw - len(raw)
            self._held.append(piece)
            self._size += len(piece)
            if self._size > MAX_HELD:
                yield self._lines()

    def end(self, found: Salvage) -> Iterator[bytes]:
        if self._unpacker.eof and not self._broken:
            found.bytes += self._raw - self._whole
            yield b"".join(self._held)
            return
        found.count += 1
        text = self._lines()
        first, _, rest = text.partition(b"\n")
        if self._broken:
            # Not torn but damaged: which of it is true can't be told. Of the whole file's first line it was seen.
            text, rest = (first + b"\n" if self._first and first else b""), b""
        found.bytes += self._raw
        if len(found.tears) < MAX_TEARS and not self._let_through:
            found.tears.append(Tear(first, rest.count(b"\n")))
        if text:
            yield text

    def _lines(self) -> bytes:
        """Take out the whole lines that are held."""
        text = b"".join(self._held)
        end = text.rfind(b"\n") + 1
        self._let_through = self._let_through or self._size > MAX_HELD
        self._held, self._size = [text[end:]], len(text) - end
        return text[:end]
