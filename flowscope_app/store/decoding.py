"""JSON straight into entries, several times as fast as by way of objects; what is out of the ordinary is left alone.

Whoever calls this reads by `flowscope.protocol` what it gives up on, so it must take nothing that is refused or mended
there, and must give what comes out there: the same payloads, written the same way. A test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
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
_AROUND = frozenset(bytes([sign]) for sign in _BEFORE_NUMBER + b"0.-e") | {b""}  # stands before a part of a number


class _Odd(Exception):  # noqa: N818 - caught here, and no error
    """Something that `flowscope.protocol` must look at."""


def decode_entries(body: bytes) -> list[Entry] | None:
    """The records of a JSON array, or the one object. None if it must be read by `flowscope.protocol`."""
    if len(body) > _LONG:
        return None
    try:
        found = _array(body) if body[:1] == b"[" else [_object(body)]
        return None if len(found) > MAX_RECORDS else _entries(found, _spaced(body))
    except (_Odd, msgspec.MsgspecError, ProtocolError, ValueError, RecursionError):
        return None


def decode_texts(texts: Sequence[bytes]) -> list[Entry] | None:
    """The records of texts that hold one object each, the lines of a file for one; else None, as above."""
    try:
        if max(map(len, texts)) > _LONG:
            return None
        return _entries(list(map(_object, texts)), _spaced(texts[0]))
    except (_Odd, msgspec.MsgspecError, ProtocolError, ValueError, RecursionError):
        return None


def _spaced(text: bytes) -> bool:
    """Whether there is space between members: who spaces the first ones spaces all."""
    return b'": ' in text[:_HEAD]


def _untidy(values: bytes) -> bool:
    """Whether payloads, joined by commas, may not be written as orjson writes them.

    Raises _Odd where an integer may not fit 64 bits, ValueError where it is not UTF-8.
    """
    if not values.isascii():
        values.decode()
    shape = values.translate(_SHAPE)
    if _holds(shape, b"0" * 20) or _holds(shape, b"-" + b"0" * 19):
        raise _Odd
    return (
        b"\n" in shape
        or _holds(shape, b"0e000")  # a number may not fit a float
        or (b"\\" in values and (b"\\u" in values or b"\\/" in values))
    )


def _holds(shape: bytes, needle: bytes) -> bool:
    """Whether a number, not the middle of some text, has these signs in it."""
    *befores, _ = shape.split(needle)
    if _AROUND.isdisjoint([before[-1:] for before in befores]):
        return False
    for number, before in enumerate(befores):
        rest = before.rstrip(b"0.-e")
        if rest[-1:] in _BEFORE_NUMBER if rest else not number:  # without a rest it goes on with the one before
            return True
    return False


def _entries(found: Sequence[_Wire], spaced: bool) -> list[Entry]:
    """Long because every call counts here: it is what a collector does for each span."""
    values = [bytes(raw) for wire in found for raw in (wire.input, wire.output, wire.metadata)]
    rewrite = _untidy(b",".join(values)) or spaced
    values = [value if len(value) < 2 * _DEEP and not rewrite else _looked_at(value, rewrite) for value in values]
    entries: list[Entry] = []
    append, read, second, status_of = entries.append, read_said, _seconds.get, STATUS_OF
    for wire, given, result, metadata in zip(found, values[::3], values[1::3], values[2::3], strict=True):
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
        said = NOTHING
        if metadata != b"null":
            said = read(metadata)  # which must be an object
            if status == _ERROR and said.abandoned is True:
                status = _ABANDONED
        append(
            Entry(
                wire.id, wire.session_id, wire.parent_id, wire.operation, wire.framework, wire.language, start, end,
                None if given == b"null" else given, None if result == b"null" else result,
                None if metadata in _EMPTY else metadata, status, error, said,
            )
        )  # fmt: skip
    return entries


_ERROR, _ABANDONED = int(Status.ERROR), int(Status.ABANDONED)
_EMPTY = frozenset((b"null", b"{}"))


def _looked_at(data: bytes, rewrite: bool) -> bytes:
    """A value as orjson writes it, if `rewrite` says so or it may be nested too deep to be written; else as it is."""
    if not rewrite and data.count(b"[") + data.count(b"{") <= _DEEP:
        return data
    try:
        return orjson.dumps(orjson.loads(data))
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
