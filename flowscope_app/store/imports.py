"""An import: sessions written out of sight, shown all at once or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from types import TracebackType
from typing import TYPE_CHECKING, Self

from flowscope.protocol import ProducerInfo
from flowscope_app.store.catalogue import SessionState
from flowscope_app.store.preparing import Batch
from flowscope_app.store.records import Records
from flowscope_app.store.rows import Committed, Incoming
from flowscope_app.store.transaction import Transaction

MERGE_RECORDS = 1_000

if TYPE_CHECKING:
    from flowscope_app.store.writer import StoreWriter


class Import:
    """Messages given to `write` are committed piece by piece, but to sessions that no reader sees.

    As a context manager it is aborted unless `commit` was called within. Other writes may come in between.
    """

    def __init__(self, writer: StoreWriter) -> None:
        self._writer = writer
        self._keys: dict[str, int] = {}
        self._states: dict[str, SessionState] = {}
        self._names: dict[str, str] = {}
        self._gaps: dict[str, Sequence[tuple[int, int]]] = {}
        self._dropped: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    def write(self, items: Iterable[Incoming | Batch]) -> Committed:
        """Store messages or batches in one transaction, as StoreWriter.write does, in the hidden sessions."""
        try:
            committed = self._writer.apply(items, self._session, lasting=False)
        except BaseException:
            self._states.clear()
            raise
        for session_id, state in self._states.items():
            self._keys[session_id] = state.key
            self._writer.importing.add(state.key)
        return committed

    def add_producers(self, infos: Iterable[ProducerInfo]) -> None:
        """Make producers known, so that records that name one (flowscope.producer) find its program and process."""
        self._writer.add_producers(infos)

    def name_session(self, session_id: str, name: str) -> None:
        """The name a session shall have; one that it has already stays."""
        self._names[session_id] = name

    def lose(self, gaps: Mapping[str, Sequence[tuple[int, int]]], dropped: Mapping[str, int]) -> None:
        """What the file says it does not have, by producer; counted and reported when the rest is shown."""
        self._gaps.update(gaps)
        self._dropped.update(dropped)

    def _session(self, session_id: str) -> SessionState:
        state = self._states.get(session_id)
        if state is None:
            key = self._keys.get(session_id)
            catalogue = self._writer.catalogue
            state = catalogue.new_session(None) if key is None else catalogue.load_session(key)
            self._states[session_id] = state
        return state

    def commit(self) -> list[str]:
        """Show what was written; return the ids of its sessions.

        A session that is there already takes the records in by the rule for known ids.
        """
        with self._writer.transaction() as connection:
            change = self._writer.change
            shown = []  # by key
            for session_id, key in self._keys.items():
                name = self._names.get(session_id, "")
                found = connection.execute("SELECT key FROM sessions WHERE id = ?", (session_id,)).fetchone()
                shown.append(found[0] if found else key)
                if found is None:
                    connection.execute("UPDATE sessions SET id = ?, name = ? WHERE key = ?", (session_id, name, key))
                else:
                    connection.execute("UPDATE sessions SET name = ? WHERE key = ? AND name = ''", (name, found[0]))
                    change = self._merge(session_id, key, change)
            losses = Transaction(connection, self._writer.catalogue, change, self._writer.catalogue.session)
            for producer in {**self._gaps, **self._dropped}:
                losses.lose(producer, self._gaps.get(producer, ()), self._dropped.get(producer, 0))
            losses.write()
        self._writer.change = change
        self._writer.note(shown)
        done = list(self._keys)
        self.abort()
        return done

    def _merge(self, session_id: str, key: int, change: int) -> int:
        """Write a hidden session's records into the visible one of the same id; return the last change number."""
        catalogue, connection = self._writer.catalogue, self._writer.connection
        pieces = Records(connection, key).pieces()
        records = (replace(record, session_id=session_id) for record in chain.from_iterable(pieces))
        while page := list(islice(records, MERGE_RECORDS)):
            work = Transaction(connection, catalogue, change, catalogue.session)
            work.take(Incoming(None, page))
            work.write()
            change = work.change
        return change

    def abort(self) -> None:
        """Leave what is still hidden to the writer's `sweep`."""
        self._writer.importing.difference_update(self._keys.values())
        self._keys.clear()
        self._states.clear()
