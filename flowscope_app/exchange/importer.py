"""Bring a file's sessions into the store: all of it, or, if anything in it is unsound, nothing of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from flowscope.protocol import ProducerInfo
from flowscope_app.base.errors import FlowScopeError
from flowscope_app.exchange import apart
from flowscope_app.exchange.ahead import ahead
from flowscope_app.exchange.batches import Ready, batches, size_of
from flowscope_app.exchange.contents import Losses, Note
from flowscope_app.exchange.envelope import FileHeader
from flowscope_app.exchange.registry import Format, Reader, readable, recognise
from flowscope_app.exchange.source import Source, UnsoundError
from flowscope_app.store import Batch, Import, StoreWriter

HEAD = 1 << 16
STEP_S = 0.05
"""Longest time between two Progresses, about: the collector that imports takes spans in between."""
MAX_PRODUCERS = 10_000
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: `done` of `total` bytes of the file, and so many records.

    The last one is `finished` and names the sessions that are there now; `note` is what to tell about them.
    """

    done: int
    total: int
    records: int
    finished: bool = False
    sessions: tuple[str, ...] = ()
    note: str = ""


def import_file(path: Path, writer: StoreWriter) -> Iterator[Progress]:
    """Read `path`, in any format that import knows, and store what it holds.

    Nothing can be seen of it before the last Progress; closing the iterator early leaves no trace, and neither does
    FlowScopeError, raised in one line that names the file.
    """
    try:
        with Source(path) as source, writer.begin_import() as into:
            if source.size >= apart.WORTH_BYTES and apart.possible():
                other = apart.Apart(path)
                yield from _import(other.items(), lambda: other.position, source.size, into)
            else:
                items = ahead(ready(source), size_of)
                yield from _import(items, lambda: source.position, source.size, into)
    except UnsoundError as error:
        raise FlowScopeError(f"{path} can't be imported: {error.message}", error.hint) from error


def ready(source: Source) -> Iterator[Ready]:
    """What a file holds, in whatever format it is. Raises UnsoundError."""
    pieces = iter(source)
    head = _head(pieces)
    yield from batches(_reader(recognise(head))(source, chain((head,), pieces)))


def _import(
    decoded: Generator[Ready, None, None], position: Callable[[], int], size: int, into: Import
) -> Iterator[Progress]:
    count, note = 0, ""
    producers = _Producers(into)
    due = time.monotonic() + STEP_S
    with closing(decoded) as items:
        for item in items:
            if isinstance(item, Batch):
                into.write([item])
                count += item.records
            if item is None or isinstance(item, Batch) or time.monotonic() > due:
                yield Progress(position(), size, count)
                due = time.monotonic() + STEP_S
            if isinstance(item, ProducerInfo):
                producers.add((item,))
            elif isinstance(item, FileHeader):
                producers.add(item.producers)
                for session in item.sessions:
                    into.name_session(session.id, session.name)
            elif isinstance(item, Losses):
                into.lose(item.gaps, item.dropped)
            elif isinstance(item, Note):
                note = item.text
    sessions = tuple(into.commit())
    yield Progress(size, size, count, True, sessions, note)


class _Producers:
    """Makes each producer known once: a recording names its own before every batch."""

    def __init__(self, into: Import) -> None:
        self._into = into
        self._known: dict[str, ProducerInfo] = {}

    def add(self, infos: Sequence[ProducerInfo]) -> None:
        new = {info.id: info for info in infos if self._known.get(info.id) != info}
        if len(self._known) + len(new) > MAX_PRODUCERS:
            raise UnsoundError(f"it names more than {MAX_PRODUCERS:,} producers")
        if new:
            self._known.update(new)
            self._into.add_producers(new.values())


def _head(pieces: Iterator[bytes]) -> bytes:
    """Enough of the beginning to tell the format by, without the mark that some editors put first."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= HEAD:
            break
    return head.removeprefix(BOM)


def _reader(found: Format) -> Reader:
    if found.read is None:
        raise UnsoundError(f"format {found.name} can only be written", "import reads " + ", ".join(readable()))
    return found.read
