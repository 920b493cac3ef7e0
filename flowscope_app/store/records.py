"""Stored spans as the records they came as."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import orjson

from flowscope.protocol import Record
from flowscope_app.store import packing
from flowscope_app.store.catalogue import ANONYMOUS
from flowscope_app.store.compression import unpack

_ROWS = (
    "SELECT s.packed, s.span_id, s.parent_id, p.input, p.output, p.metadata, p.error"
    " FROM spans s LEFT JOIN payloads p ON p.key = s.key WHERE s.session = ?"
)
_IN_ORDER = " ORDER BY s.change"
SELECT = _ROWS + _IN_ORDER


def read_records(
    connection: sqlite3.Connection, session_key: int, keys: Sequence[int] | None = None
) -> Iterator[Record]:
    """Yield a session's records, or those of up to 500 of its spans, in the order of their last change, one at a time.

    The caller holds a transaction, so that all are of one state. A record of a known producer says whose it is in
    metadata["flowscope.producer"], so that it comes back to the same one when it is read in again.
    """
    session_id = _text(connection, "SELECT coalesce(id, '') FROM sessions WHERE key = ?", session_key)
    names: dict[int, str] = {}
    producers: dict[int, str] = {}
    some = f" AND s.key IN ({','.join('?' * len(keys))})" if keys is not None else ""
    cursor = connection.execute(_ROWS + some + _IN_ORDER, (session_key, *(keys or ())))
    for packed, span_id, parent_id, given, result, metadata, error in cursor:
        row = packing.ROW.unpack(packed)
        for key in row[5:8]:
            if key not in names:
                names[key] = _text(connection, "SELECT text FROM names WHERE key = ?", key)
        if row[9] not in producers:
            producers[row[9]] = _text(
                connection,
                "SELECT p.id FROM tracks t JOIN producers p ON p.key = t.producer WHERE t.key = ?",
                row[9],
            )
        yield Record(
            id=span_id,
            session_id=session_id,
            parent_id=parent_id,
            operation=names[row[5]],
            framework=names[row[6]],
            language=names[row[7]],
            start_ns=row[3],
            end_ns=None if row[packing.END] < 0 else row[packing.END],
            input=unpack(given),
            output=unpack(result),
            metadata=_metadata(unpack(metadata), producers[row[9]]),
            status=packing.STATUS_TEXT[row[packing.STATUS]],
            error=error,
        )


def _text(connection: sqlite3.Connection, sql: str, key: int) -> str:
    row = connection.execute(sql, (key,)).fetchone()
    return str(row[0]) if row else ""


def _metadata(data: bytes | None, producer: str) -> dict[str, object]:
    metadata: dict[str, object] = orjson.loads(data) if data else {}
    if producer and not producer.startswith(ANONYMOUS):
        metadata.setdefault("flowscope.producer", producer)
    return metadata
