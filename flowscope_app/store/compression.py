"""Long payloads are kept compressed: each value says by its first bytes whether it is."""

from __future__ import annotations

import threading

import zstandard

# A frame of zstd begins with these bytes and JSON never does. A value that did would be compressed however short.
MAGIC = b"\x28\xb5\x2f\xfd"
COMPRESS_FROM = 2048
"""Bytes: below this a value fits a database page with others, and packing it saves next to nothing."""
MAX_UNPACKED = 512 << 20
"""Bytes a value may become. The collector takes no message longer than 64 MiB; more than this is a damaged file."""

_compressor = zstandard.ZstdCompressor(level=1)  # the writer's; there is one writer, in one thread


class _PerThread(threading.local):
    """Making a decompressor takes longer than unpacking a value of some thousand bytes; none serves two threads."""

    def __init__(self) -> None:
        self.decompress = zstandard.ZstdDecompressor().decompress


_mine = _PerThread()


def pack(value: bytes | None) -> bytes | None:
    """A value as it is stored."""
    if value is None or (len(value) < COMPRESS_FROM and not value.startswith(MAGIC)):
        return value
    packed = _compressor.compress(value)
    return packed if len(packed) < len(value) or value.startswith(MAGIC) else value


def pack_all(values: list[bytes]) -> list[bytes]:
    """Values as they are stored; b"" stands for none."""
    if max(map(len, values), default=0) < COMPRESS_FROM and b"".join(values).isascii():  # so MAGIC is not in it
        return values
    return [pack(value) or b"" for value in values]


def unpack(value: bytes | None) -> bytes | None:
    """A stored value as it came. Raises ValueError if it is damaged. Any thread may call it."""
    if value is None or not value.startswith(MAGIC):
        return value
    if unpacked_size(value) > MAX_UNPACKED:
        raise ValueError("a stored value claims to be longer than any can be")
    try:
        return _mine.decompress(value)
    except zstandard.ZstdError as error:
        raise ValueError(f"a stored value is damaged: {error}") from error


def unpacked_size(value: bytes | None) -> int:
    """Bytes a stored value has once it is unpacked, told without unpacking it."""
    if value is None:
        return 0
    if not value.startswith(MAGIC):
        return len(value)
    try:
        size = zstandard.frame_content_size(value)
    except zstandard.ZstdError as error:
        raise ValueError(f"a stored value is damaged: {error}") from error
    return size if size >= 0 else MAX_UNPACKED + 1
