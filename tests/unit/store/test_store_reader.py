"""What the window asks of the store: changes since a number, payloads, searches, by way of indexes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import chain

import numpy as np
import pytest

from flowscope.protocol import Header, ProducerInfo, Record
from flowscope_app.spans.table import SPAN_DTYPE, SpanTable
from flowscope_app.store import (
    Incoming,
    StoreFault,
    StoreReader,
    StoreWriter,
    backlog,
    indexing,
    matching,
    records,
    retention,
    sweeping,
)
from flowscope_app.store import reader as queries
from flowscope_app.store.packing import ROW

MakeRecord = Callable[..., Record]


def key_of(reader: StoreReader, session_id: str = "s") -> int:
    row = reader.session(session_id)
    assert row is not None
    return row.key


def test_the_packed_row_is_one_item_of_the_window_s_table() -> None:
    assert ROW.size == SPAN_DTYPE.itemsize
    values = tuple(range(1, 15))
    item = np.frombuffer(ROW.pack(*values), dtype=SPAN_DTYPE)[0]
    assert item.item() == values


def test_pages_add_up_to_the_session_and_nothing_comes_twice(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    writer.write([Incoming(None, [record(str(number)) for number in range(25)])])
    seen: list[int] = []
    change, more = 0, True
    while more:
        delta = reader.spans_since(key_of(reader), change, limit=10)
        seen += delta.rows["key"].tolist()
        change, more = delta.change, delta.more
    assert len(seen) == len(set(seen)) == 25
    nothing = reader.spans_since(key_of(reader), change)
    assert (len(nothing.rows), nothing.change, nothing.more) == (0, change, False)


def test_a_table_that_follows_is_the_table_that_loads_at_once(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    following, change = SpanTable(), 0
    for round_ in range(4):
        pending = [record(f"{round_}-{n}", end_ns=None, start_ns=1_000 + n) for n in range(5)]
        finished = [record(f"{round_ - 1}-{n}", start_ns=1_000 + n) for n in range(5)] if round_ else []
        writer.write([Incoming(None, [*pending, *finished])])
        delta = reader.spans_since(key_of(reader), change)
        following.apply(delta)
        change = delta.change
    loaded = SpanTable()
    loaded.apply(reader.spans_since(key_of(reader), 0))
    assert following.n == loaded.n == 20
    order, other = np.argsort(following.key), np.argsort(loaded.key)
    for column in ("key", "start", "end", "status", "op", "track"):
        assert np.array_equal(getattr(following, column)[order], getattr(loaded, column)[other])


def test_changed_says_whether_somebody_committed(writer: StoreWriter, reader: StoreReader, record: MakeRecord) -> None:
    assert reader.changed()
    assert not reader.changed()
    writer.write([Incoming(None, [record("a")])])
    assert reader.changed()
    assert not reader.changed()


def test_a_reader_can_not_write(reader: StoreReader) -> None:
    with pytest.raises(sqlite3.OperationalError):
        reader._connection.execute("DELETE FROM spans")


def test_sessions_come_newest_activity_first(writer: StoreWriter, reader: StoreReader, record: MakeRecord) -> None:
    for name in ("s", "t", "s"):
        writer.write([Incoming(None, [record("a", session_id=name, framework="langchain")])])
    rows = reader.sessions()
    assert [row.id for row in rows] == ["s", "t"]
    assert rows[0].frameworks == ("langchain",)
    assert rows[0].languages == ("python",)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CHATMODEL", "a"),
        ("refund", "b"),
        ('say "hi"', "b"),
        ("first\nsecond", "b"),
        ("100%", "b"),
        ("100_", ""),
        ("straße", "c"),
        ("日本", "c"),
        ("boom", "c"),
        ("gpt-4", "c"),
        ("r" * 5_000, "d"),
        ("nowhere", ""),
        ("\\", ""),
    ],
)
def test_matching_finds_text_wherever_it_stands(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, text: str, found: str
) -> None:
    records = [
        record("a", operation="ChatModel.invoke"),
        record("b", input=b'{"q":"a Refund, please: say \\"hi\\" 100%\\nfirst\\nsecond"}'),
        record("c", output='"Straße in 日本"'.encode(), error="Boom", metadata={"model": "gpt-4"}, status="error"),
        record("d", input=b'"' + b"r" * 6_000 + b'"'),
        record("other", session_id="t", operation="ChatModel.invoke refund boom"),
    ]
    writer.write([Incoming(None, records)])
    rows = reader.spans_since(key_of(reader), 0).rows
    keys = dict(zip(rows["key"].tolist(), "abcd", strict=True))
    assert "".join(keys[key] for key in reader.matching(key_of(reader), text).tolist()) == found


def test_records_come_back_as_they_came(writer: StoreWriter, reader: StoreReader, record: MakeRecord) -> None:
    sent = [
        record("a", parent_id="gone", input=b'{"b":1,"a":[1.0,2]}', output=b"null", metadata={"x": {"y": []}}),
        record("b", end_ns=None),
        record("c", status="error", error="ValueError: \n  at line 3", language="go", framework="own"),
    ]
    writer.write([Incoming(None, sent)])
    assert list(reader.records(key_of(reader))) == sent


def test_an_export_under_way_has_each_span_that_was_there_once_and_none_that_came_later(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "PIECE_SPANS", 3)
    writer.write([Incoming(None, [record(str(number), end_ns=None) for number in range(10)])])
    with closing(reader.records(key_of(reader))) as exported:
        first = next(exported)
        writer.write([Incoming(None, [record(str(number)) for number in range(20)])])
        rest = list(exported)
    assert [one.id for one in [first, *rest]] == [str(number) for number in range(10)]
    assert [one.status for one in rest] == ["pending"] * 2 + ["success"] * 7, "each as it was when it was read"


def test_an_export_holds_no_state_of_the_database(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the write-ahead log would grow for as long as it takes, and one commit would pay for it."""
    monkeypatch.setattr(records, "PIECE_SPANS", 3)
    writer.write([Incoming(None, [record(str(number)) for number in range(10)])])
    with closing(reader.records(key_of(reader))) as exported:
        next(exported)
        writer.write([Incoming(None, [record("later")])])
        assert writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
        assert len(list(exported)) == 9


def test_an_export_is_cut_into_pieces_by_size_too(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "PIECE_BYTES", 5_000)
    sent = [record(str(number), input=os.urandom(2_000).hex().encode()) for number in range(10)]
    writer.write([Incoming(None, sent)])
    with closing(sqlite3.connect(writer.path, isolation_level=None)) as connection:
        pieces = list(records.Records(connection, key_of(reader)).pieces())
    assert list(chain.from_iterable(pieces)) == sent
    assert 1 < len(pieces) <= 10


def test_an_export_whose_session_is_deleted_says_so(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "PIECE_SPANS", 3)
    writer.write([Incoming(None, [record(str(number)) for number in range(10)])])
    with closing(reader.records(key_of(reader))) as exported:
        next(exported)
        writer.delete_session("s")
        with pytest.raises(StoreFault, match="deleted meanwhile"):
            list(exported)


def test_producers_of_a_session(writer: StoreWriter, reader: StoreReader, record: MakeRecord) -> None:
    info = ProducerInfo("p", "s", "/x/app.py", 7, "host", "python", "3.11", "flowscope/0.1", 5)
    writer.write([Incoming(Header(1, info, 1, 1), [record("a")]), Incoming(None, [record("b", session_id="t")])])
    (row,) = reader.producers(key_of(reader))
    assert (row.id, row.program, row.pid, row.started_ns, row.watermark) == ("p", "/x/app.py", 7, 5, 1)


def plan(reader: StoreReader, sql: str, values: object) -> str:
    return "\n".join(row[3] for row in reader._connection.execute(f"EXPLAIN QUERY PLAN {sql}", values))


def test_what_the_window_asks_again_and_again_uses_indexes(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    writer.write([Incoming(None, [record(str(number)) for number in range(100)])])
    since = plan(reader, queries.SPANS_SINCE, (1, 0, 100))
    assert "USING INDEX spans_session_change" in since
    assert "TEMP B-TREE" not in since, "no sorting: the index has the order"
    payload = plan(reader, queries.PAYLOAD, (1,))
    assert payload.count("USING INTEGER PRIMARY KEY") == 2
    assert "USING INTEGER PRIMARY KEY" in plan(reader, queries.REPORTS, (0, 10))
    assert "sessions_id" in plan(reader, f"{queries.SESSIONS} AND id = ?", ("s",))
    sessions = plan(reader, f"{queries.SESSIONS} ORDER BY last_ns DESC, key DESC", ())
    assert "sessions_last_ns" in sessions and "TEMP B-TREE FOR ORDER" not in sessions.replace("LAST TERM", "")
    producers = plan(reader, queries.PRODUCERS, (1,))
    assert "tracks_session_producer_thread" in producers
    assert "SCAN g" not in producers
    assert "facets USING PRIMARY KEY (session=?)" in plan(
        reader, "SELECT what, text FROM facets WHERE session = ?", (1,)
    )
    for sql in (queries.NAMES_OF.format(marks="?,?"), queries.TRACKS_OF.format(marks="?,?")):
        assert "SCAN" not in plan(reader, sql, (1, 2))
    assert "USING COVERING INDEX" in plan(reader, records.KEYS, (1,))
    export = plan(reader, records.ROWS.format(marks="?,?"), (1, 2))
    assert export.count("USING INTEGER PRIMARY KEY") == 2 and "TEMP B-TREE" not in export


@pytest.mark.parametrize("text", ["ascii", "日本"])
def test_a_search_reads_blocks_in_order_and_only_the_spans_of_the_runs_that_pass(
    writer: StoreWriter, reader: StoreReader, text: str
) -> None:
    form = text.encode()
    assert "USING COVERING INDEX spans_session_change (session=?)" in plan(reader, matching.LAST, (1,))
    _, operations, payloads, values = matching.statements(form, form)
    values |= {"session": 1, "first": 1, "last": 2}
    blocks = plan(reader, matching.BLOCKS, (1, 0, 10))
    assert "USING INDEX blocks_session_first (session=? AND first>?)" in blocks and "TEMP B-TREE" not in blocks
    assert "spans USING INDEX spans_session" in plan(reader, operations, values)
    run = plan(reader, payloads, values)
    assert "SEARCH s USING INDEX spans_session_change (session=? AND change>? AND change<?)" in run.replace(
        "COVERING ", ""
    )
    assert "SEARCH p USING INTEGER PRIMARY KEY" in run


def test_indexing_deleting_and_retention_use_indexes(writer: StoreWriter, reader: StoreReader) -> None:
    ready = plan(reader, backlog.READY, (1, 0, 64))
    assert "USING COVERING INDEX spans_session_change (session=? AND change>?)" in ready
    texts = plan(reader, indexing.TEXTS, (1, 0, 64))
    assert "spans_session_change (session=? AND change>?)" in texts and "TEMP B-TREE" not in texts
    assert "USING INTEGER PRIMARY KEY" in texts
    keys = plan(reader, sweeping.KEYS, (1, 10))
    assert "USING COVERING INDEX spans_session_change" in keys and "TEMP B-TREE" not in keys
    assert "sessions_last_ns" in plan(reader, retention.SESSIONS, ())
    measure = plan(reader, retention.PAYLOAD_BYTES, (1,))
    assert "SEARCH s USING COVERING INDEX" in measure and "SEARCH p USING INTEGER PRIMARY KEY" in measure


def test_what_the_writer_asks_for_every_batch_uses_indexes(writer: StoreWriter, reader: StoreReader) -> None:
    known = plan(reader, "SELECT span_id, packed FROM spans WHERE session = ? AND span_id IN (?, ?)", (1, "a", "b"))
    assert "spans_session_span_id" in known
    assert "names_text" in plan(reader, "SELECT key FROM names WHERE text = ?", ("x",))
    assert "producers_id" in plan(reader, "SELECT key FROM producers WHERE id = ?", ("x",))
