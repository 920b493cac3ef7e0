"""The only writer of a database: one transaction a call, everything in it or nothing of it."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from peewee import SqliteDatabase

from flowscope.protocol import ProducerInfo, Record
from flowscope_app.store import retention, sweeping
from flowscope_app.store.abandon import REASON, OpenProducer, abandon, open_producers
from flowscope_app.store.behind import Behind
from flowscope_app.store.catalogue import Catalogue, SessionState
from flowscope_app.store.entries import Entry
from flowscope_app.store.errors import NotWritable, StoreFault
from flowscope_app.store.faults import fault
from flowscope_app.store.imports import Import
from flowscope_app.store.location import database_path, file_size
from flowscope_app.store.lock import PidLock, writer_lock
from flowscope_app.store.opening import open_for_writing
from flowscope_app.store.preparing import Batch
from flowscope_app.store.rows import Committed, Incoming, Report
from flowscope_app.store.transaction import Transaction

SWEEP_SECONDS = 0.05
SWEEP_AT_CLOSE_S = 2.0
INDEX_SECONDS = 0.02
MAX_NAME = 200

# What is hidden is not searched by its blocks any more, as those go first.
_HIDE = "UPDATE sessions SET id = NULL, indexed = 0, gathered = 0, noted = 0 WHERE id = ?"

logger = logging.getLogger("flowscope.store")


class StoreWriter:
    """Holds the database's lock from `open` to `close`. Not thread-safe.

    `connection`, `catalogue`, `change`, `importing`, `note`, `transaction` and `apply` are for the store's own
    modules.

    A method that changes the database raises StoreFault when it can't be written at the moment; then nothing
    was changed and the same call may be made again.
    """

    def __init__(self, path: Path, lock: PidLock, db: SqliteDatabase) -> None:
        self.path = path
        self._lock = lock
        self._db = db
        self.connection: sqlite3.Connection = db.connection()
        self.catalogue = Catalogue(self.connection)
        self.change = self._last_change()
        self.importing: set[int] = set()  # keys of sessions that an import under way keeps hidden
        self._vacuum = True  # what an earlier process freed and did not give back
        self._behind = Behind(self.connection)

    @classmethod
    def open(cls, db: str, *, create: bool = True) -> StoreWriter:
        """Open `db` (a path or sqlite:/// URL) for writing, made if it is not there and `create` is true.

        Raises a StoreError: StoreLocked, NewerSchema, ForeignDatabase, Damaged, NotWritable, NoStore.
        """
        path = database_path(db)
        if create:
            try:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise NotWritable(str(path.parent), error.strerror or str(error)) from None
        lock = writer_lock(path)
        try:
            return cls(path, lock, open_for_writing(path, create=create))
        except BaseException:
            lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database and let another writer in; what is hidden goes first, as far as that is quick."""
        deadline = time.monotonic() + SWEEP_AT_CLOSE_S
        try:
            while self.sweep() and time.monotonic() < deadline:
                pass
        except StoreFault as error:
            logger.warning("%s", error)
        self._db.close()
        self._lock.release()

    def write(self, items: Iterable[Incoming]) -> Committed:
        """Store messages in one transaction.

        A record that can't be stored for a reason of its own is counted as refused, the others are stored.
        """
        items = list(items)
        try:
            return self.apply(items, self.catalogue.session)
        except (StoreFault, KeyboardInterrupt):
            raise
        except Exception:
            logger.exception("a batch could not be stored as a whole")
            return self._write_carefully(items)

    def report(self, *reports: Report) -> None:
        """Store reports that belong to no message."""
        self.write([Incoming(None, (), reports)])

    def apply(
        self, items: Iterable[Incoming | Batch], session: Callable[[str], SessionState], *, lasting: bool = True
    ) -> Committed:
        """Store messages or batches in one transaction, their sessions looked up by `session`.

        For the store's own use.
        """
        with self.transaction(lasting=lasting):
            work = Transaction(self.connection, self.catalogue, self.change, session)
            for item in items:
                work.take(item)
            work.write()
        self.change = work.change
        self.note(session.key for session in work.sessions)
        return work.committed

    def note(self, sessions: Iterable[int]) -> None:
        """Spans of these sessions (keys) have come or changed: they are to be indexed, gathered and noted."""
        self._behind.note(sessions)

    @property
    def index_behind(self) -> bool:
        """Whether `index` may have something to do."""
        return self._behind.busy

    def index(self, seconds: float = INDEX_SECONDS) -> bool:
        """Gather spans, take notes of calls and bring the search index on, in one transaction of about `seconds`.

        False when there is nothing left to do.
        """
        waiting = self._behind.waiting
        try:
            with self.transaction(lasting=False):
                self._behind.work(seconds)
        except BaseException:
            self._behind.note(waiting)
            raise
        return self.index_behind

    def _write_carefully(self, items: list[Incoming]) -> Committed:
        """Store what can be stored of messages that could not be stored together."""
        safe = [
            Incoming(header, [r if isinstance(r, Report) else self._tried(r) for r in records], reports)
            for header, records, reports in items
        ]
        return self.apply(safe, self.catalogue.session)

    def _tried(self, record: Entry | Record) -> Entry | Record | Report:
        """The record if the database takes it, else the report that stands for it. Stores nothing."""
        try:
            with self.transaction(keep=False):
                work = Transaction(self.connection, self.catalogue, self.change, self.catalogue.session)
                work.take(Incoming(None, [record]))
                work.write()
        except StoreFault:
            raise
        except Exception as error:
            return Report("refused", f"could not be stored: {error}"[:400], session=record.session_id)
        return record

    @contextmanager
    def transaction(self, *, keep: bool = True, lasting: bool = True) -> Iterator[sqlite3.Connection]:
        """BEGIN to COMMIT; whatever goes wrong, BEGIN and COMMIT included, leaves nothing behind.

        What is done again anyway need not be `lasting`: then the next transaction that is syncs it too, and a power
        cut before that takes it back.
        """
        try:
            if not lasting:
                self.connection.execute("PRAGMA synchronous = NORMAL")
            self.connection.execute("BEGIN IMMEDIATE")
            yield self.connection
            self.connection.execute("COMMIT" if keep else "ROLLBACK")
            if keep:
                self.catalogue.trim()
            else:
                self.catalogue = Catalogue(self.connection)
        except BaseException as error:
            self.catalogue = Catalogue(self.connection)
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            found = fault(error, self.path) if isinstance(error, sqlite3.Error) else None
            if found is not None:
                raise found from error
            raise
        finally:
            if not lasting:
                self.connection.execute("PRAGMA synchronous = FULL")

    def watermark(self, producer: str, first: int = 1) -> int:
        """The number up to which a producer's records are committed, 0 if it is not known.

        What is missing below `first`, the oldest record that it still has, is not waited for.
        """
        return self.progress(producer, first)[0]

    def progress(self, producer: str, first: int = 1) -> tuple[int, int]:
        """The watermark, and how many records the producer has dropped as far as that is committed."""
        try:
            sequence, dropped = self.catalogue.progress(producer)
            return sequence.settled(first), dropped
        except sqlite3.Error as error:
            found = fault(error, self.path)
            if found is None:
                raise
            raise found from error

    def add_producers(self, infos: Iterable[ProducerInfo]) -> None:
        """Make producers known, or known better."""
        with self.transaction():
            for info in infos:
                self.catalogue.producer(info)

    def _last_change(self) -> int:
        row = self.connection.execute("SELECT value FROM meta WHERE name = 'change'").fetchone()
        return int(row[0]) if row else 0

    def rename_session(self, session_id: str, name: str) -> bool:
        """Give a session a name of up to 200 characters; "" takes it away. False if there is no such session."""
        with self.transaction():
            changed = self.connection.execute(
                "UPDATE sessions SET name = ? WHERE id = ?", (name[:MAX_NAME], session_id)
            ).rowcount
        return changed > 0

    def pin_session(self, session_id: str, pinned: bool) -> bool:
        """Exempt a session from retention, or no longer. False if there is no such session."""
        with self.transaction():
            changed = self.connection.execute(
                "UPDATE sessions SET pinned = ? WHERE id = ?", (int(pinned), session_id)
            ).rowcount
        return changed > 0

    def retire(self, policy: retention.Policy, now_ns: int) -> list[retention.Expiring]:
        """Hide what is past its age or number, or else the one session that goes next for size; return what was.

        `sweep` deletes them; until it is done there is no telling whether another must go for size.
        """
        with self.transaction():
            gone = retention.outdated(self.connection, policy, now_ns)
            next_one = None if gone else retention.oversize(self.connection, policy, now_ns)
            gone += [next_one] if next_one else []
            self.connection.executemany(_HIDE, [(found.id,) for found in gone])
        for found in gone:
            self.catalogue.sessions.pop(found.id, None)
        return gone

    def delete_session(self, session_id: str) -> bool:
        """Hide a session at once; `sweep` then deletes it piece by piece. False if there is no such session.

        Records that still come for it begin a new session of the same id.
        """
        with self.transaction():
            changed = self.connection.execute(_HIDE, (session_id,)).rowcount
        self.catalogue.sessions.pop(session_id, None)
        return changed > 0

    def hidden(self) -> list[int]:
        """Keys of the sessions that `sweep` has to delete."""
        rows = self.connection.execute(sweeping.HIDDEN).fetchall()
        return [key for (key,) in rows if key not in self.importing]

    def sweep(self, seconds: float = SWEEP_SECONDS) -> bool:
        """Delete from hidden sessions for about that long, or give back space. False when nothing is left to do.

        Hidden sessions are deleted ones, and those of an import that did not come to its end.
        """
        deadline = time.monotonic() + seconds
        hidden = self.hidden()
        if hidden:
            with self.transaction(lasting=False):
                for key in hidden:
                    if not sweeping.delete(self.connection, key, deadline) or time.monotonic() >= deadline:
                        break
            self._vacuum = True
            return True
        if self._vacuum:
            self._vacuum = self._give_back(deadline)
        return self._vacuum

    def _give_back(self, deadline: float) -> bool:
        """Return free pages to the file system; true while there are more."""
        try:
            self.connection.execute("PRAGMA synchronous = NORMAL")  # lost in a power cut, it is done again
            return sweeping.give_back(self.connection, deadline)
        except sqlite3.OperationalError:
            return False  # a reader is in the way; the pages are used again anyway
        finally:
            self.connection.execute("PRAGMA synchronous = FULL")

    def losses(self) -> dict[str, int]:
        """What the whole database knows not to have: records missing, dropped, refused. Raises StoreFault."""
        try:
            totals = dict(self.connection.execute("SELECT name, value FROM meta").fetchall())
            (missing,) = self.connection.execute("SELECT coalesce(sum(last - first + 1), 0) FROM gaps").fetchone()
        except sqlite3.Error as error:
            raise fault(error, self.path) or error from error
        return {"missing": missing, "dropped": totals.get("dropped", 0), "refused": totals.get("refused", 0)}

    def size(self) -> int:
        """Bytes of the database file and its write-ahead log."""
        return file_size(self.path)

    def open_producers(self) -> list[OpenProducer]:
        """Who has spans without an end. Raises StoreFault."""
        try:
            return open_producers(self.connection)
        except sqlite3.Error as error:
            raise fault(error, self.path) or error from error

    def abandon(self, producer_id: str, last_ns: int | None = None, reason: str = REASON) -> int:
        """End spans that a dead producer left open; see `store.abandon`."""
        return abandon(self, producer_id, last_ns, reason)

    def begin_import(self) -> Import:
        """Start an import: what it writes stays hidden until its `commit`, and goes if that never comes."""
        return Import(self)
