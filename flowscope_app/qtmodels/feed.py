"""Follows the store and hands the window what changed."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import replace

from PySide6.QtCore import QMetaObject, QObject, Qt, QTimer, Signal, Slot

from flowscope_app.base.memory import give_back
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.qtmodels.worker import ReaderThread
from flowscope_app.spans.rows import SessionRow
from flowscope_app.spans.table import SpanDelta, SpanTable
from flowscope_app.store.reader import StoreReader
from flowscope_app.timeline.grouping import Grouping
from flowscope_app.timeline.scene import Arranged

log = logging.getLogger("flowscope.window")

_PORTION = 600  # spans taken in before paint and input have their turn,
_TURNS = 3  # more where many wait: a share of them, so that the picture never falls far behind,
_MOST = 8_000  # up to this many: some frames' time on a slow machine
POLL_MS = 100  # `PRAGMA data_version` costs microseconds; a person sees no delay below this


class _Follower(QObject):
    """Lives in the reader's thread: looks ten times a second whether a commit happened."""

    sessions = Signal(list)
    opened = Signal(int, object, object)  # session key, SpanTable, Arranged
    changed = Signal(int, object)  # session key, SpanDelta
    failed = Signal(str)

    def __init__(self, thread: ReaderThread) -> None:
        super().__init__()
        self._thread = thread
        self._timer: QTimer | None = None
        self._session: int | None = None
        self._grouping = Grouping.CALLER
        self._change: int | None = None  # None: the watched session is not loaded yet
        self._rows: list[SessionRow] = []
        self._seen = False  # whether the sessions were read once

    @Slot()
    def begin(self) -> None:
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(POLL_MS)
        self._look()

    @Slot()
    def end(self) -> None:
        if self._timer is not None:
            self._timer.stop()

    @Slot(int, object)
    def watch(self, session: int, grouping: Grouping) -> None:
        """Open a session (-1: none), laid out in tracks of this kind, and follow it."""
        self._session = None if session < 0 else session
        self._grouping = grouping
        self._change = None
        self._look()

    def _load(self, reader: StoreReader, session: int) -> tuple[SpanTable, int]:
        loaded = reader.load(session)
        table, now = loaded.table(), time.time_ns()
        if not any(row.key == session and row.live(now) for row in self._rows):
            table.rest()
        return table, loaded.change

    def _look(self) -> None:
        reader = self._thread.reader()
        if reader is None:
            return
        try:
            moved = reader.changed()
            if moved or not self._seen:
                self._seen = True
                self._rows = reader.sessions()
                self.sessions.emit(self._rows)
            if self._session is None:
                return
            if self._change is None:
                table, self._change = self._load(reader, self._session)
                self.opened.emit(self._session, table, Arranged.of(table, self._grouping))
                give_back()
            elif moved:
                self._catch_up(reader, self._session, self._change)
        except Exception as error:
            self._report(error)

    def _catch_up(self, reader: StoreReader, session: int, change: int) -> None:
        more = True
        while more:
            delta = reader.spans_since(session, change)
            self._change, more = (change := delta.change), delta.more
            if len(delta.rows):
                self.changed.emit(session, delta)

    def _report(self, error: Exception) -> None:
        log.warning("reading the database failed: %s", error)
        self._seen = False  # read again, whether or not another commit comes
        self._change = None
        self.failed.emit(str(error))


class Feed(QObject):
    """Keeps a `ViewState` up to date with the store, without ever reading in the GUI thread."""

    failed = Signal(str)
    _watch = Signal(int, object)  # session key, Grouping

    def __init__(self, db: str, state: ViewState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._waiting: deque[SpanDelta] = deque()  # what came for the session shown, to be taken in
        self._next = QTimer(self, interval=0)
        self._next.timeout.connect(self._take_in)
        self._thread = ReaderThread(db, "flowscope-feed", self)
        self._follower = _Follower(self._thread)
        self._follower.moveToThread(self._thread)
        queued = Qt.ConnectionType.QueuedConnection
        self._follower.sessions.connect(state.set_sessions, queued)
        self._follower.opened.connect(self._opened, queued)
        self._follower.changed.connect(self._changed, queued)
        self._follower.failed.connect(self.failed, queued)
        self._watch.connect(self._follower.watch, queued)
        state.session_changed.connect(self._session_changed)
        self._thread.start()
        QMetaObject.invokeMethod(self._follower, "begin", queued)

    def _session_changed(self) -> None:
        self._drop()
        self._watch.emit(self._state.session.key if self._state.session else -1, self._state.grouping)

    def _shown(self, session: int) -> bool:
        return self._state.session is not None and self._state.session.key == session

    def _opened(self, session: int, table: SpanTable, arranged: Arranged) -> None:
        if self._shown(session):
            self._drop()
            self._state.set_table(table, arranged)

    def _changed(self, session: int, delta: SpanDelta) -> None:
        if self._shown(session) and not self._state.loading:
            self._waiting.append(delta)
            if not self._next.isActive():
                self._take_in()

    def _take_in(self) -> None:
        """Apply some of what waits; the rest follows when paint and input had their turn."""
        if self._waiting:
            waiting = sum(len(delta.rows) for delta in self._waiting)
            portion, rest = cut(self._waiting.popleft(), min(max(_PORTION, waiting // _TURNS), _MOST))
            if rest is not None:
                self._waiting.appendleft(rest)
            self._state.apply(portion)
        if self._waiting and not self._next.isActive():
            self._next.start()
        elif not self._waiting:
            self._next.stop()

    def _drop(self) -> None:
        self._waiting.clear()
        self._next.stop()

    def close(self) -> None:
        """Stop following and end the thread."""
        self._drop()
        QMetaObject.invokeMethod(self._follower, "end", Qt.ConnectionType.BlockingQueuedConnection)
        self._thread.finish()


def cut(delta: SpanDelta, most: int) -> tuple[SpanDelta, SpanDelta | None]:
    """A delta of at most so many spans, with all names and tracks, and one of the others if there are any."""
    if len(delta.rows) <= most:
        return delta, None
    return replace(delta, rows=delta.rows[:most]), replace(delta, rows=delta.rows[most:], names={}, tracks={})
