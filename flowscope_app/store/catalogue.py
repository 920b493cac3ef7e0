"""What the writer knows by heart: names, producers, sessions and tracks, each looked up once.

All of it mirrors rows of the transaction under way or of earlier ones; after a rollback it is thrown away.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from dataclasses import dataclass, field, replace
from pathlib import PurePath, PureWindowsPath

from flowscope.protocol import MAX_ID, ProducerInfo, is_provable
from flowscope_app.base.format import one_line
from flowscope_app.store.sequence import Sequence

MAX_TRACKS = 256
"""Tracks of one producer in one session. Spans of further threads and tasks stand on the program's main track."""
MAX_THREAD = 200
"""Characters of a thread's or task's name that tell tracks apart."""
MAX_FACETS = 64
"""Programs, frameworks or languages listed for one session."""
MAX_CACHED = 200_000
MAX_CACHED_SESSIONS = 2_000
MAX_CACHED_TRACKS = 1_000  # of one session
PROGRAM, FRAMEWORK, LANGUAGE = 1, 2, 3

ANONYMOUS = "anonymous:"
"""How ids begin that were made here, for records that came without a header."""

_UNNAMED_TASK = re.compile(r"Task-\d+")  # asyncio's own names
_MAIN_THREADS = frozenset(("", "MainThread", "main"))


@dataclass(slots=True)
class ProducerState:
    """A producer's row. `dirty` when watermark, gaps or dropped differ from what the database has."""

    key: int
    info: ProducerInfo
    sequence: Sequence
    dropped: int
    dirty: bool = False

    @property
    def numbered(self) -> bool:
        """Whether batches came from it, by whose headers it is known; else it was only named."""
        return bool(self.sequence.watermark or self.dropped)


@dataclass(slots=True)
class SessionState:
    """A session's row with its sums, kept right record by record (`tally`)."""

    key: int
    spans: int = 0
    errors: int = 0
    pending: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    start_ns: int | None = None
    end_ns: int | None = None
    shrunk: bool = False  # a replaced span may have held the least start or the greatest end
    facets: set[tuple[int, str]] = field(default_factory=set)
    tracks: dict[tuple[int, str, str], int] = field(default_factory=dict)
    track_counts: dict[int, int] = field(default_factory=dict)
    open_ids: set[str] | None = None  # of its pending spans, the only ones that come again as a rule; None: not read
    ids_repeat: bool = False  # others came again too: every id is looked up
    told: set[str] = field(default_factory=set)  # ids of calls whose tokens the programs that they called have told


class Catalogue:
    """Lookups that insert what is new. Belongs to the writer's connection and its current transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.names: dict[str, int] = {"": 0}
        self.producers: dict[str, ProducerState] = {}
        self.sessions: dict[str, SessionState] = {}

    def trim(self) -> None:
        """Forget what has grown too large. Between transactions only."""
        if len(self.names) > MAX_CACHED:
            self.names = {"": 0}
        if len(self.producers) > MAX_CACHED:
            self.producers.clear()
        if len(self.sessions) > MAX_CACHED_SESSIONS:
            self.sessions.clear()

    def name(self, text: str) -> int:
        """The key of an interned string; 0 for "" (none)."""
        key = self.names.get(text)
        if key is None:
            found = self._connection.execute("SELECT key FROM names WHERE text = ?", (text,)).fetchone()
            if found is None:
                found = (self._connection.execute("INSERT INTO names (text) VALUES (?)", (text,)).lastrowid,)
            key = self.names[text] = int(found[0])
        return key

    def sender(self, info: ProducerInfo) -> ProducerState:
        """Whose numbers a batch with this producer in its header uses.

        An id made of a secret belongs to who knows that; any other to the process that first numbered records under it.
        Another that sends under the same id keeps numbers of its own, under an id made of both, so that neither loses
        records to the other's watermark.
        """
        if is_provable(info.id) and not info.proven:
            return self.producer(replace(info, id=_own_id(info)))
        state = self._known(info)
        if state.numbered and _process(state.info) != _process(info) and not info.proven:
            return self.producer(replace(info, id=_own_id(info)))
        if not state.numbered and _process(state.info) != _process(info):  # what is known of it is hearsay
            state.info = replace(state.info, host=info.host, pid=info.pid, started_ns=info.started_ns)
            self._save_info(state)
        return self.producer(info)

    def producer(self, info: ProducerInfo) -> ProducerState:
        """The state of a producer, by its id. What its row does not know yet is taken from `info`."""
        state = self._known(info)
        if info is not state.info and info != state.info:
            merged = _merged(state.info, info)
            if state.numbered:  # a bare record or a file that names it does not say which process it is
                old = state.info
                merged = replace(merged, host=old.host, pid=old.pid, started_ns=old.started_ns)
            if merged != state.info:
                state.info = merged
                self._save_info(state)
        return state

    def _known(self, info: ProducerInfo) -> ProducerState:
        state = self.producers.get(info.id)
        if state is None:
            state = self.producers[info.id] = self._load_producer(info)
        return state

    def _save_info(self, state: ProducerState) -> None:
        self._connection.execute(
            "UPDATE producers SET program=?, pid=?, host=?, language=?, runtime=?, sdk=?, started_ns=? WHERE key=?",
            (*_columns(state.info), state.key),
        )

    def _load_producer(self, info: ProducerInfo) -> ProducerState:
        row = self._connection.execute(
            "SELECT key, watermark, dropped, program, pid, host, language, runtime, sdk, started_ns"
            " FROM producers WHERE id = ?",
            (info.id,),
        ).fetchone()
        if row is None:
            key = self._connection.execute(
                "INSERT INTO producers (id, program, pid, host, language, runtime, sdk, started_ns,"
                " watermark, dropped) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
                (info.id, *_columns(info)),
            ).lastrowid
            return ProducerState(int(key or 0), info, Sequence(), 0)
        key, watermark, dropped, program, pid, host, language, runtime, sdk, started = row
        stored = ProducerInfo(info.id, info.session_id, program, pid or 0, host, language, runtime, sdk, started)
        return ProducerState(key, stored, Sequence(watermark, self._gaps(key)), dropped)

    def progress(self, producer: str) -> tuple[Sequence, int]:
        """Which of a producer's records are stored, none if it is not known, and how many it dropped."""
        state = self.producers.get(producer)
        if state is not None:
            return state.sequence, state.dropped
        row = self._connection.execute(
            "SELECT key, watermark, dropped FROM producers WHERE id = ?", (producer,)
        ).fetchone()
        if row is None:
            return Sequence(), 0
        return Sequence(row[1], self._gaps(row[0])), row[2]

    def _gaps(self, key: int) -> list[tuple[int, int]]:
        return self._connection.execute("SELECT first, last FROM gaps WHERE producer = ?", (key,)).fetchall()

    def save_producer(self, state: ProducerState) -> None:
        """Write watermark, drops and gaps, in the transaction of the records they belong to."""
        self._connection.execute(
            "UPDATE producers SET watermark = ?, dropped = ? WHERE key = ?",
            (state.sequence.watermark, state.dropped, state.key),
        )
        self._connection.execute("DELETE FROM gaps WHERE producer = ?", (state.key,))
        self._connection.executemany(
            "INSERT INTO gaps (producer, first, last) VALUES (?, ?, ?)",
            [(state.key, first, last) for first, last in state.sequence.gaps],
        )
        state.dirty = False

    def session(self, session_id: str) -> SessionState:
        """The state of a visible session, made if there is none."""
        state = self.sessions.get(session_id)
        if state is None:
            row = self._connection.execute("SELECT key FROM sessions WHERE id = ?", (session_id,)).fetchone()
            state = self.new_session(session_id) if row is None else self.load_session(row[0])
            self.sessions[session_id] = state
        return state

    def new_session(self, session_id: str | None) -> SessionState:
        """A new session; with no id it is hidden."""
        key = self._connection.execute(
            "INSERT INTO sessions (id, name, spans, errors, pending, tokens_in, tokens_out, last_ns)"
            " VALUES (?, '', 0, 0, 0, 0, 0, 0)",
            (session_id,),
        ).lastrowid
        return SessionState(int(key or 0))

    def load_session(self, key: int) -> SessionState:
        """The state of the session with this key, from its rows."""
        row = self._connection.execute(
            "SELECT key, spans, errors, pending, tokens_in, tokens_out, start_ns, end_ns FROM sessions WHERE key = ?",
            (key,),
        ).fetchone()
        state = SessionState(*row)
        state.facets = set(
            self._connection.execute("SELECT what, text FROM facets WHERE session = ?", (key,)).fetchall()
        )
        return state

    def facet(self, session: SessionState, what: int, text: str) -> None:
        """Note that a session holds a program, framework or language."""
        entry = (what, text)
        if entry in session.facets or sum(kind == what for kind, _ in session.facets) >= MAX_FACETS:
            return
        session.facets.add(entry)
        self._connection.execute(
            "INSERT OR IGNORE INTO facets (session, what, text) VALUES (?, ?, ?)", (session.key, what, text)
        )

    def track(self, session: SessionState, producer: ProducerState, thread: str, task: str) -> int:
        """The key of a thread's or task's track, made if it is new."""
        place = (producer.key, thread, task)
        key = session.tracks.get(place)
        if key is None:
            key = self._find_track(session, producer, thread, task)
            if len(session.tracks) < MAX_CACHED_TRACKS:
                session.tracks[place] = key
        return key

    def _find_track(self, session: SessionState, producer: ProducerState, thread: str, task: str) -> int:
        execute = self._connection.execute
        if producer.key not in session.track_counts:
            known = execute(
                "SELECT count(*) FROM tracks WHERE session = ? AND producer = ?", (session.key, producer.key)
            ).fetchone()[0]
            session.track_counts[producer.key] = known
        if thread in _MAIN_THREADS:
            thread = ""
        thread, task = thread[:MAX_THREAD], task[:MAX_THREAD]
        name = f"{thread}\n{task}" if task else thread
        sql = "SELECT key FROM tracks WHERE session = ? AND producer = ? AND thread = ?"
        found = execute(sql, (session.key, producer.key, name)).fetchone()
        if found is None and name and session.track_counts[producer.key] >= MAX_TRACKS:
            thread = task = name = ""
            found = execute(sql, (session.key, producer.key, "")).fetchone()
        if found is None:
            session.track_counts[producer.key] += 1
            found = (
                execute(
                    "INSERT INTO tracks (session, producer, thread, label, detail) VALUES (?, ?, ?, ?, ?)",
                    (session.key, producer.key, name, *describe_track(producer.info, thread, task)),
                ).lastrowid,
            )
        return int(found[0])


def describe_track(info: ProducerInfo, thread: str, task: str) -> tuple[str, str]:
    """A track's label ("support_bot.py", "ThreadPoolExecutor-0_1") and detail ("python 3.11 · pid 41822 · ...").

    A task that nobody has named ("Task-4") says nothing of what it is part of: its program stands before it.
    """
    label = task or thread or program_name(info)
    if _UNNAMED_TASK.fullmatch(task):
        label = f"{program_name(info)[:150]} · {task}"
    runtime = _runtime(info)
    main = "main" if info.language == "javascript" else "MainThread"
    parts = [runtime, f"pid {info.pid}" if info.pid else "", thread or main, task]
    if info.id.startswith(ANONYMOUS):
        parts[2] = thread
    return one_line(label, 200), one_line(" · ".join(part for part in parts if part), 300)


def _runtime(info: ProducerInfo) -> str:
    """The language and its version: "CPython 3.11.7" is "python 3.11" to a person."""
    name, _, version = info.runtime.rpartition(" ")
    if name and info.language not in name.lower():
        return info.runtime
    return f"{info.language} {'.'.join(version.split('.')[:2])}".rstrip()


def program_name(info: ProducerInfo) -> str:
    """What a person calls the program: its file's name, else its language, else its id."""
    if info.program:
        return file_name(info.program)
    if info.id.startswith(ANONYMOUS):
        return info.language
    return info.id


def file_name(path: str) -> str:
    """The last part of a program's path, whichever system it is of; the path itself if there is none."""
    return (PureWindowsPath(path) if "\\" in path else PurePath(path)).name or path


def _columns(info: ProducerInfo) -> tuple[str, int | None, str, str, str, str, int | None]:
    return (
        info.program,
        info.pid or None,
        info.host,
        info.language,
        info.runtime,
        info.sdk,
        info.started_ns,
    )


def _process(info: ProducerInfo) -> tuple[str, int, int | None]:
    """What no process changes in its life, and no two have alike."""
    return info.host, info.pid, info.started_ns


def _own_id(info: ProducerInfo) -> str:
    """The id of a process whose id is another's already: the same whenever it sends."""
    digest = hashlib.blake2b(repr(_process(info)).encode(), digest_size=4).hexdigest()
    return f"{info.id[: MAX_ID - 9]}~{digest}"


def _merged(old: ProducerInfo, new: ProducerInfo) -> ProducerInfo:
    """`new` where it says something, `old` elsewhere: a bare record knows less than a header did."""
    return ProducerInfo(
        new.id,
        new.session_id or old.session_id,
        new.program or old.program,
        new.pid or old.pid,
        new.host or old.host,
        new.language if new.language != "unknown" else old.language,
        new.runtime or old.runtime,
        new.sdk or old.sdk,
        new.started_ns or old.started_ns,
    )
