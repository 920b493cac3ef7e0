"""Spans made ready for the tables by whoever has no database: names and places stand by number in lists beside them.

What is left for the writer is to look each name up once, and to give every span its key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

from flowscope.protocol import Record
from flowscope_app.spans.ids import ids64
from flowscope_app.store import packing
from flowscope_app.store.compression import pack_all
from flowscope_app.store.entries import UNFINISHED, Entry, entry_of, facts_of
from flowscope_app.store.senders import Sender, Senders

_NO_END = -1
_NOBODY = "0" * 16

Place = tuple[int, str, str, str, str, str]
"""Where a span stands beside others: number of who sent it, framework, language, model, thread, task."""


class Prepared(NamedTuple):
    """Spans of one session, no id twice. None of it is sound by itself: only `prepare` makes these.

    `rows` are items of SPAN_DTYPE one behind the other, with 0 where a key belongs, but `op` a number in `operations`
    and `track` one in `places`. `parents` and `errors` are "" where there is none. `payloads` is each span's input,
    output and metadata as they are stored, `ends` where each of the three ends in it: where the one before does, if
    there is none. `callers` are calls that some of them say they are part of, in other programs.
    """

    session_id: str
    ids: list[str]
    parents: list[str]
    rows: bytes
    operations: list[str]
    places: list[Place]
    payloads: bytes
    ends: list[int]
    errors: list[str]
    callers: list[str]

    def only(self, numbers: Sequence[int]) -> Prepared:
        """Some of the spans."""
        size, starts = packing.ROW.size, [0, *self.ends]
        payloads = [
            self.payloads[starts[3 * one + at] : starts[3 * one + at + 1]] for one in numbers for at in range(3)
        ]
        return self._replace(
            ids=[self.ids[one] for one in numbers],
            parents=[self.parents[one] for one in numbers],
            rows=b"".join([self.rows[one * size : (one + 1) * size] for one in numbers]),
            payloads=b"".join(payloads),
            ends=_ends(payloads),
            errors=[self.errors[one] for one in numbers],
        )


class Batch(NamedTuple):
    """Records that came without a header, ready to be written: how many, who sent them, and the spans by session."""

    records: int
    senders: list[Sender]
    sessions: list[Prepared]


class Staging:
    """Spans by session and id: of each the last word, but one that is unfinished never takes back a finished one."""

    def __init__(self) -> None:
        self.replaced = self.stale = 0
        self._sessions: dict[str, tuple[dict[str, Entry], dict[str, int]]] = {}

    def add(self, entries: Sequence[Entry], whose: Sequence[int]) -> None:
        """Take spans in, in their order, each with the number of who sent it."""
        if not entries:
            return
        session_id = entries[0].session_id
        rows, numbers = self._sessions.setdefault(session_id, ({}, {}))
        ids = [entry.id for entry in entries]
        if not rows and len(set(ids)) == len(ids) and {entry.session_id for entry in entries} == {session_id}:
            rows.update(zip(ids, entries, strict=True))
            numbers.update(zip(ids, whose, strict=True))
            return
        for entry, number in zip(entries, whose, strict=True):
            if entry.session_id != session_id:
                session_id = entry.session_id
                rows, numbers = self._sessions.setdefault(session_id, ({}, {}))
            earlier = rows.get(entry.id)
            if earlier is not None:
                if entry.status in UNFINISHED and earlier.status not in UNFINISHED:
                    self.stale += 1
                    continue
                self.replaced += 1
            rows[entry.id] = entry
            numbers[entry.id] = number

    def prepared(self) -> list[Prepared]:
        """All of it, made ready."""
        return [
            prepare(session_id, list(rows.values()), list(numbers.values()))
            for session_id, (rows, numbers) in self._sessions.items()
        ]


def batch_of(records: Iterable[Entry | Record]) -> Batch:
    """Records without a header, of any sessions, made ready. Names of producers go out of the entries' metadata."""
    senders, staging = Senders(), Staging()
    entries = [record if isinstance(record, Entry) else entry_of(record) for record in records]
    staging.add(entries, senders.numbers(entries))
    return Batch(len(entries), senders.found, staging.prepared())


def prepare(session_id: str, entries: Sequence[Entry], whose: Sequence[int]) -> Prepared:
    """Make spans of one session ready, each with the number of who sent it; no id may be in it twice."""
    callers = {entry.said.caller for entry in entries if entry.said.caller.__class__ is str}
    ids = [entry.id for entry in entries]
    parents = [entry.parent_id or "" for entry in entries]
    operations: dict[str, int] = {}
    places: dict[Place, int] = {}
    packed: list[bytes] = []
    payloads = pack_all([value or b"" for entry in entries for value in (entry.input, entry.output, entry.metadata)])
    row, operation_number, place_number = packing.ROW.pack, operations.setdefault, places.setdefault
    for entry, who, number, parent, parent_id in zip(
        entries, whose, ids64(ids), _parents64(parents), parents, strict=True
    ):
        model, tokens_in, tokens_out, kind, thread, task = facts_of(entry.said)
        place = (who, entry.framework, entry.language, model, thread, task)
        end = entry.end_ns
        packed.append(
            row(
                0, number, parent if parent_id else 0, entry.start_ns, _NO_END if end is None else end,
                operation_number(entry.operation, len(operations)), 0, 0, 0, place_number(place, len(places)),
                tokens_in, tokens_out, kind, entry.status,
            )
        )  # fmt: skip
    return Prepared(
        session_id, ids, parents, b"".join(packed), list(operations), list(places), b"".join(payloads),
        _ends(payloads), [entry.error or "" for entry in entries], list(callers),
    )  # fmt: skip


def _parents64(parents: Sequence[str]) -> list[int]:
    return ids64([parent or _NOBODY for parent in parents])


def _ends(values: Iterable[bytes]) -> list[int]:
    return list(accumulate(map(len, values)))
