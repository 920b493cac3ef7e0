"""A message as it came off the wire into what the store takes; what can't be taken becomes a report."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Sequence

import zstandard

from flowscope.protocol import (
    MAX_HEADER,
    MAX_RECORDS,
    Header,
    ProtocolError,
    Record,
    decode_body,
    parse_record,
    split_message,
)
from flowscope_app.base.format import size
from flowscope_app.store import Incoming, Report, decode_entries

MAX_MESSAGE = 64 << 20
"""Bytes of a message, as it came and unpacked. ZeroMQ itself cuts off a peer only at SOCKET_MAX_FRAME."""
SOCKET_MAX_FRAME = 2 * MAX_MESSAGE
MAX_BRACKETS = 2_000_000
"""Objects and arrays in one message: each costs some hundred bytes of memory once it is read."""
MAX_VALUES = 10_000_000
ZSTD_WINDOW = 1 << 27
# A block of zstd holds 128 KiB and can be packed in 4 bytes: what comes out of one piece stays under 64 MiB.
ZSTD_PIECE = 2048

logger = logging.getLogger("flowscope.collector")


def decode(frames: Sequence[bytes]) -> Incoming:
    """Decode one message of any bytes. Never raises; each record is checked by itself."""
    header: Header | None = None
    try:
        if frames and len(frames[0]) > MAX_HEADER:  # a header is read whatever the size of what follows
            _check_size(sum(map(len, frames)))
        header, body = split_message(frames)  # first, as what is refused behind it uses up its numbers
        _check_size(sum(map(len, frames)))
        if header is not None and header.count > MAX_RECORDS:
            said, header = header.count, None  # such a number must not become a watermark
            raise ProtocolError(f"count: {said:,} records in one batch, at most {MAX_RECORDS:,} are taken")
        text = _checked(_unpacked(body, header.compression if header else "none"))
        entries = decode_entries(text)
        return Incoming(header, [_parsed(item) for item in decode_body(text)] if entries is None else entries)
    except ProtocolError as error:
        return _refused(header, error.reason)
    except Exception as error:
        # What gets here is a fault of ours: it costs this message and nothing else.
        logger.exception("a message could not be decoded")
        return _refused(header, f"could not be decoded: {type(error).__name__}")


def _parsed(item: object) -> Record | Report:
    try:
        return parse_record(item)
    except ProtocolError as error:
        session = item.get("session_id") if isinstance(item, dict) else None
        return Report("refused", error.reason, session=session[:256] if isinstance(session, str) else "")


def _refused(header: Header | None, reason: str) -> Incoming:
    """A message refused as a whole: its numbers are used up, so that it is never sent again."""
    count = max(1, header.count) if header else 1
    return Incoming(header, (), (Report("refused", reason, count),))


def _check_size(length: int) -> None:
    if length > MAX_MESSAGE:
        raise ProtocolError(f"message: {size(length)}, at most {size(MAX_MESSAGE)} are taken")


def _checked(body: bytes) -> bytes:
    if len(body) > MAX_BRACKETS and body.count(b"{") + body.count(b"[") > MAX_BRACKETS:
        raise ProtocolError(f"body: more than {MAX_BRACKETS:,} objects and arrays")
    if len(body) > MAX_VALUES and body.count(b",") > MAX_VALUES:
        raise ProtocolError(f"body: more than {MAX_VALUES:,} values")
    return body


def _unpacked(body: bytes, compression: str) -> bytes:
    """The body as JSON. Unpacks one byte more than is allowed at most, whatever the data promises."""
    if compression == "none":
        return body
    try:
        unpacked = _gunzipped(body) if compression == "gzip" else _unzstd(body)
    except (zlib.error, zstandard.ZstdError):
        raise ProtocolError(f"body: not {compression} data, or damaged") from None
    if len(unpacked) > MAX_MESSAGE:
        raise ProtocolError(f"body: unpacks to more than {size(MAX_MESSAGE)}")
    return unpacked


def _gunzipped(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    unpacked = unpacker.decompress(body, MAX_MESSAGE + 1)
    if not unpacker.eof and len(unpacked) <= MAX_MESSAGE:
        raise ProtocolError("body: gzip data that ends too early")
    return unpacked


def _unzstd(body: bytes) -> bytes:
    unpacker = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()
    pieces: list[bytes] = []
    length = 0
    for start in range(0, len(body), ZSTD_PIECE):
        if unpacker.eof or length > MAX_MESSAGE:
            break
        pieces.append(unpacker.decompress(body[start : start + ZSTD_PIECE]))
        length += len(pieces[-1])
    if not unpacker.eof and length <= MAX_MESSAGE:
        raise ProtocolError("body: zstd data that ends too early")
    return b"".join(pieces)
