"""Spans whose program has died: which are open, whose they are, and the end they are given."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flowscope.protocol import Record
from flowscope_app.store import entries
from flowscope_app.store.records import Records
from flowscope_app.store.rows import Incoming
from flowscope_app.store.transaction import Transaction

if TYPE_CHECKING:
    from flowscope_app.store.writer import StoreWriter

REASON = "abandoned: the program ended without closing this span"
UNHEARD = "abandoned: nothing more was heard of the program that opened this span"
PER_TRANSACTION = 500

# Not part of the schema: it holds nothing of its own, and what does not know of it keeps it right all the same.
INDEX = "CREATE INDEX IF NOT EXISTS spans_unfinished ON spans (status, session, track) WHERE status = 0 OR status = 3"
OPEN = (
    "SELECT p.id, p.program, p.pid, p.host, p.started_ns, count(*), max(e.last_ns) FROM spans s"
    " JOIN tracks t ON t.key = s.track JOIN producers p ON p.key = t.producer JOIN sessions e ON e.key = s.session"
    " WHERE s.status = 0 GROUP BY p.key"
)
OPEN_OF = (
    "SELECT s.session, s.key FROM spans s JOIN tracks t ON t.key = s.track JOIN producers p ON p.key = t.producer"
    " JOIN sessions e ON e.key = s.session WHERE s.status = 0 AND p.id = ? AND e.id IS NOT NULL LIMIT ?"
)
ABANDONED = "SELECT session, count(*) FROM spans WHERE status = 3 GROUP BY session"


@dataclass(frozen=True, slots=True)
class OpenProducer:
    """A producer that has spans without an end; `pid` 0 and `host` "" where it did not say.

    `last_ns` is when a span last came for one of the sessions that they are in.
    """

    id: str
    program: str
    pid: int
    host: str
    started_ns: int | None
    pending: int
    last_ns: int


def open_producers(connection: sqlite3.Connection) -> list[OpenProducer]:
    """Who has pending spans."""
    rows = connection.execute(OPEN).fetchall()
    return [OpenProducer(name, program, pid or 0, *rest) for name, program, pid, *rest in rows]


def abandon(writer: StoreWriter, producer_id: str, last_ns: int | None, reason: str = REASON) -> int:
    """End up to 500 pending spans of a producer that has died, or seems to; return how many. Call again until it is 0.

    They end at `last_ns` (epoch), the last time at which something is known of it: by default the last commit of their
    session. A session's place in the list stays, as nothing new has come for it. Raises StoreFault.
    """
    with writer.transaction() as connection:
        keys: dict[int, list[int]] = defaultdict(list)
        for session, key in connection.execute(OPEN_OF, (producer_id, PER_TRANSACTION)):
            keys[session].append(key)
        work = Transaction(connection, writer.catalogue, writer.change, writer.catalogue.session)
        times = []
        for session, chosen in keys.items():
            (known,) = connection.execute("SELECT last_ns FROM sessions WHERE key = ?", (session,)).fetchone()
            times.append((known, session))
            end = known if last_ns is None else last_ns
            found = Records(connection, session).of(chosen)
            work.take(Incoming(None, [_ended(record, end, reason) for record in found]))
        work.write()
        connection.executemany("UPDATE sessions SET last_ns = ? WHERE key = ?", times)
    writer.change = work.change
    writer.note(session.key for session in work.sessions)
    return work.committed.replaced


def _ended(record: Record, end_ns: int, reason: str) -> Record:
    return replace(
        record,
        end_ns=max(record.start_ns, end_ns),
        status="error",
        error=reason,
        metadata={**record.metadata, entries.ABANDONED: True},
    )
