"""Search finds the same spans whatever part of them is indexed, compressed, replaced or deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowscope.protocol import Record
from flowscope_app.store import (
    Incoming,
    StoreFault,
    StoreReader,
    StoreWriter,
    compression,
    indexing,
    matching,
    trigrams,
)

MakeRecord = Callable[..., Record]


def index_all(writer: StoreWriter) -> None:
    while writer.index():
        pass


def blocks(writer: StoreWriter) -> int:
    return int(writer.connection.execute("SELECT count(*) FROM blocks").fetchone()[0])


def scanned(reader: StoreReader, key: int, text: str) -> list[str]:
    """What `matching` must find, worked out from the records themselves."""
    fold = str.casefold
    if text.isascii():

        def fold(value: str) -> str:
            return "".join(sign.lower() if sign.isascii() else sign for sign in value)

    in_json = orjson.dumps(text).decode()[1:-1]
    found = []
    for record in reader.records(key):
        documents = [record.input, record.output, orjson.dumps(record.metadata) if record.metadata else None]
        hit = any(fold(text) in fold(value) for value in (record.operation, record.error or ""))
        if hit or any(fold(in_json) in fold(value.decode()) for value in documents if value):
            found.append(record.id)
    return sorted(found)


def matched(reader: StoreReader, key: int, text: str) -> list[str]:
    keys = reader.matching(key, text).tolist()
    assert len(keys) == len(set(keys))
    payloads = [reader.payload(one) for one in keys]
    return sorted(payload.span_id for payload in payloads if payload)


TEXTS = st.one_of(
    st.sampled_from(["Straße", "STRASSE", "日本語の検索", "検", 'say "hi"', "100%_\\", "line\nend", "İstanbul", "ﬁne"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.text('abAB "\\\n%_ßſ日', max_size=8),
)
STEP = st.tuples(
    st.sampled_from(["write", "index", "delete"]),
    st.lists(st.tuples(st.integers(0, 30), TEXTS, TEXTS, TEXTS, TEXTS), max_size=12),
)


@settings(max_examples=60)
@given(steps=st.lists(STEP, max_size=8), wanted=st.lists(TEXTS, min_size=1, max_size=4))
def test_a_search_finds_what_a_scan_of_all_records_finds(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    record: MakeRecord,
    steps: list[tuple[str, list[tuple[int, str, str, str, str]]]],
    wanted: list[str],
) -> None:
    monkeypatch.setattr(indexing, "BLOCK_SPANS", 4)
    monkeypatch.setattr(matching, "BLOCKS_AT_A_TIME", 2)
    monkeypatch.setattr(matching, "CHANGES_AT_A_TIME", 3)
    monkeypatch.setattr(compression, "COMPRESS_FROM", 9)
    db = str(tmp_path_factory.mktemp("search") / "a.db")
    said = [text for _, spans in steps for span in spans for text in span[1:]]
    # What is looked for is mostly what is there, or a piece of it.
    wanted = [*wanted, *(text[at % 3 : at % 3 + 1 + at % 6] for at, text in enumerate(said[:20]))]
    with StoreWriter.open(db) as writer, StoreReader(db) as reader:
        for what, spans in steps:
            if what == "delete":
                writer.delete_session("s")
                while writer.sweep(0.0):
                    pass
            elif what == "index":
                index_all(writer)
            writer.write([Incoming(None, [made(record, *span) for span in spans])])
        row = reader.session("s")
        for text in wanted if row else ():
            assert row is not None
            assert matched(reader, row.key, text) == scanned(reader, row.key, text), text


def made(record: MakeRecord, number: int, operation: str, given_: str, said: str, error: str) -> Record:
    return record(
        f"{number}",
        operation=operation or "op",
        input=orjson.dumps({"q": given_}),
        metadata={"m": said} if said else {},
        error=error.replace("\0", "") or None,
    )


def test_the_index_is_filled_in_blocks_and_what_is_left_is_found_too(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    writer.write([Incoming(None, [record(str(n), input=b'{"n":"value %d."}' % n) for n in range(200)])])
    assert writer.index_behind
    index_all(writer)
    assert (blocks(writer), writer.index_behind) == (3, False)
    for number in (0, 63, 64, 130, 191, 192, 199):
        assert matched(reader, 1, f"value {number}.") == [str(number)]


def test_a_replaced_span_is_found_by_what_it_says_now(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    writer.write([Incoming(None, [record(str(n), end_ns=None, input=b'"before"') for n in range(64)])])
    index_all(writer)
    writer.write([Incoming(None, [record("7", input=b'"afterwards"')])])
    for _ in range(2):
        assert matched(reader, 1, "afterwards") == ["7"]
        assert len(matched(reader, 1, "before")) == 63
        writer.write([Incoming(None, [record(f"more {n}") for n in range(64)])])
        index_all(writer)
    assert blocks(writer) == 3


def test_the_index_of_a_deleted_session_goes_with_it(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    for name in ("s", "t"):
        writer.write([Incoming(None, [record(str(n), session_id=name, input=b'"here"') for n in range(640)])])
    index_all(writer)
    assert blocks(writer) == 20
    writer.delete_session("s")
    while writer.sweep():
        pass
    assert blocks(writer) == 10
    assert len(reader.matching(1, "here")) == 0
    assert len(reader.matching(2, "here")) == 640


def test_imported_sessions_are_indexed_once_they_are_shown(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    with writer.begin_import() as importing:
        importing.write([Incoming(None, [record(str(n), input=b'"there"') for n in range(128)])])
        index_all(writer)
        assert blocks(writer) == 0
        importing.commit()
    index_all(writer)
    assert blocks(writer) == 2
    assert len(reader.matching(1, "there")) == 128


def test_what_an_earlier_process_left_is_indexed(db: str, record: MakeRecord) -> None:
    with StoreWriter.open(db) as first:
        first.write([Incoming(None, [record(str(n)) for n in range(64)])])
    with StoreWriter.open(db) as second:
        index_all(second)
        assert blocks(second) == 1


def test_an_index_step_that_fails_is_done_again(writer: StoreWriter, record: MakeRecord) -> None:
    writer.write([Incoming(None, [record(str(n)) for n in range(64)])])
    with closing(sqlite3.connect(writer.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreFault):
            writer.index()
        other.execute("ROLLBACK")
    assert writer.index_behind
    index_all(writer)
    assert blocks(writer) == 1


def test_long_texts_make_small_blocks_and_very_long_ones_are_not_looked_into(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BLOCK_BYTES", 5_000)
    monkeypatch.setattr(indexing, "MAX_BYTES", 8_000)
    long = [record(str(n), input=b'"%s needle%d."' % (b"word " * 400, n)) for n in range(99)]
    writer.write([Incoming(None, [record("huge", input=b'"%s needle."' % (b"word " * 4_000)), *long])])
    index_all(writer)
    bits = [row[0] for row in writer.connection.execute("SELECT bits FROM blocks ORDER BY first")]
    assert len(bits) > 10 and bits.index(trigrams.EVERYTHING) == 0 and bits.count(trigrams.EVERYTHING) == 1
    assert matched(reader, 1, "needle.") == ["huge"]
    assert matched(reader, 1, "needle9.") == ["9"]


def test_a_bitmap_never_denies_what_its_text_holds_and_mostly_denies_the_rest() -> None:
    text = trigrams.fold("Das ist die Straße nach 東京, and there is no other. ".encode() * 3)
    bits = trigrams.bitmap(text)
    for start in range(len(text) - 3):
        assert trigrams.may_hold(bits, trigrams.positions(text[start : start + 9]))
    assert not trigrams.may_hold(bits, trigrams.positions(b"qwertyuiop"))
    assert trigrams.may_hold(trigrams.EVERYTHING, trigrams.positions(b"qwertyuiop"))
    assert trigrams.positions(b"ab") == []


def test_long_payloads_are_small_on_disk_and_come_back_as_they_were(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    long = b'{"text":"' + b"Where is my order? " * 1_000 + b'"}'
    sent = [
        record("long", input=long, output=long, metadata={"trace": "x" * 5_000}),
        record("short", input=b"{}", output=b"null"),
        record("odd", input=compression.MAGIC + b" is no JSON, and comes back nevertheless"),
    ]
    writer.write([Incoming(None, sent)])
    assert list(reader.records(1)) == sent
    payload = reader.payload(1)
    assert payload is not None and (payload.input, payload.metadata) == (long, {"trace": "x" * 5_000})
    stored = writer.connection.execute("SELECT length(input) FROM payloads ORDER BY key").fetchall()
    assert stored[0][0] < len(long) / 20
    assert stored[1][0] == 2


def test_a_search_is_stopped_where_it_reads_and_the_reader_answers_on(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    sent = [record(str(n), input=b'"here %d"' % n if n // 64 % 2 else b'"elsewhere"') for n in range(1_280)]
    writer.write([Incoming(None, sent)])
    while writer.index(0.0):
        pass
    with pytest.raises(StoreFault), reader.unless(lambda: True):
        reader.matching(1, "here ")
    assert len(reader.matching(1, "here ")) == 640


@pytest.mark.parametrize("damage", [b"cut off", b"\x00" * 20])
def test_a_damaged_value_is_said_and_ends_nothing_else(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, damage: bytes
) -> None:
    writer.write([Incoming(None, [record("a"), record("b", input=b'"whole"')])])
    writer.connection.execute("UPDATE payloads SET input = ? WHERE key = 1", (compression.MAGIC + damage,))
    with pytest.raises(StoreFault):
        reader.payload(1)
    with pytest.raises(StoreFault):
        list(reader.records(1))
    with pytest.raises(StoreFault):
        reader.matching(1, "whole")
    payload = reader.payload(2)
    assert payload is not None and payload.input == b'"whole"'


def test_a_session_that_never_pauses_leaves_the_others_their_turn(writer: StoreWriter, record: MakeRecord) -> None:
    for session in ("long", "short"):
        writer.write([Incoming(None, [record(str(n), session_id=session) for n in range(1_000)])])
    while blocks(writer) < 6:
        writer.index(0.0)
        writer.write([Incoming(None, [record(str(n), session_id="long") for n in range(100)])])
    found = writer.connection.execute("SELECT session, count(*) FROM blocks GROUP BY session").fetchall()
    assert found == [(1, 3), (2, 3)]


def test_a_span_that_changes_while_a_search_goes_on_is_found(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "CHANGES_AT_A_TIME", 10)
    writer.write([Incoming(None, [record(str(n), input=b'"needle"', end_ns=None) for n in range(100)])])
    session = reader.session("s")
    assert session is not None
    keys = set(reader.spans_since(session.key, 0).rows["key"].tolist())
    search = matching.matching(reader._connection, session.key, "needle")
    found = {next(search)}
    writer.write([Incoming(None, [record(str(n), input=b'"needle"') for n in range(100)])])
    assert writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0), "it holds no state"
    assert found.union(search) == keys
