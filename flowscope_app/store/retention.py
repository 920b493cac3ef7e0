"""Which sessions are kept no longer: those beyond an age, a number or a size, the least recently active first."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace

from flowscope_app.base.format import size

ACTIVE_NS = 600_000_000_000
"""A session that took a span within the last ten minutes is in use: it is never deleted by a limit."""
SPAN_BYTES = 475
"""What a span takes besides its payload: row, entries in two indexes and a block, place in a run. Measured."""
_DAY_NS = 86_400_000_000_000

SESSIONS = (
    "SELECT key, id, name, spans, last_ns FROM sessions WHERE id IS NOT NULL AND pinned = 0"
    " ORDER BY last_ns DESC, key DESC"
)
PAYLOAD_BYTES = (
    "SELECT coalesce(sum(coalesce(length(p.input), 0) + coalesce(length(p.output), 0)"
    " + coalesce(length(p.metadata), 0) + coalesce(length(p.error), 0)), 0)"
    " FROM spans s JOIN payloads p ON p.key = s.key WHERE s.session = ?"
)


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits, 0 for none: days since a session's last span, bytes of the database, number of sessions.

    Pinned sessions are exempt and don't count as sessions; their bytes do count.
    """

    days: float = 0
    max_bytes: float = 0
    sessions: int = 0

    def __bool__(self) -> bool:
        return bool(self.days or self.max_bytes or self.sessions)


@dataclass(frozen=True, slots=True)
class Expiring:
    """A session that goes, why, and about how much space it gives back; `size` 0 where it was not asked for."""

    key: int
    id: str
    name: str
    spans: int
    last_ns: int
    why: str = ""
    size: int = 0


def expiring(connection: sqlite3.Connection, policy: Policy, now_ns: int) -> list[Expiring]:
    """All sessions that go by `policy`, in the order in which they do. Measures each, which reads much of it."""
    gone = [_measured(connection, found) for found in outdated(connection, policy, now_ns)]
    excess = used_bytes(connection) - policy.max_bytes - sum(found.size for found in gone)
    if not policy.max_bytes:
        return gone
    taken = {found.key for found in gone}
    for found in _oldest_first(connection, policy, now_ns):
        if excess <= 0:
            break
        if found.key not in taken:
            gone.append(_measured(connection, found))
            excess -= gone[-1].size
    return gone


def outdated(connection: sqlite3.Connection, policy: Policy, now_ns: int) -> list[Expiring]:
    """The sessions that go by age or number, the least recently active first."""
    found = []
    for rank, row in enumerate(connection.execute(SESSIONS).fetchall(), 1):
        age = now_ns - row[4]
        if age < ACTIVE_NS:
            continue
        if policy.days and age > policy.days * _DAY_NS:
            found.append(replace(Expiring(*row), why=f"older than {policy.days:g} days"))
        elif policy.sessions and rank > policy.sessions:
            found.append(replace(Expiring(*row), why=f"more than {policy.sessions} sessions"))
    return found[::-1]


def oversize(connection: sqlite3.Connection, policy: Policy, now_ns: int) -> Expiring | None:
    """The session that goes next because the database is too large; what others gave back already counts."""
    if not policy.max_bytes or used_bytes(connection) <= policy.max_bytes:
        return None
    return next(iter(_oldest_first(connection, policy, now_ns)), None)


def used_bytes(connection: sqlite3.Connection) -> int:
    """What the database's contents take; pages that are free but not given back yet don't count."""
    pages, free, page = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * page


def _oldest_first(connection: sqlite3.Connection, policy: Policy, now_ns: int) -> list[Expiring]:
    rows = connection.execute(SESSIONS).fetchall()
    why = f"database larger than {size(int(policy.max_bytes))}"
    return [replace(Expiring(*row), why=why) for row in reversed(rows) if now_ns - row[4] >= ACTIVE_NS]


def _measured(connection: sqlite3.Connection, found: Expiring) -> Expiring:
    payloads = connection.execute(PAYLOAD_BYTES, (found.key,)).fetchone()[0]
    return replace(found, size=payloads + SPAN_BYTES * found.spans)
