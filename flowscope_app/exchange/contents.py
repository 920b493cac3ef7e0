"""What an export holds, and what a file gives back: the same few things whatever the format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flowscope.protocol import ProducerInfo, Record
from flowscope_app.exchange.envelope import FileHeader, SessionInfo
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
