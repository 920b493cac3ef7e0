"""JSON straight into entries, several times as fast as by way of objects; what is out of the ordinary is left alone.

Whoever calls this reads by `flowscope.protocol` what it gives up on, so it must take nothing that is refused or mended
there, and must give what comes out there: the same payloads, written the same way. A test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import msgspec
import orjson
from msgspec import Meta, Raw

from flowscope.protocol import MAX_ID, MAX_NAME, MAX_OPERATION, MAX_RECORDS, MAX_TIME_NS, ProtocolError, parse_time
from flowscope_app.spans.kinds import Status
from flowscope_app.store.entries import NOTHING, STATUS_OF, Entry, read_said

_Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID)]
_Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]


class _Wire(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A Universal Trace Format object that needs no mending, as far as its members by themselves tell."""

    id: _Id
    session_id: _Id
    operation: Annotated[str, Meta(min_length=1, max_length=MAX_OPERATION)]
    start_time: str
    parent_id: _Id | None = None
    framework: _Name = "custom"
    language: _Name = "unknown"
    end_time: str | None = None
    input: Raw = Raw(b"null")
    output: Raw = Raw(b"null")
    metadata: Raw = Raw(b"null")
    status: Literal["pending", "success", "error"] | None = None
    error: str | None = None


_array = msgspec.json.Decoder(list[_Wire]).decode
_object = msgspec.json.Decoder(_Wire).decode

_DEEP = 250
"""Levels below which orjson writes what it reads; it takes two bytes to open and close one."""
_LONG = 4_000_000
"""Bytes of a message or line from which on memory counts for more than time. SDKs' batches are far shorter."""
_HEAD = 256
_CACHE_LIMIT = 8192
_seconds: dict[str, int] = {}  # "2026-11-22T15:11:42." -> ns since the epoch

# Digits and plus become 0, E becomes e, all that JSON has no use for in a string becomes a newline.
_SHAPE = bytes(
    ord("0") if chr(byte) in "0123456789+" else ord("e") if chr(byte) == "E" else 10 if byte < 32 else byte
    for byte in range(256)
)
_BEFORE_NUMBER = b"[:, \n"


class _Odd(Exception):  # noqa: N818 - caught here, and no error
    """Something that `flowscope.protocol` must look at."""


def decode_entries(body: bytes) -> list[Entry] | None:
    """The records of a JSON array, or the one object. None if it must be read by `flowscope.protocol`."""
    if len(body) > _LONG:
        return None
    try:
        untidy = _untidy(body)
        found = _array(body) if body[:1] == b"[" else [_object(body)]
        return None if len(found) > MAX_RECORDS else _entries(found, untidy)
    except (_Odd, msgspec.MsgspecError, ProtocolError, ValueError, RecursionError):
        return None


def decode_texts(texts: Sequence[bytes]) -> list[Entry] | None:
    """The records of texts that hold one object each, the lines of a file for one; else None, as above."""
    try:
        if max(map(len, texts), default=0) > _LONG:
            return None
        # Joined to be looked at only: what stands in two of them must not become one object.
        untidy = _untidy(b"".join(texts))
        return _entries(map(_object, texts), untidy)
    except (_Odd, msgspec.MsgspecError, ProtocolError, ValueError, RecursionError):
        return None


def _untidy(text: bytes) -> bool:
    """Whether payloads in it may not be written as orjson writes them. Raises _Odd, or ValueError: not UTF-8."""
    if not text.isascii():
        text.decode()
    shape = text.translate(_SHAPE)
    if _holds(shape, b"0" * 20) or _holds(shape, b"-" + b"0" * 19):
        raise _Odd  # an integer may not fit 64 bits
    return (
        b"\n" in shape
        or b'": ' in text[:_HEAD]  # one that spaces its first members spaces all
        or _holds(shape, b"0e000")  # a number may not fit a float
        or (b"\\" in text and (b"\\u" in text or b"\\/" in text))
    )


def _holds(shape: bytes, needle: bytes) -> bool:
    """Whether a number, not the middle of some text, has these signs in it."""
    found = shape.find(needle)
    while found >= 0:
        before = shape[max(0, found - 64) : found].rstrip(b"0.-e")
        if not before or before[-1] in _BEFORE_NUMBER:
            return True
        found = shape.find(needle, found + len(needle))  # what is skipped has the same beginning
    return False


def _entries(found: Iterable[_Wire], untidy: bool) -> list[Entry]:
    """Long because every call counts here: it is what a collector does for each span."""
    entries: list[Entry] = []
    append, read, second, status_of, payload = entries.append, read_said, _seconds.get, STATUS_OF, _payload
    for wire in found:
        time, ended, error, text = wire.start_time, wire.end_time, wire.error or None, wire.status
        base, fraction = second(time[:20]), time[20:29]
        if base is not None and time[29:] == "Z" and fraction.isdigit() and fraction.isascii():
            start = base + int(fraction)
        else:
            start = _ns(time)
        if ended is None:
            end, last = None, start
        else:
            base, fraction = second(ended[:20]), ended[20:29]
            if base is not None and ended[29:] == "Z" and fraction.isdigit() and fraction.isascii():
                end = last = base + int(fraction)
            else:
                end = last = _ns(ended)
        status = status_of[text or ("error" if error else "pending" if end is None else "success")]
        if not 0 <= start <= last <= MAX_TIME_NS or (not status) is not (end is None) or wire.parent_id == wire.id:
            raise _Odd
        given, result, metadata = payload(wire.input), payload(wire.output), payload(wire.metadata)
        if untidy:
            given, result, metadata = _rewritten(given), _rewritten(result), _rewritten(metadata)
        said = NOTHING
        if metadata is not None:
            said = read(metadata)  # which must be an object
            if metadata == b"{}":
                metadata = None
            elif status == _ERROR and said.abandoned is True:
                status = _ABANDONED
        append(
            Entry(
                wire.id, wire.session_id, wire.parent_id, wire.operation, wire.framework, wire.language, start, end,
                given, result, metadata, status, error, said,
            )
        )  # fmt: skip
    return entries


_ERROR, _ABANDONED = int(Status.ERROR), int(Status.ABANDONED)


def _payload(raw: Raw) -> bytes | None:
    """The bytes of a value; None for null."""
    data = bytes(raw)
    if len(data) >= 2 * _DEEP and data.count(b"[") + data.count(b"{") > _DEEP:
        return _rewritten(data)
    return None if data == b"null" else data


def _rewritten(data: bytes | None) -> bytes | None:
    try:
        return None if data is None else orjson.dumps(orjson.loads(data))
    except TypeError:  # nested deeper than it writes
        raise _Odd from None


def _ns(text: str) -> int:
    """`parse_time`, which makes the short way known for its second. Raises ProtocolError."""
    if text[19:20] == "." and text[:20] not in _seconds:
        base = parse_time(text[:20] + "0Z")
        if len(_seconds) >= _CACHE_LIMIT:
            _seconds.clear()
        _seconds[text[:20]] = base
    return parse_time(text)
