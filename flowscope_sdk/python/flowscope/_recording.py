"""FLOWSCOPE_ADDR=file:///...: a session file written by the program itself, with no debugger running."""

from __future__ import annotations

import gzip
import os
import zlib
from dataclasses import replace
from typing import NoReturn

import orjson

from flowscope._guard import GoneError, warn_once
from flowscope.protocol import Header, ProducerInfo, encode_header, format_time

_GZIP = b"\x1f\x8b"
_MARK = b'{"flowscope":"session"'


class Recording:
    """Appends gzip members of JSON Lines, each in one write and begun by who writes it and which numbers it writes.

    So several processes may share the file. One that is killed can leave its last member torn: a reader goes on at the
    next one's beginning, and its first line tells what is missing. A file that is no session file is never touched.
    """

    def __init__(self, path: str, producer: ProducerInfo) -> None:
        self._path = path
        self._producer = _producer_line(producer)
        self._next = 1
        self._dropped = 0
        self._file = -1
        try:
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            lines = self._begin(0, 0)
            if os.fstat(self._file).st_size == 0:
                lines = _header_line(producer) + lines
            elif not _is_session(self._file):
                raise OSError(f"{path} is there already and is no FlowScope session file")
            self._write(lines)
        except OSError as error:
            self._give_up(error)

    def send(self, parts: list[bytes], dropped: int) -> bool:
        """Write the batch."""
        if parts or dropped > self._dropped:
            try:
                self._write(self._begin(len(parts), dropped) + b"".join(part + b"\n" for part in parts))
            except OSError as error:
                self._give_up(error)
            self._next += len(parts)
            self._dropped = dropped
        return True

    def _begin(self, count: int, dropped: int) -> bytes:
        """The line before a batch: if that is torn, it tells how much is missing."""
        return b'%b,"seq":%d,"count":%d,"dropped":%d}\n' % (self._producer, self._next, count, dropped)

    def poll(self) -> None:
        """There is nobody to hear from."""

    def connected(self) -> bool:
        """A file is always there."""
        return True

    def ready(self) -> bool:
        """A file takes all there is."""
        return True

    def held(self) -> int:
        """What is written is not kept."""
        return 0

    def settled(self) -> bool:
        """What was taken is written."""
        return True

    def beat(self, queued: int) -> float | None:
        """There is nobody to show it to."""
        return None

    def wait(self, seconds: float) -> None:
        """There is nothing to wait for."""

    def hopeless(self) -> bool:
        """A file needs no waiting for."""
        return True

    def close(self, seconds: float) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, lines: bytes) -> None:
        data = memoryview(gzip.compress(lines, 5, mtime=0))
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError:
            # Half a member (the disk is full) would spoil the whole file; it is the last thing in it, or let be.
            end = os.fstat(self._file).st_size
            if written and _read(self._file, written, end - written) == data[:written]:
                os.ftruncate(self._file, end - written)
            raise

    def _give_up(self, error: OSError) -> NoReturn:
        """A file that can't be written loses its spans: there is nowhere else to keep them."""
        warn_once(f"can't record to {self._path}: {error.strerror or error}; tracing is off")
        self.close(0)
        raise GoneError from error


def _header_line(producer: ProducerInfo) -> bytes:
    header = {
        "flowscope": "session",
        "version": 1,
        "created": format_time(producer.started_ns or 0),
        "by": producer.sdk,
        "live": True,
    }
    return orjson.dumps(header) + b"\n"


def _producer_line(producer: ProducerInfo) -> bytes:
    members = orjson.loads(encode_header(Header(producer=replace(producer, secret=""))))["producer"]
    return orjson.dumps({"flowscope": "producer", "producer": members}).removesuffix(b"}")


def _is_session(file: int) -> bool:
    start = _read(file, 4096, 0)
    if start.startswith(_GZIP):
        try:
            start = zlib.decompressobj(wbits=31).decompress(start, len(_MARK))
        except zlib.error:
            return False
    return start.startswith(_MARK)


def _read(file: int, count: int, offset: int) -> bytes:
    # Not os.pread: Windows has none. Writing goes on at the end wherever this leaves the file's position.
    os.lseek(file, offset, os.SEEK_SET)
    return os.read(file, count)
