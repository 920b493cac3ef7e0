"""What a transaction does: replacement, sums, producers, gaps, tracks."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowscope.protocol import ProducerInfo, Record
from flowscope_app.spans.kinds import Status
from flowscope_app.store import Incoming, Report, SessionRow, StoreReader, StoreWriter
from flowscope_app.store.catalogue import describe_track

MakeRecord = Callable[..., Record]
MakeBatch = Callable[..., Incoming]


def session(reader: StoreReader, session_id: str = "s") -> SessionRow:
    row = reader.session(session_id)
    assert row is not None
    return row


def test_a_pending_span_becomes_a_finished_one(writer: StoreWriter, reader: StoreReader, record: MakeRecord) -> None:
    writer.write([Incoming(None, [record("a", end_ns=None)])])
    before = reader.spans_since(session(reader).key, 0)
    assert session(reader).pending == 1
    writer.write([Incoming(None, [record("a", output=b'"done"')])])
    after = reader.spans_since(session(reader).key, before.change)
    assert after.rows["key"].tolist() == before.rows["key"].tolist()
    assert after.rows["status"].tolist() == [Status.SUCCESS]
    row = session(reader)
    assert (row.spans, row.pending) == (1, 0)
    payload = reader.payload(int(after.rows["key"][0]))
    assert payload is not None and payload.output == b'"done"'


@pytest.mark.parametrize("together", [True, False], ids=["in one transaction", "in two"])
def test_a_late_pending_record_does_not_take_back_a_finished_one(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, together: bool
) -> None:
    finished, late = Incoming(None, [record("a")]), Incoming(None, [record("a", end_ns=None)])
    stale = 0
    for items in [[finished, late]] if together else [[finished], [late]]:
        stale += writer.write(items).stale
    assert stale == 1
    row = session(reader)
    assert (row.spans, row.pending) == (1, 0)
    assert reader.spans_since(row.key, 0).rows["status"].tolist() == [Status.SUCCESS]


def test_a_finished_record_replaces_another(writer: StoreWriter, reader: StoreReader, record: MakeRecord) -> None:
    writer.write([Incoming(None, [record("a"), record("b")])])
    writer.write([Incoming(None, [record("a", status="error", error="boom", operation="renamed")])])
    row = session(reader)
    assert (row.spans, row.errors) == (2, 1)
    delta = reader.spans_since(row.key, 0)
    assert [delta.names[key] for key in delta.rows["op"].tolist()] == ["op", "renamed"]


def test_spans_that_come_again_among_many_new_ones_replace_what_is_stored(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    first = [record(str(number), **({"end_ns": None} if number % 2 else {})) for number in range(500)]
    assert writer.write([Incoming(None, first)]).stored == 500
    again = [record(str(number), status="error", error="late") for number in range(490, 1_100)]
    for stored, replaced in ((600, 10), (0, 610)):
        committed = writer.write([Incoming(None, again)])
        assert (committed.stored, committed.replaced) == (stored, replaced)
        row = session(reader)
        assert (row.spans, row.errors, row.pending) == (1_100, 610, 245)
    assert len({one.id for one in reader.records(row.key)}) == 1_100


def test_the_same_id_in_two_sessions_is_two_spans(writer: StoreWriter, reader: StoreReader, record: MakeRecord) -> None:
    writer.write([Incoming(None, [record("a"), record("a", session_id="t")])])
    assert [session(reader, name).spans for name in ("s", "t")] == [1, 1]


def test_tokens_are_summed_but_not_what_a_chain_repeats(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    usage = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 3}
    model = record("m", metadata={"flowscope.kind": "llm", **usage})
    chain = record("c", metadata={"flowscope.kind": "chain", **usage})
    writer.write([Incoming(None, [model, chain])])
    row = session(reader)
    assert (row.tokens_in, row.tokens_out) == (10, 3)


def test_bounds_follow_a_span_whose_times_shrink(writer: StoreWriter, reader: StoreReader, record: MakeRecord) -> None:
    writer.write([Incoming(None, [record("a", start_ns=100, end_ns=900), record("b", start_ns=300, end_ns=400)])])
    assert (session(reader).start_ns, session(reader).end_ns) == (100, 900)
    writer.write([Incoming(None, [record("a", start_ns=200, end_ns=350)])])
    assert (session(reader).start_ns, session(reader).end_ns) == (200, 400)


spans = st.tuples(
    st.sampled_from("abcd"),
    st.sampled_from(["s", "t"]),
    st.sampled_from(["pending", "success", "error"]),
    st.integers(0, 50),
    st.integers(0, 50),
    st.sampled_from(["llm", "chain", "tool"]),
)


@settings(max_examples=60)
@given(st.lists(st.lists(spans, max_size=6), max_size=6))
def test_sums_are_what_the_rows_add_up_to(
    writer: StoreWriter, record: MakeRecord, transactions: list[list[tuple[str, str, str, int, int, str]]]
) -> None:
    for transaction in transactions:
        records = [
            record(
                span_id,
                session_id=name,
                status=status,
                start_ns=start,
                end_ns=None if status == "pending" else start + length,
                metadata={"flowscope.kind": kind, "gen_ai.usage.input_tokens": length},
            )
            for span_id, name, status, start, length, kind in transaction
        ]
        writer.write([Incoming(None, records)])
    with StoreReader(str(writer.path)) as reader:
        for row in reader.sessions():
            rows = reader.spans_since(row.key, 0).rows
            ended = rows["end"][rows["end"] >= 0].tolist()
            assert row.spans == len(rows) == len(set(rows["id64"].tolist()))
            assert row.pending == (rows["status"] == Status.PENDING).sum()
            assert row.errors == (rows["status"] == Status.ERROR).sum()
            assert row.tokens_in == rows["tokens_in"][rows["kind"] != 2].sum()
            assert row.start_ns == min(rows["start"].tolist())
            assert row.end_ns == max(ended, default=None)


def test_a_replayed_batch_is_stored_once(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, batch: MakeBatch
) -> None:
    message = batch(1, record("a"), record("b"))
    assert writer.write([message]).stored == 2
    again = writer.write([message])
    assert (again.stored, again.replaced, again.repeated) == (0, 0, 2)
    overlapping = writer.write([batch(2, record("b"), record("c"))])
    assert (overlapping.stored, overlapping.repeated) == (1, 1)
    assert overlapping.watermarks == {"p": 3}
    assert session(reader).spans == 3


def test_a_batch_that_fills_half_a_gap_brings_only_that_half(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, batch: MakeBatch
) -> None:
    writer.write([batch(4, record("d"), record("e"))])
    late = writer.write([batch(2, record("b"), record("c"), record("d", error="forged"), record("e"))])
    assert (late.stored, late.filled, late.repeated) == (2, 2, 2)
    assert {one.id: one.error for one in reader.records(session(reader).key)} == dict.fromkeys("bcde")


def test_the_watermark_outlives_the_writer(db: str, record: MakeRecord, batch: MakeBatch) -> None:
    with StoreWriter.open(db) as first:
        first.write([batch(1, record("a"), record("b"))])
        first.write([batch(6, record("f"))])
    with StoreWriter.open(db) as second:
        assert second.write([batch(1, record("a"), record("b"))]).repeated == 2
        assert second.write([batch(3, record("c"))]).filled == 1
        with StoreReader(db) as reader:
            assert reader.health().gaps == 2


def test_a_jump_is_a_gap_and_is_reported(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, batch: MakeBatch
) -> None:
    writer.write([batch(1, record("a"))])
    assert writer.write([batch(39, record("b"))]).missing == 37
    report = reader.reports()[-1]
    assert (report.kind, report.count, report.producer, report.session) == ("gap", 37, "p", "s")
    assert reader.producers(session(reader).key)[0].missing == 37


def test_drops_are_counted_once_though_every_batch_repeats_the_sum(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, batch: MakeBatch
) -> None:
    for seq, dropped in ((1, 5), (2, 5), (3, 9)):
        writer.write([batch(seq, record(str(seq)), dropped=dropped)])
    assert reader.health().dropped == 9
    assert [report.count for report in reader.reports() if report.kind == "dropped"] == [5, 4]


def test_a_refused_record_uses_up_its_number(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, batch: MakeBatch
) -> None:
    header = batch(1, count=3).header
    message = Incoming(header, [record("a"), Report("refused", "bad"), record("c")])
    committed = writer.write([message])
    assert (committed.stored, committed.refused, committed.watermarks) == (2, 1, {"p": 3})
    assert writer.write([message]).refused == 0
    assert reader.health().refused == 1


def test_what_a_batch_lacks_of_its_own_count_is_a_gap_before_the_next(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, batch: MakeBatch
) -> None:
    assert writer.write([batch(1, record("a"), count=4)]).missing == 0
    assert writer.write([batch(5, record("b"))]).missing == 3
    assert reader.reports()[-1].detail == "records 2 to 4 never came"


def test_records_beyond_the_count_of_their_batch_are_stored_and_hide_none_of_the_next(
    writer: StoreWriter, record: MakeRecord, batch: MakeBatch
) -> None:
    assert writer.write([batch(1, record("a"), record("b"), count=1)]).stored == 2
    assert writer.write([batch(2, record("c"))]).stored == 1


def test_a_batch_refused_as_a_whole_uses_up_its_numbers(
    writer: StoreWriter, record: MakeRecord, batch: MakeBatch
) -> None:
    header = batch(1, count=5).header
    torn = Incoming(header, (), (Report("refused", "body: torn", 5),))
    assert writer.write([torn]).refused == 5
    assert writer.write([torn]).refused == 0, "a replay is not counted again"
    assert writer.write([batch(6, record("f"))]).missing == 0


def test_a_header_that_numbers_nothing_is_stored_each_time(
    writer: StoreWriter, record: MakeRecord, batch: MakeBatch
) -> None:
    assert writer.write([batch(1, record("a"), count=0)]).stored == 1
    assert writer.write([batch(1, record("b"), count=0)]).stored == 1


def test_many_different_reports_of_one_transaction_are_summed(writer: StoreWriter, reader: StoreReader) -> None:
    reports = [Report("refused", f"reason {number}") for number in range(5_000)]
    assert writer.write([Incoming(None, (), reports)]).refused == 5_000
    stored = reader.reports()
    assert len(stored) <= 101
    assert sum(report.count for report in stored) == reader.health().refused == 5_000


def test_tracks_are_named_after_the_program_and_its_threads(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, batch: MakeBatch
) -> None:
    worker = record("b", metadata={"flowscope.thread": "ThreadPoolExecutor-0_1"})
    main = record("a", metadata={"flowscope.thread": "MainThread"})
    unnamed = record("d", metadata={"flowscope.thread": "MainThread", "flowscope.task": "Task-4"})
    named = record("e", metadata={"flowscope.thread": "MainThread", "flowscope.task": "refunds"})
    writer.write([batch(1, main, worker, record("c"), unnamed, named)])
    delta = reader.spans_since(session(reader).key, 0)
    first, second, third, fourth, fifth = (delta.tracks[key] for key in delta.rows["track"].tolist())
    assert (first.label, first.detail) == ("support_bot.py", "python 3.11 · pid 41822 · MainThread")
    assert second.label == "ThreadPoolExecutor-0_1"
    assert third == first
    assert (fourth.label, fifth.label) == ("support_bot.py · Task-4", "refunds")
    orders = ProducerInfo("p", program="orders.mjs", pid=9, language="javascript", runtime="node 20.11.0")
    assert describe_track(orders, "", "") == ("orders.mjs", "node 20.11.0 · pid 9 · main")
    assert first.process == ("python 3.11 · pid 41822", "MainThread")
    assert replace(first, detail="node 20.11.0 · pid 9 · main").process == ("node 20.11.0 · pid 9", "main")
    assert session(reader).programs == ("support_bot.py",)


def test_a_program_with_endless_threads_gets_a_bounded_number_of_tracks(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, batch: MakeBatch
) -> None:
    records = [record(str(number), metadata={"flowscope.task": f"Task-{number}"}) for number in range(1_000)]
    writer.write([batch(1, *records)])
    delta = reader.spans_since(session(reader).key, 0)
    assert len(delta.rows) == 1_000
    assert len(delta.tracks) <= 257


def test_records_without_a_header_get_a_track_of_their_language(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    known = record("b", metadata={"flowscope.producer": "q", "k": 1})
    numbered = record("c", metadata={"flowscope.pid": 77})
    writer.write([Incoming(None, [record("a"), known, numbered])])
    delta = reader.spans_since(session(reader).key, 0)
    tracks = [delta.tracks[key] for key in delta.rows["track"].tolist()]
    assert [track.label for track in tracks] == ["python", "q", "python"]
    assert "pid 77" in tracks[2].detail
    # Whose it is is told by the track; exports write it into the metadata again.
    payload = reader.payload(int(delta.rows["key"][1]))
    assert payload is not None and payload.metadata == {"k": 1}
    exported = {one.id: one.metadata for one in reader.records(session(reader).key)}
    assert exported == {"a": {}, "b": {"k": 1, "flowscope.producer": "q"}, "c": {"flowscope.pid": 77}}


def test_a_producer_name_of_a_wrong_type_is_no_name(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    writer.write([Incoming(None, [record("a", metadata={"flowscope.producer": ["x"], "flowscope.pid": {}})])])
    assert session(reader).spans == 1


def test_renaming_and_deleting(writer: StoreWriter, reader: StoreReader, record: MakeRecord) -> None:
    writer.write([Incoming(None, [record("a"), record("b", session_id="t")])])
    assert writer.rename_session("s", "checkout")
    assert session(reader).name == "checkout"
    assert not writer.rename_session("nobody", "x")
    key = session(reader).key
    assert writer.delete_session("s")
    assert reader.session("s") is None and [row.id for row in reader.sessions()] == ["t"]
    while writer.sweep(0.0):
        pass
    assert len(reader.spans_since(key, 0).rows) == 0
    assert session(reader, "t").spans == 1
    writer.write([Incoming(None, [record("a")])])
    assert session(reader).key > key, "a key is not used twice"


def test_a_deleted_session_gives_its_space_back(db: str, record: MakeRecord) -> None:
    with StoreWriter.open(db) as writer:
        writer.write([Incoming(None, [record(str(number), input=os.urandom(10_000)) for number in range(500)])])
        writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        full = writer.path.stat().st_size
        writer.delete_session("s")
        while writer.sweep():
            pass
        writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert writer.path.stat().st_size < full / 5


def test_a_record_the_database_can_not_hold_costs_only_itself(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, batch: MakeBatch
) -> None:
    message = batch(1, record("a"), record("lone \ud800 surrogate"), record("c"))
    committed = writer.write([message])
    assert (committed.stored, committed.refused, committed.watermarks) == (2, 1, {"p": 3})
    assert reader.reports()[-1].detail.startswith("could not be stored")


def test_the_database_alone_refuses_a_span_stored_twice(writer: StoreWriter, record: MakeRecord) -> None:
    writer.write([Incoming(None, [record("a")])])
    with pytest.raises(sqlite3.IntegrityError):
        writer.connection.execute(
            "INSERT INTO spans SELECT key + 100, session, change + 100, op, track, status, start_ns, end_ns,"
            " span_id, parent_id, packed FROM spans"
        )
