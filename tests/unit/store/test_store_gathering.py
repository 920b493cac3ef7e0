"""A session opens from its gathered columns as from its rows, whatever happened in between."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowscope.protocol import Record
from flowscope_app.spans.columns import joined
from flowscope_app.spans.table import NO_END, SPAN_DTYPE, SpanTable
from flowscope_app.store import Incoming, StoreFault, StoreReader, StoreWriter, gathering

MakeRecord = Callable[..., Record]


@pytest.fixture(autouse=True)
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "RUN_SPANS", 8)


def gather(writer: StoreWriter) -> int:
    while writer.index():
        pass
    return int(writer.connection.execute("SELECT count(*) FROM runs").fetchone()[0])


def write(writer: StoreWriter, *records: Record) -> None:
    writer.write([Incoming(None, list(records))])


def followed(reader: StoreReader, session: int) -> SpanTable:
    """The session as somebody has it who followed it row by row."""
    table = SpanTable()
    delta = reader.spans_since(session, 0, 5)
    table.apply(delta)
    while delta.more:
        delta = reader.spans_since(session, delta.change, 5)
        table.apply(delta)
    return table


def same(one: SpanTable, other: SpanTable) -> bool:
    order = np.argsort(one.key), np.argsort(other.key)
    facts = ("origin", "latest", "pending", "unended", "names", "tracks", "strands")
    return all(
        np.array_equal(getattr(one, name)[order[0]], getattr(other, name)[order[1]])
        for name in (*(SPAN_DTYPE.names or ()), "strand")
    ) and all(getattr(one, fact) == getattr(other, fact) for fact in facts)


def test_a_session_opens_from_runs_and_what_is_not_gathered_yet(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    write(writer, *(record(f"a{n}", parent_id="a0" if n else None, operation=f"op {n % 3}") for n in range(20)))
    write(writer, record("other", session_id="t"))
    assert gather(writer) == 2
    write(writer, record("late", metadata={"flowscope.thread": "T2"}))
    session = reader.session("s")
    assert session is not None
    loaded = reader.load(session.key)
    table = loaded.table()
    assert table.n == 21 and same(table, followed(reader, session.key))
    write(writer, record("later", parent_id="late"))
    table.apply(reader.spans_since(session.key, loaded.change))
    assert table.n == 22 and same(table, followed(reader, session.key))


def test_a_span_that_ended_after_it_was_gathered_is_there_once_with_its_end(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    write(writer, *(record(f"a{n}", end_ns=None) for n in range(16)))
    gather(writer)
    write(writer, *(record(f"a{n}") for n in range(3, 12)))
    assert gather(writer) == 3
    write(writer, record("a0"))
    session = reader.session("s")
    assert session is not None
    table = reader.load(session.key).table()
    assert table.n == 16 and (table.end == NO_END).sum() == table.pending == 6
    assert same(table, followed(reader, session.key))


def test_runs_go_with_their_session(writer: StoreWriter, reader: StoreReader, record: MakeRecord) -> None:
    write(writer, *(record(f"a{n}") for n in range(40)))
    assert gather(writer) == 5
    writer.delete_session("s")
    write(writer, *(record(f"b{n}") for n in range(8)))  # a new session of the same name
    while writer.sweep():
        pass
    assert gather(writer) == 1
    session = reader.session("s")
    assert session is not None and reader.load(session.key).n == 8


def test_a_step_that_fails_is_done_again(writer: StoreWriter, record: MakeRecord) -> None:
    write(writer, *(record(f"a{n}") for n in range(8)))
    writer.connection.execute("CREATE TEMP TRIGGER no BEFORE INSERT ON main.runs BEGIN SELECT raise(FAIL, 'no'); END")
    with pytest.raises(Exception, match="no"):
        writer.index()
    writer.connection.execute("DROP TRIGGER no")
    assert gather(writer) == 1


def test_what_an_earlier_process_left_is_gathered(db: str, record: MakeRecord) -> None:
    with StoreWriter.open(db) as writer:
        write(writer, *(record(f"a{n}") for n in range(8)))
    with StoreWriter.open(db) as writer:
        assert gather(writer) == 1


def test_a_damaged_run_is_said(writer: StoreWriter, reader: StoreReader, record: MakeRecord) -> None:
    write(writer, *(record(f"a{n}") for n in range(8)))
    gather(writer)
    writer.connection.execute("UPDATE runs SET columns = zeroblob(100)")
    session = reader.session("s")
    assert session is not None
    with pytest.raises(StoreFault, match="a run of spans is damaged"):
        reader.load(session.key)
    assert len(list(reader.records(session.key))) == 8


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(1, 30), unique=True, max_size=12), min_size=1, max_size=6), st.booleans())
def test_of_spans_with_one_key_the_last_holds(parts: list[list[int]], sparse: bool) -> None:
    factor = 10**12 if sparse else 1
    pages, last = [], dict[int, int]()
    for number, keys in enumerate(parts):
        page = np.zeros(len(keys), SPAN_DTYPE)
        page["key"], page["start"] = np.array(keys, np.int64) * factor, number
        pages.append(page)
        last.update(dict.fromkeys(keys, number))
    columns = {name: pages[0][name].copy() for name in SPAN_DTYPE.names or ()}
    columns, n = joined(columns, len(pages[0]), pages[1:], 0.1)
    assert columns["key"][:n].tolist() == [key * factor for key in sorted(last)]
    assert columns["start"][:n].tolist() == [last[key] for key in sorted(last)]
