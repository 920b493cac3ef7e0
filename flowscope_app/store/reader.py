"""Read a database while another process writes it; nothing here can change it or holds the writer up."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from flowscope.protocol import Record
from flowscope_app.spans.columns import Loaded, distinct, joined
from flowscope_app.spans.notes import Notes
from flowscope_app.spans.table import SPAN_DTYPE, SpanDelta, Track
from flowscope_app.store import catalogue as cat
from flowscope_app.store import noting, retention
from flowscope_app.store.abandon import ABANDONED
from flowscope_app.store.compression import unpack
from flowscope_app.store.errors import Damaged, NoStore, StoreFault, StoreLocked
from flowscope_app.store.gathering import read_runs
from flowscope_app.store.location import database_path, file_size, read_only_uri
from flowscope_app.store.matching import matching, register
from flowscope_app.store.opening import bring_up_to_date, check_identity, version
from flowscope_app.store.records import Records
from flowscope_app.store.rows import Health, Payload, ProducerRow, Report, SessionRow
from flowscope_app.store.schema import SCHEMA_VERSION

BUSY_SECONDS = 5.0
PER_QUERY = 500
MAX_REPORTS = 1_000
_LOOK = 10_000  # steps of SQLite between two looks whether a query is still wanted: some tenths of a millisecond
ROOM = 0.125  # columns of a session just read may grow so much before they must be copied; memory not used costs none

Rows = NDArray[np.void] | dict[str, NDArray[Any]]

SESSIONS = (
    "SELECT key, id, name, spans, errors, pending, tokens_in, tokens_out, start_ns, end_ns, last_ns, pinned"
    " FROM sessions WHERE id IS NOT NULL"
)
SPANS_SINCE = "SELECT change, packed FROM spans WHERE session = ? AND change > ? ORDER BY change LIMIT ?"
NAMES_OF = "SELECT key, text FROM names WHERE key IN ({marks})"
TRACKS_OF = (
    "SELECT t.key, t.label, t.detail, p.id, t.thread, p.program FROM tracks t JOIN producers p ON p.key = t.producer"
    " WHERE t.key IN ({marks})"
)
PAYLOAD = (
    "SELECT s.span_id, s.parent_id, p.input, p.output, p.metadata, p.error"
    " FROM spans s LEFT JOIN payloads p ON p.key = s.key WHERE s.key = ?"
)
REPORTS = "SELECT kind, detail, count, session, producer, time_ns, key FROM reports WHERE key > ? ORDER BY key LIMIT ?"
PRODUCERS = (
    "SELECT p.key, p.id, p.program, p.pid, p.host, p.language, p.runtime, p.sdk, p.started_ns, p.watermark,"
    " p.dropped, (SELECT coalesce(sum(last - first + 1), 0) FROM gaps g WHERE g.producer = p.key)"
    " FROM producers p WHERE p.key IN (SELECT producer FROM tracks WHERE session = ?) ORDER BY p.key"
)


class StoreReader:
    """One reader for one thread.

    Each method sees one state of the database. Raises StoreFault where the database can't be read.
    """

    def __init__(self, db: str) -> None:
        self.path = database_path(db)
        self._connection = _connect(self.path)
        self._names: dict[int, str] = {}
        self._tracks: dict[int, Track] = {}
        self._version = -1
        self._can_count = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    @contextlib.contextmanager
    def unless(self, stopped: Callable[[], bool]) -> Iterator[None]:
        """What is asked within raises StoreFault soon after `stopped` holds, in the middle of a long query too."""
        self._connection.set_progress_handler(lambda: int(stopped()), _LOOK)
        try:
            yield
        finally:
            self._connection.set_progress_handler(None, 0)

    def _rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StoreFault(f"{self.path} can't be read: {error}") from error

    def changed(self) -> bool:
        """Whether something was committed since the last call; true the first time."""
        version = int(self._rows("PRAGMA data_version")[0][0])
        moved = version != self._version
        self._version = version
        return moved

    def sessions(self) -> list[SessionRow]:
        """All sessions, that of the newest activity first."""
        rows = self._rows(f"{SESSIONS} ORDER BY last_ns DESC, key DESC")
        facets: dict[int, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        for key, what, text in self._rows("SELECT session, what, text FROM facets"):
            facets[key][what].append(text)
        left = self._abandoned()
        return [_session_row(row, facets[row[0]], left.get(row[0], 0)) for row in rows]

    def _abandoned(self) -> dict[int, int]:
        """Abandoned spans by session. A database whose writer never looked for them has none, and no index either."""
        if not self._can_count:
            self._can_count = bool(self._rows("SELECT 1 FROM sqlite_master WHERE name = 'spans_unfinished'"))
        return dict(self._rows(ABANDONED)) if self._can_count else {}

    def session(self, session_id: str) -> SessionRow | None:
        """The session of this id."""
        rows = self._rows(f"{SESSIONS} AND id = ?", (session_id,))
        if not rows:
            return None
        facets: dict[int, list[str]] = defaultdict(list)
        for what, text in self._rows("SELECT what, text FROM facets WHERE session = ?", (rows[0][0],)):
            facets[what].append(text)
        return _session_row(rows[0], facets, self._abandoned().get(rows[0][0], 0))

    def spans_since(self, session_key: int, change: int, limit: int = 200_000) -> SpanDelta:
        """Up to `limit` spans of a session that changed after change number `change`, oldest change first.

        The delta's `change` is where the next call goes on; it carries all names and tracks its rows refer to.
        """
        found = self._rows(SPANS_SINCE, (session_key, change, limit))
        rows = np.frombuffer(bytearray().join([packed for _, packed in found]), dtype=SPAN_DTYPE)
        return SpanDelta(
            rows=rows,
            names=self._names_of(rows),
            tracks=self._tracks_of(rows),
            change=found[-1][0] if found else change,
            more=len(found) == limit,
        )

    def load(self, session_key: int) -> Loaded:
        """All spans of a session, each once; `spans_since` goes on from the answer's `change`."""
        with self._one_state():
            columns, n, change = read_runs(self._connection, session_key, ROOM)
        pages = [self.spans_since(session_key, change)]
        while pages[-1].more:
            pages.append(self.spans_since(session_key, pages[-1].change))
        columns, n = joined(columns, n, [page.rows for page in pages], ROOM)
        seen = {name: column[:n] for name, column in columns.items()}
        return Loaded(columns, n, self._names_of(seen), self._tracks_of(seen), pages[-1].change)

    def notes_since(self, session_key: int, change: int) -> Notes:
        """Notes of a session's calls that changed after change number `change`: those stored, then the rest.

        The answer's `change` is where the next call goes on.
        """
        with self._one_state():
            try:
                stored = noting.read_runs(self._connection, session_key, change)
            except ValueError as error:
                raise StoreFault(f"{self.path} can't be read: {error}") from error
            taken = noting.take_notes(self._connection, session_key, stored.change, noting.MAX_TAIL)
        rows, providers = noting.as_rows(taken.notes)
        return stored.joined(Notes(rows, providers, taken.last or stored.change, taken.spans == noting.MAX_TAIL))

    def _names_of(self, rows: Rows) -> dict[int, str]:
        keys: set[int] = set()
        for column in ("op", "framework", "language", "model"):
            keys.update(distinct(rows[column]))
        keys.discard(0)
        for chunk in _chunks(keys - self._names.keys()):
            marks = ",".join("?" * len(chunk))
            self._names.update(self._rows(NAMES_OF.format(marks=marks), chunk))
        return {key: self._names[key] for key in keys}

    def _tracks_of(self, rows: Rows) -> dict[int, Track]:
        keys = distinct(rows["track"])
        for chunk in _chunks(keys - self._tracks.keys()):
            marks = ",".join("?" * len(chunk))
            for key, label, detail, producer, name, program in self._rows(TRACKS_OF.format(marks=marks), chunk):
                thread, _, task = name.partition("\n")
                file = cat.file_name(program or "")
                self._tracks[key] = Track(key, label, detail, producer, thread, task, file)
        return {key: self._tracks[key] for key in keys if key in self._tracks}

    def payload(self, span_key: int) -> Payload | None:
        """What a span carries beside its row; None if it is gone."""
        rows = self._rows(PAYLOAD, (span_key,))
        if not rows:
            return None
        span_id, parent_id, given, result, metadata, error = rows[0]
        try:
            given, result, metadata = unpack(given), unpack(result), unpack(metadata)
        except ValueError as error_:
            raise StoreFault(f"{self.path} can't be read: {error_}") from error_
        return Payload(span_id, parent_id, given, result, orjson.loads(metadata) if metadata else {}, error)

    def matching(self, session_key: int, text: str) -> NDArray[np.int64]:
        """Keys of the spans whose operation, input, output, error or metadata contains `text`, in any case."""
        try:
            return np.unique(np.fromiter(matching(self._connection, session_key, text), dtype=np.int64))
        except (sqlite3.Error, ValueError) as error:
            raise StoreFault(f"{self.path} can't be read: {error}") from error

    def expiring(self, policy: retention.Policy, now_ns: int) -> list[retention.Expiring]:
        """What retention would delete now, in the order in which it would: the dry run. Deletes nothing."""
        try:
            return retention.expiring(self._connection, policy, now_ns)
        except sqlite3.Error as error:
            raise StoreFault(f"{self.path} can't be read: {error}") from error

    @contextlib.contextmanager
    def _one_state(self) -> Iterator[None]:
        """Several statements that see the database as it is at the first of them."""
        try:
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")
        except (sqlite3.Error, ValueError) as error:
            raise StoreFault(f"{self.path} can't be read: {error}") from error

    def reports(self, since: int = 0) -> list[Report]:
        """Up to 1,000 reports with a key above `since`, oldest first."""
        return [Report(*row) for row in self._rows(REPORTS, (since, MAX_REPORTS))]

    def health(self) -> Health:
        """Totals of the whole database."""
        spans = self._rows("SELECT coalesce(sum(spans), 0) FROM sessions WHERE id IS NOT NULL")[0][0]
        totals = dict(self._rows("SELECT name, value FROM meta"))
        gaps = self._rows("SELECT coalesce(sum(last - first + 1), 0) FROM gaps")[0][0]
        return Health(spans, totals.get("refused", 0), totals.get("dropped", 0), gaps, file_size(self.path))

    def records(self, session_key: int) -> Iterator[Record]:
        """The records of the spans that a session has when the first one is taken, in stored order.

        Takes some bytes of memory a span. Each record is as it is when it is read, some hundreds ahead (`Records`).
        """
        connection = _connect(self.path)
        try:
            for piece in Records(connection, session_key).pieces():
                yield from piece
        except (sqlite3.Error, ValueError) as error:
            raise StoreFault(f"{self.path} can't be read: {error}") from error
        finally:
            connection.close()

    def producers(self, session_key: int) -> list[ProducerRow]:
        """The processes that sent spans of a session."""
        return [ProducerRow(*row) for row in self._rows(PRODUCERS, (session_key,))]


def _connect(path: Path) -> sqlite3.Connection:
    """A connection that can't write. Raises NoStore, Damaged, ForeignDatabase or NewerSchema."""
    if not path.exists():
        raise NoStore(str(path))
    connection = None
    try:
        connection = sqlite3.connect(
            read_only_uri(path), uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only = 1")
        check_identity(connection, path)
        if not version(connection):
            raise NoStore(str(path))  # made this moment; its writer has not come to the tables yet
        _await_schema(connection, path)
    except sqlite3.DatabaseError as error:
        if connection is not None:
            connection.close()
        raise Damaged(str(path), str(error)) from None
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    register(connection)
    return connection


def _await_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Have an older database brought up to date, or wait for the writer that is about to do it."""
    deadline = time.monotonic() + BUSY_SECONDS
    while version(connection) < SCHEMA_VERSION:
        try:
            bring_up_to_date(path)
        except StoreLocked:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _session_row(row: tuple[Any, ...], facets: dict[int, list[str]], abandoned: int) -> SessionRow:
    programs, frameworks, languages = (tuple(facets[what]) for what in (cat.PROGRAM, cat.FRAMEWORK, cat.LANGUAGE))
    values: tuple[Any, ...] = (*row[:-1], programs, frameworks, languages, bool(row[-1]), abandoned)
    return SessionRow(*values)


def _chunks(keys: set[int]) -> Iterator[tuple[int, ...]]:
    ordered = sorted(keys)
    for start in range(0, len(ordered), PER_QUERY):
        yield tuple(ordered[start : start + PER_QUERY])
