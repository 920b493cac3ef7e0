"""A file decoded in a process of its own, beside the one that writes: on two cores an import takes half the time.

The other process is `main`, given a path. It answers with frames on its standard output: a letter, the position
in the file, a length, and so many bytes.
"""

from __future__ import annotations

import os
import pickle
import select
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from struct import Struct
from typing import IO, BinaryIO

import msgspec

from flowscope_app.exchange.contents import Item
from flowscope_app.exchange.source import Source, UnsoundError
from flowscope_app.store import Entry
from flowscope_app.store.entries import NOTHING, read_said

WORTH_BYTES = 1 << 20
"""Files (as they lie on disk) from which on a process more is soon made up for."""
WAIT_S = 0.02

_DIED, _DIED_HINT = "the process that read it was ended", "is there memory enough?"

_FRAME = Struct("<cqI")
_ENTRIES, _OTHER, _UNSOUND, _END = b"E", b"O", b"U", b"Z"

_Sent = tuple[
    str, str, str | None, str, str, str, int, int | None, bytes | None, bytes | None, bytes | None, int, str | None,
    str | None,
]  # fmt: skip
"""An entry's members but for what its metadata says, then the producer it was said to be of beside that."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Sent]).decode


def possible() -> bool:
    """Whether there is a Python to start: a bundled app has none."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


class Apart:
    """The process that decodes, and how far it is."""

    def __init__(self, path: Path) -> None:
        self.position = 0
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import main; main()", os.fspath(path.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,  # an interrupt is for whoever imports, who ends this one
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def items(self) -> Generator[Item, None, None]:
        """What the file holds; None now and then while nothing is ready. Raises what decoding it raises."""
        pipe = self._process.stdout
        assert pipe is not None
        try:
            yield from self._frames(pipe)
        finally:
            self._process.kill()
            self._process.wait()
            pipe.close()

    def _frames(self, pipe: IO[bytes]) -> Generator[Item, None, None]:
        while True:
            while not select.select([pipe], [], [], WAIT_S)[0]:
                yield None
            head = pipe.read(_FRAME.size)
            if len(head) < _FRAME.size:
                raise UnsoundError(_DIED, _DIED_HINT)
            letter, self.position, length = _FRAME.unpack(head)
            if letter == _END:
                return
            body = pipe.read(length)
            if len(body) < length:
                raise UnsoundError(_DIED, _DIED_HINT)
            if letter == _ENTRIES:
                yield _entries(body)
            elif letter == _OTHER:
                yield pickle.loads(body)
            else:
                message, hint = pickle.loads(body)
                raise UnsoundError(message, hint)


def _entries(body: bytes) -> list[Entry]:
    made: list[Entry] = []
    for *members, metadata, status, error, producer in _decode(body):
        said = read_said(metadata) if metadata else NOTHING
        if producer is not None and said.producer is None:
            said = msgspec.structs.replace(said, producer=producer)
        made.append(Entry(*members, metadata, status, error, said))  # type: ignore[call-arg, arg-type]
    return made


def _sent(entries: Iterable[Entry]) -> bytes:
    return _encode(
        [
            (
                one.id, one.session_id, one.parent_id, one.operation, one.framework, one.language, one.start_ns,
                one.end_ns, one.input, one.output, one.metadata, one.status, one.error,
                one.said.producer if isinstance(one.said.producer, str) else None,
            )
            for one in entries
        ]
    )  # fmt: skip


def decode(path: Path, out: BinaryIO, read: Callable[[Source], Iterable[Item]]) -> None:
    """Write what `read` gives of a file as frames. Ends quietly when nobody listens any more."""

    def send(letter: bytes, position: int, body: bytes = b"") -> None:
        out.write(_FRAME.pack(letter, position, len(body)))
        out.write(body)
        out.flush()

    try:
        try:
            with Source(path) as source:
                for item in read(source):
                    if isinstance(item, list):
                        send(_ENTRIES, source.position, _sent(item))
                    elif item is not None:
                        send(_OTHER, source.position, pickle.dumps(item))
                send(_END, source.size)
        except UnsoundError as error:
            send(_UNSOUND, 0, pickle.dumps((error.message, error.hint)))
    except BrokenPipeError:
        os._exit(1)


def main() -> None:
    """What the other process does."""
    from flowscope_app.exchange.importer import items_of

    decode(Path(sys.argv[1]), sys.stdout.buffer, items_of)
