"""What is made of spans behind the ingest, each kind in its turn: runs of columns, notes of calls, the search index."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable

from flowscope_app.store.backlog import Backlog
from flowscope_app.store.gathering import Gatherer
from flowscope_app.store.indexing import Indexer
from flowscope_app.store.noting import Noter

MAX_AHEAD_S = 1.0
"""How much less one may have had than the others before it is no longer made up for: it had nothing to do."""


class Behind:
    """All of it. Writes within its owner's BEGIN."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._workers: tuple[Backlog, ...] = (Gatherer(connection), Noter(connection), Indexer(connection))
        self._had = [0.0] * len(self._workers)

    @property
    def busy(self) -> bool:
        """Whether there may be something to do."""
        return any(worker.busy for worker in self._workers)

    @property
    def waiting(self) -> list[int]:
        """Keys of the sessions that have something for one of them."""
        return list(dict.fromkeys(session for worker in self._workers for session in worker.waiting))

    def note(self, sessions: Iterable[int]) -> None:
        """Spans of these sessions (keys) have come or changed."""
        sessions = list(sessions)
        for worker in self._workers:
            worker.note(sessions)

    def work(self, seconds: float) -> None:
        """Work for about `seconds`, always some: whoever has had the least time goes first."""
        end = time.monotonic() + seconds
        while chosen := [number for number, worker in enumerate(self._workers) if worker.busy]:
            least = min(chosen, key=self._had.__getitem__)
            begun = time.monotonic()
            self._workers[least].work(max(0.0, end - begun) / len(chosen))
            now = time.monotonic()
            self._had[least] = max(self._had[least], max(self._had) - MAX_AHEAD_S) + now - begun
            if now >= end:
                return
