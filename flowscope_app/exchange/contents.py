"""What an export holds, and what a file gives back: the same few things whatever the format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flowscope.protocol import ProducerInfo, Record
from flowscope_app.exchange.envelope import FileHeader, SessionInfo
from flowscope_app.spans.table import SpanTable
from flowscope_app.store import Entry, ProducerRow, SessionRow, StoreReader


@dataclass(frozen=True, slots=True)
class Note:
    """Something to tell whoever imports the file that does not make it unusable."""

    text: str


@dataclass(frozen=True, slots=True)
class Losses:
    """What a recording says was made and is not in it, by producer: ranges of numbers, and how many were dropped."""

    gaps: Mapping[str, Sequence[tuple[int, int]]]
    dropped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Held:
    """A session whose structure is in memory and whose records are read one at a time."""

    title: str
    table: SpanTable
    records: Iterator[Record]
    producers: list[ProducerInfo]


Item = FileHeader | ProducerInfo | list[Entry] | Record | Note | Losses | None
"""A list is of records that follow one another. None stands for a line that was passed over: whoever reads has its turn
at every line, or at some hundred of them."""


class Contents:
    """Some sessions of a database, read as they are written out: never held in memory."""

    def __init__(self, reader: StoreReader, sessions: Sequence[SessionRow]) -> None:
        self._reader = reader
        self._rows = sessions
        self.sessions = [SessionInfo(row.id, row.name) for row in sessions]

    def producers(self) -> list[ProducerInfo]:
        """The processes that sent the records, each once. Asked again, it may know more: recording goes on."""
        known: dict[str, ProducerInfo] = {}
        for row in self._rows:
            for producer in self._reader.producers(row.key):
                known.setdefault(producer.id, _info(producer))
        return list(known.values())

    def records(self) -> Iterator[Record]:
        """The records, session by session, each session's in the order they were stored."""
        for row in self._rows:
            yield from self._reader.records(row.key)

    @property
    def first_start(self) -> int:
        """When the first of their spans began, ns since the epoch; 0 where there is none."""
        return min((row.start_ns for row in self._rows if row.start_ns is not None), default=0)

    def held(self) -> Iterator[Held]:
        """Each session with its structure: some 100 bytes a span."""
        for row in self._rows:
            table = self._reader.load(row.key).table()
            producers = [_info(producer) for producer in self._reader.producers(row.key)]
            yield Held(row.title, table, self._reader.records(row.key), producers)


def _info(row: ProducerRow) -> ProducerInfo:
    return ProducerInfo(
        id=row.id,
        program=row.program,
        pid=row.pid or 0,
        host=row.host,
        language=row.language or "unknown",
        runtime=row.runtime,
        sdk=row.sdk,
        started_ns=row.started_ns,
    )
