"""Stored spans as the records they came as."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import numpy as np
import orjson
from numpy.typing import NDArray

from flowscope.protocol import Record
from flowscope_app.store import packing
from flowscope_app.store.catalogue import ANONYMOUS
from flowscope_app.store.compression import unpack

PIECE_SPANS = 200
PIECE_BYTES = 4 << 20
"""A piece ends with the record that takes it over this size, as it is stored."""

KEYS = "SELECT key FROM spans WHERE session = ?"
ROWS = (
    "SELECT s.key, s.packed, s.span_id, s.parent_id, p.input, p.output, p.metadata, p.error"
    " FROM spans s LEFT JOIN payloads p ON p.key = s.key WHERE s.key IN ({marks}) ORDER BY s.key"
)
_SESSION = "SELECT coalesce(id, '') FROM sessions WHERE key = ?"
_NAME = "SELECT text FROM names WHERE key = ?"
_SAID = 10_000  # combinations remembered at most
_PRODUCER = "SELECT p.id FROM tracks t JOIN producers p ON p.key = t.producer WHERE t.key = ?"


class Records:
    """Reads spans of one session as records, names and producers looked up once."""

    def __init__(self, connection: sqlite3.Connection, session_key: int) -> None:
        self._connection = connection
        self._session = session_key
        self._session_id = _text(connection, _SESSION, session_key)
        self._names: dict[int, str] = {}
        self._producers: dict[int, str] = {}
        self._said: dict[tuple[int, int, int, int], tuple[str, str, str, str]] = {}

    def of(self, keys: Sequence[int]) -> list[Record]:
        """The records of up to 500 of its spans, by key: of as many of them as make a piece.

        A record of a known producer says whose it is in metadata["flowscope.producer"], so that it comes back to the
        same one when it is read in again.
        """
        return self._read(keys)[0]

    def pieces(self) -> Iterator[list[Record]]:
        """All spans that it has now, some hundreds at a time, in the order in which they were first stored.

        Outside of a transaction each piece is of one state of the database: a reader that takes its time never holds a
        state for long, which would let the write-ahead log grow behind it. A span is as it was when its piece was read.
        Raises ValueError if the session is deleted meanwhile.
        """
        own = not self._connection.in_transaction
        keys = self._keys()
        at = 0
        while at < len(keys):
            if own:
                self._connection.execute("BEGIN")
            try:
                if own and not _text(self._connection, _SESSION, self._session):
                    raise ValueError("the session was deleted meanwhile")
                records, cut_at = self._read(keys[at : at + PIECE_SPANS].tolist())
            finally:
                if own:
                    self._connection.execute("ROLLBACK")
            at = int(np.searchsorted(keys, cut_at, "right")) if cut_at else at + PIECE_SPANS
            yield records

    def _keys(self) -> NDArray[np.int64]:
        found = self._connection.execute(KEYS, (self._session,))
        keys = np.fromiter((key for (key,) in found), np.int64)
        keys.sort()
        return keys

    def _read(self, keys: Sequence[int]) -> tuple[list[Record], int]:
        """Records of spans by key; if not all of them make a piece, also the key of the last one that does, else 0."""
        session_id, status_text, end_at, status_at = self._session_id, packing.STATUS_TEXT, packing.END, packing.STATUS
        read_row, said = packing.ROW.unpack, self._said
        records: list[Record] = []
        size = 0
        rows = self._connection.execute(ROWS.format(marks=",".join("?" * len(keys))), keys)
        for key, packed, span_id, parent_id, given, result, metadata, error in rows:
            row = read_row(packed)
            what = said.get((row[5], row[6], row[7], row[9])) or self._say(row[5], row[6], row[7], row[9])
            end = row[end_at]
            records.append(
                Record(
                    span_id, session_id, parent_id, what[0], what[1], what[2], row[3], None if end < 0 else end,
                    unpack(given), unpack(result), _metadata(unpack(metadata), what[3]),
                    status_text[row[status_at]], error,
                )
            )  # fmt: skip
            size += len(given or b"") + len(result or b"") + len(metadata or b"")
            if size > PIECE_BYTES:
                return records, int(key)
        return records, 0

    def _say(self, operation: int, framework: int, language: int, track: int) -> tuple[str, str, str, str]:
        """The same in words: operation, framework, language and whose the track is."""
        names, producers = self._names, self._producers
        for name in (operation, framework, language):
            if name not in names:
                names[name] = _text(self._connection, _NAME, name)
        if track not in producers:
            producers[track] = _text(self._connection, _PRODUCER, track)
        what = names[operation], names[framework], names[language], producers[track]
        if len(self._said) < _SAID:
            self._said[operation, framework, language, track] = what
        return what


def _text(connection: sqlite3.Connection, sql: str, key: int) -> str:
    row = connection.execute(sql, (key,)).fetchone()
    return str(row[0]) if row else ""


def _metadata(data: bytes | None, producer: str) -> dict[str, object]:
    metadata: dict[str, object] = orjson.loads(data) if data else {}
    if producer and not producer.startswith(ANONYMOUS):
        metadata.setdefault("flowscope.producer", producer)
    return metadata
