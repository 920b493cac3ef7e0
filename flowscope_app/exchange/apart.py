"""A file decoded in a process of its own, beside the one that writes: on two cores an import takes half the time.

The other process is `main`, given a path. It answers with frames on its standard output: a letter, the position
in the file, a length, and so many bytes.
"""

from __future__ import annotations

import gc
import marshal
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from struct import Struct
from typing import IO, BinaryIO

from flowscope_app.exchange.ahead import ahead
from flowscope_app.exchange.batches import Ready, size_of
from flowscope_app.exchange.source import Source, UnsoundError
from flowscope_app.store import Batch, Prepared

WORTH_BYTES = 1 << 20
"""Files (as they lie on disk) from which on a process more is soon made up for."""

_DIED, _DIED_HINT = "the process that read it was ended", "is there memory enough?"

_FRAME = Struct("<cqI")
_BATCH, _OTHER, _UNSOUND, _END = b"B", b"O", b"U", b"Z"


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

    def items(self) -> Generator[Ready, None, None]:
        """What the file holds; None now and then while nothing is ready. Raises what decoding it raises."""
        pipe = self._process.stdout
        assert pipe is not None
        items = ahead(self._frames(pipe), size_of)  # read while what came before is written, or the disk is waited for
        try:
            for item in items:  # noqa: UP028 - closed only when the other process has ended: what waits for it ends too
                yield item
        finally:
            self._process.kill()
            self._process.wait()
            items.close()
            pipe.close()

    def _frames(self, pipe: IO[bytes]) -> Iterator[Ready]:
        while True:
            head = pipe.read(_FRAME.size)
            if len(head) < _FRAME.size:
                raise UnsoundError(_DIED, _DIED_HINT)
            letter, self.position, length = _FRAME.unpack(head)
            if letter == _END:
                return
            body = pipe.read(length)
            if len(body) < length:
                raise UnsoundError(_DIED, _DIED_HINT)
            if letter == _BATCH:
                yield _batch(body)
            elif letter == _OTHER:
                yield pickle.loads(body)
            else:
                message, hint = pickle.loads(body)
                raise UnsoundError(message, hint)


def _batch(body: bytes) -> Batch:
    records, senders, sessions = marshal.loads(body)
    return Batch(records, senders, [Prepared(*spans) for spans in sessions])


def _sent(batch: Batch) -> bytes:
    """In Python's own form for its compiled code, which plain tuples, lists, texts and numbers take least time in."""
    return marshal.dumps((batch.records, batch.senders, [tuple(spans) for spans in batch.sessions]))


def decode(path: Path, out: BinaryIO, read: Callable[[Source], Iterable[Ready]]) -> None:
    """Write what `read` gives of a file as frames. Ends quietly when nobody listens any more."""

    def send(letter: bytes, position: int, body: bytes = b"") -> None:
        out.write(_FRAME.pack(letter, position, len(body)))
        out.write(body)
        out.flush()

    try:
        try:
            with Source(path) as source:
                for item in read(source):
                    if isinstance(item, Batch):
                        send(_BATCH, source.position, _sent(item))
                    elif item is not None:
                        send(_OTHER, source.position, pickle.dumps(item))
                send(_END, source.size)
        except UnsoundError as error:
            send(_UNSOUND, 0, pickle.dumps((error.message, error.hint)))
    except BrokenPipeError:
        os._exit(1)


def main() -> None:
    """What the other process does."""
    from flowscope_app.exchange.importer import ready

    gc.disable()  # there is nothing here that hangs together in circles, and looking for that takes its time
    decode(Path(sys.argv[1]), sys.stdout.buffer, ready)
