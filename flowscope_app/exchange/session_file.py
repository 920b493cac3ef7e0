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
from flowscope_app.exchange.lines import lines
from flowscope_app.exchange.records import json_object, record_of
from flowscope_app.exchange.salvage import Salvage, Tear
from flowscope_app.exchange.source import Source, UnsoundError

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
    live, sender, unknown = False, "", 0
    dropped: dict[str, int] = {}
    end: FileEnd | None = None
    fault: UnsoundError | None = None
    digest, count = hashlib.sha256(), 0
    for number, line in enumerate(lines(pieces), 1):
        if fault or end:
            raise fault or UnsoundError("something stands after its end line")
        try:
            item = _item(line, f"line {number}")
        except UnsoundError as error:
            if not live and line.endswith(b"}"):
                raise
            fault = error  # unless it is the last line, cut short
            continue
        if isinstance(item, FileEnd):
            end = item
            continue
        digest.update(line + b"\n")
        if isinstance(item, Record):
            count += 1
            if sender:
                item.metadata.setdefault(PRODUCER, sender)
        elif isinstance(item, Sender):
            sender = item.producer.id
            if item.dropped:
                dropped[sender] = max(item.dropped, dropped.get(sender, 0))
            yield item.producer
            continue
        elif isinstance(item, FileHeader):
            live = live or item.live
        else:
            unknown += 1
            if unknown > MAX_UNKNOWN:
                raise UnsoundError(f"it holds more than {MAX_UNKNOWN:,} lines of no known kind")
        yield item
    if live:
        yield from _losses(source, dropped)
        if fault or source.truncated:
            yield Note("its last line was cut off: the program was killed while it wrote it")
    else:
        _require_whole(source, end, FileEnd(count, digest.hexdigest()))


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


def _require_whole(source: Source, end: FileEnd | None, found: FileEnd) -> None:
    if source.truncated or end is None:
        raise UnsoundError("it is truncated: its end is missing")
    if end != found:
        raise UnsoundError("it is damaged: its checksum does not match")


def _item(line: bytes, place: str) -> Record | Envelope | None:
    value = json_object(line, place)
    return parse_envelope(value) if is_envelope(value) else record_of(value, place)
