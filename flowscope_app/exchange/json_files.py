"""Plain JSON: an array of Universal Trace Format objects, and JSON Lines with one a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from flowscope.protocol import encode_record
from flowscope_app.exchange.contents import Contents, Item
from flowscope_app.exchange.lines import groups, value_groups
from flowscope_app.exchange.records import json_object, record_of
from flowscope_app.exchange.source import Source, UnsoundError
from flowscope_app.store import decode_texts


def write_array(contents: Contents, out: BinaryIO) -> int:
    """Write one JSON array, one object a line; return the number of records."""
    count = 0
    for record in contents.records():
        out.write((b",\n" if count else b"[\n") + encode_record(record))
        count += 1
    out.write(b"\n]\n" if count else b"[]\n")
    return count


def write_lines(contents: Contents, out: BinaryIO) -> int:
    """Write one object a line; return the number of records."""
    count = 0
    for record in contents.records():
        out.write(encode_record(record) + b"\n")
        count += 1
    return count


def read_values(source: Source, pieces: Iterable[bytes]) -> Iterator[Item]:
    """The records of an array, or of objects one after the other, however they are spaced. Raises UnsoundError."""
    number = 0
    for found in value_groups(pieces, decode_texts):
        if isinstance(found, bytes):
            number += 1
            place = f"object {number}"
            yield record_of(json_object(found, place), place)
        else:
            number += len(found)
            yield found
    _require_whole(source)


def read_lines(source: Source, pieces: Iterable[bytes]) -> Iterator[Item]:
    """The records of JSON Lines; empty lines are passed over. Raises UnsoundError."""
    number = 1
    for group in groups(pieces):
        entries = decode_texts(group)
        if entries is not None:
            yield entries
        else:
            for offset, line in enumerate(group):
                if line.strip():
                    place = f"line {number + offset}"
                    yield record_of(json_object(line, place), place)
            yield None  # a turn for whoever else waits, though all lines may have been empty
        number += len(group)
    _require_whole(source)


def _require_whole(source: Source) -> None:
    if source.truncated:
        raise UnsoundError("it is truncated: its compressed data does not end")
