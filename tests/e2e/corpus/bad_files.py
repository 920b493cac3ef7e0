"""The corpus of bad session files: each by name, with what an import must say of it, or "" where it must be taken."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import zstandard

MIB = 1 << 20
LIVE = b'{"flowscope":"session","version":1,"live":true}\n'


@dataclass(frozen=True)
class FileCase:
    """`make` writes the file for the session it is named; `says` is in the one line that refuses it."""

    name: str
    make: Callable[[Path, str], object]
    says: str = ""
    memory: int | None = None


def line(**members: object) -> bytes:
    return orjson.dumps(members) + b"\n"


def records(session: str, count: int) -> bytes:
    rng = random.Random(count)
    times = {"start_time": "2026-11-22T15:11:42Z", "end_time": "2026-11-22T15:11:43Z"}
    return b"".join(
        line(id=f"{n:016x}", session_id=session, operation="op", **times, input=rng.randbytes(40).hex())
        for n in range(1, count + 1)
    )


def sound(session: str, count: int = 20, **header: object) -> bytes:
    """The lines of a sound session file."""
    producer = {"id": f"of {session}", "program": "app.py", "pid": 7}
    first = {"flowscope": "session", "version": 1, "sessions": [{"id": session, "name": "n"}], "producers": [producer]}
    text = orjson.dumps({**first, **header}) + b"\n" + records(session, count)
    return text + line(flowscope="end", records=count, sha256=hashlib.sha256(text).hexdigest())


def pack(text: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(text)


def blocks(text: bytes, size: int = 512) -> Iterator[bytes]:
    """The same, packed in many blocks: the frame up to the end of each in turn, whole at last."""
    packer = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    packed = b""
    for start in range(0, len(text), size):
        packed += packer.compress(text[start : start + size])
        packed += packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        yield packed
    yield packed + packer.flush()


def fuzzed(packed: bytes, text: bytes, seed: int) -> bytes:
    """One of endless mutations: bytes changed, cut, doubled, put in; of the packed file or of what it holds."""
    rng = random.Random(seed)
    inside = rng.random() < 0.6
    data = bytearray(text if inside else packed)
    for _ in range(rng.randint(1, 6)):
        at, length = rng.randrange(len(data)), rng.randint(1, 40)
        match rng.randrange(5):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = rng.randbytes(length)
            case 3:
                data[at:at] = data[at : at + length] * rng.randint(1, 50)
            case 4:
                data[at : at + length] = rng.choice([b"null", b"{", b'"', b"\n", b"1e999", b"\\ud800", b"[[", b"-"])
    return pack(bytes(data)) if inside and rng.random() < 0.7 else bytes(data)


def _written(make: Callable[[str], bytes]) -> Callable[[Path, str], object]:
    return lambda path, session: path.write_bytes(make(session))


def _ten_gigabytes(head: bytes, filler: bytes) -> Callable[[Path, str], object]:
    def make(path: Path, _session: str) -> None:
        frame = zstandard.ZstdCompressor().compress(filler * (64 * MIB // len(filler)))
        path.write_bytes(pack(head) + frame * 160)

    return make


def _link(target: Callable[[Path, str], object]) -> Callable[[Path, str], object]:
    def make(path: Path, session: str) -> None:
        target(path.with_suffix(".target"), session)
        path.symlink_to(path.with_suffix(".target"))

    return make


def _header(**members: object) -> Callable[[Path, str], object]:
    return _written(lambda session: pack(sound(session, **members)))


def _lying_end(**members: object) -> Callable[[Path, str], object]:
    def make(path: Path, session: str) -> None:
        *rest, end = sound(session).splitlines(keepends=True)
        path.write_bytes(pack(b"".join(rest) + line(**{**json.loads(end), **members})))

    return make


CASES = [
    FileCase("sound", _written(lambda s: pack(sound(s)))),
    FileCase("sound, in gzip", _written(lambda s: gzip.compress(sound(s)))),
    FileCase("a link to a sound file", _link(_written(lambda s: pack(sound(s))))),
    FileCase("a link to nothing", lambda path, _: path.symlink_to("/nonexistent"), "does not exist"),
    FileCase("a link to itself", lambda path, _: path.symlink_to(path), "can't be opened"),
    FileCase("a link to /dev/zero", lambda path, _: path.symlink_to("/dev/zero"), "not a regular file"),
    FileCase("a link to a folder", lambda path, _: path.symlink_to("/"), "folder"),
    FileCase("a FIFO", lambda path, _: os.mkfifo(path), "not a regular file"),
    FileCase("a folder", lambda path, _: path.mkdir(), "folder"),
    FileCase("nothing there", lambda path, _: None, "does not exist"),
    FileCase("empty", _written(lambda _: b""), "it is empty"),
    FileCase("a newer version", _header(version=2), "newer FlowScope"),
    FileCase("a version that is none", _header(version="1"), "no version"),
    FileCase("a header that lies about its sessions", _header(sessions=[{"id": "another", "name": "x"}])),
    FileCase("a header whose sessions are a number", _header(sessions=7), "header is damaged"),
    FileCase("a header with a session without id", _header(sessions=[{}]), "a session has no id"),
    FileCase("a header with a damaged producer", _header(producers=[{"id": 7}]), "producer in it is damaged"),
    FileCase(
        "20,000 producers", _header(producers=[{"id": str(n)} for n in range(20_000)]), "more than 10,000 producers"
    ),
    FileCase("a header of 1 MB", _header(created="x" * MIB)),
    FileCase("an end that lies about the count", _lying_end(records=19), "checksum does not match"),
    FileCase("an end that lies about the checksum", _lying_end(sha256="0" * 64), "checksum does not match"),
    FileCase("an end with the wrong types", _lying_end(records="20"), "end line is damaged"),
    FileCase("HTML", _written(lambda _: b"<!doctype html><p>Not found"), "holds no session"),
    FileCase(
        "a deep line", _written(lambda _: LIVE + b'{"id":"x","input":' + b"[" * 100_000 + b"}\n" + LIVE), "not a record"
    ),
    FileCase(
        "a line of 3,000,000 {}",
        _written(lambda _: LIVE + b'{"a":[' + b"{}," * 3_000_000 + b"]}\n" + LIVE),
        "more than 2,000,000",
    ),
    FileCase("10 GB of spaces", _ten_gigabytes(b"", b" "), "holds no session|1,000 times its size", 300),
    FileCase("10 GB of spaces in a line", _ten_gigabytes(LIVE, b" "), "a line is longer than 256 MiB", 700),
    FileCase("10 GB of empty lines", _ten_gigabytes(records("x", 9), b"\n"), "blank space", 300),
    FileCase("10 GB of spaces in an array", _ten_gigabytes(b"[", b" "), "blank space", 350),
    FileCase("10 GB in a text", _ten_gigabytes(LIVE + b'{"id":"', b"x"), "a line is longer than 256 MiB", 900),
    FileCase("10 GB of lines of no kind", _ten_gigabytes(LIVE, b'{"flowscope":"x"}\n'), "lines of no known kind", 300),
]
