"""The window's state follows the store: live, opened later, and after the database comes into being."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from flowscope.protocol import Record, parse_record
from flowscope_app.qtmodels.feed import Feed
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans.rows import Payload
from flowscope_app.store import Incoming, StoreReader, StoreWriter


def record(number: int, *, session: str = "s", parent: int | None = None, ended: bool = True) -> Record:
    return parse_record(
        {
            "id": f"{number:016x}",
            "session_id": session,
            "parent_id": f"{parent:016x}" if parent else None,
            "operation": f"op {number}",
            "start_time": f"2026-01-01T00:00:{number % 60:02d}Z",
            "end_time": f"2026-01-01T00:01:{number % 60:02d}Z" if ended else None,
            "input": {"question": number},
            "output": "answer" if ended else None,
        }
    )


def write(writer: StoreWriter, *records: Record) -> None:
    writer.write([Incoming(None, list(records))])


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[StoreWriter]:
    with StoreWriter.open(str(tmp_path / "test.db")) as opened:
        yield opened


@contextmanager
def following(db: Path) -> Iterator[ViewState]:
    state = ViewState()
    feed = Feed(str(db), state)
    try:
        yield state
    finally:
        feed.close()


def test_spans_appear_while_they_are_written(qtbot: QtBot, writer: StoreWriter) -> None:
    write(writer, record(1, ended=False))
    with following(writer.path) as state:
        qtbot.waitUntil(lambda: bool(state.sessions))
        state.choose_session(state.sessions[0].key)
        qtbot.waitUntil(lambda: state.table.n == 1)
        assert state.has_pending
        write(writer, record(2, parent=1))
        qtbot.waitUntil(lambda: state.table.n == 2)
        write(writer, record(1))
        qtbot.waitUntil(lambda: not state.has_pending)
        assert state.table.parent.tolist() == [-1, 0]
        assert state.sessions[0].pending == 0


def test_a_live_session_ends_with_the_same_table_as_the_same_session_opened_afterwards(
    qtbot: QtBot, writer: StoreWriter
) -> None:
    write(writer, record(1, ended=False))
    with following(writer.path) as live:
        qtbot.waitUntil(lambda: bool(live.sessions))
        live.choose_session(live.sessions[0].key)
        for number in range(2, 40):
            write(writer, record(number, parent=number // 2))
        write(writer, record(1))
        qtbot.waitUntil(lambda: live.table.n == 39 and not live.has_pending)
        with following(writer.path) as later:
            qtbot.waitUntil(lambda: bool(later.sessions))
            later.choose_session(later.sessions[0].key)
            qtbot.waitUntil(lambda: later.table.n == 39)
            for name in ("key", "start", "end", "op", "status", "parent64"):
                one = dict(zip(live.table.key.tolist(), getattr(live.table, name).tolist(), strict=True))
                other = dict(zip(later.table.key.tolist(), getattr(later.table, name).tolist(), strict=True))
                assert one == other, name


def test_a_window_opened_before_there_is_a_database_waits_for_it(qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "later.db"
    with following(path) as state:
        qtbot.wait(150)  # at least one look at nothing
        with StoreWriter.open(str(path)) as writer:
            write(writer, record(1))
            qtbot.waitUntil(lambda: bool(state.sessions))


def test_another_session_shows_only_its_own_spans(qtbot: QtBot, writer: StoreWriter) -> None:
    write(writer, record(1, session="one"), record(2, session="two"), record(3, session="two"))
    with following(writer.path) as state:
        qtbot.waitUntil(lambda: len(state.sessions) == 2)
        for name, number in (("one", 1), ("two", 2), ("one", 1)):
            state.choose_session(next(row.key for row in state.sessions if row.id == name))
            assert state.loading
            qtbot.waitUntil(lambda: not state.loading)
            assert state.table.n == number


def test_a_newer_question_supersedes_the_older(qtbot: QtBot, writer: StoreWriter) -> None:
    write(writer, record(1), record(2))
    queries = Queries(str(writer.path))
    answers: list[Payload | None] = []
    try:
        with StoreReader(str(writer.path)) as reader:
            keys = reader.spans_since(reader.sessions()[0].key, 0).rows["key"].tolist()
        for key in keys:
            queries.payload(key, answers.append)
        qtbot.waitUntil(lambda: bool(answers))
        assert [answer.input for answer in answers if answer] == [b'{"question":2}']
    finally:
        queries.close()


def test_a_question_that_fails_says_so_and_the_next_is_answered(qtbot: QtBot, writer: StoreWriter) -> None:
    write(writer, record(1))
    queries = Queries(str(writer.path))
    heard: list[str] = []
    try:
        queries.run(lambda _reader: 1 // 0, lambda _: heard.append("no"), slot="a", on_failed=heard.append)
        queries.run(lambda reader: len(reader.sessions()), lambda n: heard.append(str(n)), slot="b")
        qtbot.waitUntil(lambda: len(heard) == 2)
        assert "division" in heard[0]
        assert heard[1] == "1"
    finally:
        queries.close()


def test_what_comes_at_once_is_taken_in_by_portions_and_the_user_is_seen_to_meanwhile(
    qtbot: QtBot, writer: StoreWriter
) -> None:
    write(writer, record(1))
    with following(writer.path) as state:
        qtbot.waitUntil(lambda: bool(state.sessions))
        state.choose_session(state.sessions[0].key)
        qtbot.waitUntil(lambda: state.table.n == 1)
        sizes = [1]
        state.table_changed.connect(lambda _applied: sizes.append(state.table.n))
        write(writer, *[record(number, parent=number // 2) for number in range(2, 3_001)])
        qtbot.waitUntil(lambda: state.table.n == 3_000)
        assert max(after - before for before, after in pairwise(sizes)) <= 1_000
        assert state.table.parent.tolist() == [-1, *[number // 2 - 1 for number in range(2, 3_001)]]
