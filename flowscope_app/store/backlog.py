"""Sessions that wait to be worked through behind the ingest, in runs of spans by change number.

A span that is replaced gets a new number above what is done, and comes again later. So no run is ever changed, and runs
go with their session. How far a session is stands in it, in a column that each kind of work has for itself.
"""

from __future__ import annotations

import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable

READY = "SELECT count(*) FROM (SELECT 1 FROM spans WHERE session = ? AND change > ? LIMIT ?)"


class Backlog(ABC):
    """Which sessions have spans that are not done, and the next runs of them. Writes within its owner's BEGIN."""

    def __init__(self, connection: sqlite3.Connection, column: str, spans: int) -> None:
        """`column` of `sessions` holds the change number that is reached, `spans` have to be there for a run."""
        self._connection = connection
        self._reached = f"SELECT {column} FROM sessions WHERE key = ? AND id IS NOT NULL"
        self._reach = f"UPDATE sessions SET {column} = ? WHERE key = ?"
        self._spans = spans
        self._waiting = dict.fromkeys(key for (key,) in connection.execute("SELECT key FROM sessions"))

    @property
    def waiting(self) -> Iterable[int]:
        """Keys of the sessions to look at, in that order."""
        return self._waiting.keys()

    @property
    def busy(self) -> bool:
        """Whether there may be something to do."""
        return bool(self._waiting)

    def note(self, sessions: Iterable[int]) -> None:
        """Spans of these sessions (keys) have come or changed."""
        self._waiting.update(dict.fromkeys(sessions))

    def work(self, seconds: float) -> int:
        """Make runs of sessions that a reader sees, for about that long; return how many."""
        deadline = time.monotonic() + seconds
        runs = 0
        while self._waiting:
            session = next(iter(self._waiting))
            del self._waiting[session]
            made, more = self._session(session, deadline)
            runs += made
            if more:
                self._waiting[session] = None  # behind the others
            if time.monotonic() >= deadline:
                break
        return runs

    def _session(self, session: int, deadline: float) -> tuple[int, bool]:
        """Make runs of one session, at least one, and note how far it is. How many, and whether there may be more."""
        found = self._connection.execute(self._reached, (session,)).fetchone()
        if found is None:
            return 0, False
        (reached,) = found
        runs = 0
        while more := self._ready(session, reached):
            reached = self._run(session, reached)
            runs += 1
            if time.monotonic() >= deadline:
                break
        if runs:
            self._connection.execute(self._reach, (reached, session))
        return runs, more

    def _ready(self, session: int, change: int) -> bool:
        return bool(self._connection.execute(READY, (session, change, self._spans)).fetchone()[0] == self._spans)

    @abstractmethod
    def _run(self, session: int, change: int) -> int:
        """Make a session's next run after a change number; return the change number that it reaches."""
