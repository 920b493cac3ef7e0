"""The session file `.flowscope`: zstd over JSON Lines, one header, records, one end line that vouches for them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import zstandard

from flowscope.protocol import Record, encode_record
from flowscope_app.base.format import size
from flowscope_app.exchange.contents import Contents, Item, Losses, Note
from flowscope_app.exchange.envelope import (
    Envelope,
    FileEnd,
    FileHeader,
    Sender,
    encode_end,
    encode_file_header,
    encode_producer,
    is_envelope,
    parse_envelope,
)
from flowscope_app.exchange.lines import groups
from flowscope_app.exchange.records import json_object, record_of
from flowscope_app.exchange.salvage import Salvage, Tear
from flowscope_app.exchange.source import Source, UnsoundError
from flowscope_app.store import Entry, decode_texts, name_producer

LEVEL = 3
PIECE = 1 << 16
MAX_UNKNOWN = 100_000
"""Lines of kinds this version does not know that are passed over."""
PRODUCER = "flowscope.producer"


def write(contents: Contents, out: BinaryIO) -> int:
    """Write the sessions to `out` at constant memory; return the number of records."""
    digest, count = hashlib.sha256(), 0

    def all_lines() -> Iterator[bytes]:
        nonlocal count
        producers = contents.producers()
        yield encode_file_header(contents.sessions, producers)
        for record in contents.records():
            count += 1
            yield encode_record(record) + b"\n"
        known = {producer.id for producer in producers}
        yield from (encode_producer(late) for late in contents.producers() if late.id not in known)

    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    with compressor.stream_writer(out, closefd=False) as packed:
        for piece in joined(all_lines()):
            digest.update(piece)
            packed.write(piece)
        packed.write(encode_end(FileEnd(count, digest.hexdigest())))
    return count


def joined(parts: Iterable[bytes]) -> Iterator[bytes]:
    """`parts` put together to pieces of some size, so that what follows is not called for every line."""
    held: list[bytes] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= PIECE:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def read(source: Source, pieces: Iterable[bytes]) -> Iterator[Item]:
    """What the file holds, header first. Raises UnsoundError, at the latest at its end, if it is not whole.

    A record that names no producer is of the producer line before it. A live recording has no end: what was
    written whole is yielded, and a Note if its last line was not.
    """
    reading = _Reading()
    number = 1
    for group in groups(pieces):
        entries = None if reading.over else decode_texts(group)
        if entries is not None:
            yield reading.take(group, entries)
        else:
            yield from reading.look(group, number)
        number += len(group)
    if reading.live:
        yield from _losses(source, reading.dropped)
        if reading.fault or source.truncated:
            yield Note("its last line was cut off: the program was killed while it wrote it")
    else:
        _require_whole(source, reading.end, FileEnd(reading.count, reading.digest.hexdigest()))


def _losses(source: Source, dropped: dict[str, int]) -> Iterator[Item]:
    """What a recording does not have, as far as it says so itself."""
    gaps: dict[str, list[tuple[int, int]]] = {}
    lost = unknown = 0
    salvage = source.salvage or Salvage()
    for tear in salvage.tears:
        sender = _torn(tear)
        missing = max(0, sender.count - tear.kept) if sender else 0
        if sender and missing:
            end = sender.seq + sender.count - 1
            gaps.setdefault(sender.producer.id, []).append((end - missing + 1, end))
        lost += missing
        unknown += sender is None or not sender.count
    unknown += salvage.count - len(salvage.tears)
    if gaps or dropped:
        yield Losses(gaps, dropped)
    if salvage.count or salvage.bytes:
        writes = "1 write" if salvage.count == 1 else f"{salvage.count:,} writes"
        spans = f"{lost:,} records of it are missing" + (f" and what {unknown:,} of them held" if unknown else "")
        yield Note(f"{writes} cut off, as of a program killed in the middle of one: {spans} ({size(salvage.bytes)})")


def _torn(tear: Tear) -> Sender | None:
    """Whose a write was that is not whole, if that can be told."""
    try:
        item = _item(tear.first_line, "")
    except UnsoundError:
        return None
    return item if isinstance(item, Sender) else None


class _Reading:
    """How far a file is read: `sender` is the producer of what names none, `end` what the end line says."""

    def __init__(self) -> None:
        self.live = False
        self.sender = ""
        self.count = 0
        self.dropped: dict[str, int] = {}
        self.end: FileEnd | None = None
        self.fault: UnsoundError | None = None
        self.digest = hashlib.sha256()
        self._unknown = 0

    @property
    def over(self) -> bool:
        """Whether nothing may follow."""
        return bool(self.fault or self.end)

    def take(self, group: list[bytes], entries: list[Entry]) -> list[Entry]:
        """Note lines that are records all of them."""
        self.digest.update(b"\n".join((*group, b"")))
        self.count += len(entries)
        if self.sender:
            for entry in entries:
                name_producer(entry, self.sender)
        return entries

    def look(self, group: list[bytes], first: int) -> Iterator[Item]:
        """Read lines one by one; `first` is the number of the first. Raises UnsoundError."""
        for number, line in enumerate(group, first):
            if self.over:
                raise self.fault or UnsoundError("something stands after its end line")
            try:
                item = _item(line, f"line {number}")
            except UnsoundError as error:
                if not self.live and line.endswith(b"}"):
                    raise
                self.fault = error  # unless it is the last line, cut short
                continue
            if isinstance(item, FileEnd):
                self.end = item
                continue
            self.digest.update(line + b"\n")
            self._note(item)
            yield item.producer if isinstance(item, Sender) else item

    def _note(self, item: Record | Envelope | None) -> None:
        if isinstance(item, Record):
            self.count += 1
            if self.sender:
                item.metadata.setdefault(PRODUCER, self.sender)
        elif isinstance(item, Sender):
            self.sender = item.producer.id
            if item.dropped:
                self.dropped[self.sender] = max(item.dropped, self.dropped.get(self.sender, 0))
        elif isinstance(item, FileHeader):
            self.live = self.live or item.live
        else:
            self._unknown += 1
            if self._unknown > MAX_UNKNOWN:
                raise UnsoundError(f"it holds more than {MAX_UNKNOWN:,} lines of no known kind")


def _require_whole(source: Source, end: FileEnd | None, found: FileEnd) -> None:
    if source.truncated or end is None:
        raise UnsoundError("it is truncated: its end is missing")
    if end != found:
        raise UnsoundError("it is damaged: its checksum does not match")


def _item(line: bytes, place: str) -> Record | Envelope | None:
    value = json_object(line, place)
    return parse_envelope(value) if is_envelope(value) else record_of(value, place)
