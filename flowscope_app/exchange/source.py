"""Read a file that may be plain, gzip or zstd, piece by piece: bounded memory, and its end is never guessed."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import zstandard

from flowscope_app.base.errors import FlowScopeError
from flowscope_app.exchange.salvage import Salvage, is_recording, whole_members

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
PLAIN_PIECE = 1 << 18
GZIP_PIECE = 1 << 20
# One block of zstd is at most 128 KiB and can be packed in 4 bytes: what comes out of a piece stays under 64 MiB.
ZSTD_PIECE = 2048
ZSTD_WINDOW = 1 << 27
MAX_RATIO = 1_000
"""How many times its size a file may unpack to; spans pack to a hundredth at best."""
FREE_BYTES = 64 << 20
"""What any file may unpack to."""


class UnsoundError(FlowScopeError):
    """The file is not what it should be; nothing of it is kept."""


class Source:
    """An open file, decompressed as it is read. Iterate it once.

    After the last piece `truncated` says whether the compressed stream ended before its end was reached. Of a recording
    what was written whole is read all the same, and `salvage` says what was not; of any other file it is None.
    `compression` is "none", "gzip" or "zstd", told from the first bytes, never from the file's name.
    """

    def __init__(self, path: Path) -> None:
        self.truncated = False
        self._file = _open_regular(path)
        try:
            self.size = os.fstat(self._file.fileno()).st_size
            head = self._file.read(PLAIN_PIECE)
            self._file.seek(0)
        except OSError as error:
            self._file.close()
            raise UnsoundError(f"it can't be read: {error.strerror}") from error
        if not head:
            self._file.close()
            raise UnsoundError("it is empty")
        self.compression = "zstd" if head[:4] == ZSTD_MAGIC else "gzip" if head[:2] == GZIP_MAGIC else "none"
        self.salvage = Salvage() if self.compression == "gzip" and is_recording(head) else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def position(self) -> int:
        """Bytes of the file (as it lies on disk) read so far, for progress."""
        return self._file.tell()

    def __iter__(self) -> Iterator[bytes]:
        pieces: dict[str, Callable[[], Iterator[bytes]]] = {
            "none": self._plain,
            "gzip": self._gzip if self.salvage is None else self._recording,
            "zstd": self._zstd,
        }
        unpacked, most = 0, max(FREE_BYTES, MAX_RATIO * self.size)
        if self.compression == "none":
            most = 1 << 63
        try:
            for piece in pieces[self.compression]():
                unpacked += len(piece)
                if unpacked > most:
                    raise UnsoundError(f"it unpacks to more than {MAX_RATIO:,} times its size")
                yield piece
        except OSError as error:
            raise UnsoundError(f"it can't be read: {error.strerror}") from error

    def _plain(self) -> Iterator[bytes]:
        while piece := self._file.read(PLAIN_PIECE):
            yield piece

    def _gzip(self) -> Iterator[bytes]:
        member = zlib.decompressobj(wbits=31)
        pending = b""
        while True:
            pending = pending or self._file.read(PLAIN_PIECE)
            if not pending:
                break
            if member.eof:
                member = zlib.decompressobj(wbits=31)
            try:
                piece = member.decompress(pending, GZIP_PIECE)
            except zlib.error:
                raise UnsoundError("its gzip data is corrupt") from None
            pending = member.unused_data if member.eof else member.unconsumed_tail
            if piece:
                yield piece
        self.truncated = not member.eof

    def _recording(self) -> Iterator[bytes]:
        assert self.salvage is not None
        return whole_members(self._plain(), self.salvage)

    def _zstd(self) -> Iterator[bytes]:
        decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
        frame = decompressor.decompressobj()
        pending = b""
        while True:
            pending = pending or self._file.read(ZSTD_PIECE)
            if not pending:
                break
            if frame.eof:
                frame = decompressor.decompressobj()
            try:
                piece = frame.decompress(pending)
            except zstandard.ZstdError:
                raise UnsoundError("its zstd data is corrupt") from None
            pending = frame.unused_data if frame.eof else b""
            if piece:
                yield piece
        self.truncated = not frame.eof


def _open_regular(path: Path) -> BinaryIO:
    """Open `path` if it is, or links to, a regular file. A FIFO is refused without waiting for its writer."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        handle = os.open(path, flags)
    except FileNotFoundError:
        raise UnsoundError("it does not exist") from None
    except IsADirectoryError:
        raise UnsoundError("it is a folder") from None
    except (OSError, ValueError) as error:
        raise UnsoundError(f"it can't be opened: {getattr(error, 'strerror', None) or error}") from None
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise UnsoundError("it is a folder" if stat.S_ISDIR(mode) else "it is not a regular file")
    return os.fdopen(handle, "rb", buffering=0)
