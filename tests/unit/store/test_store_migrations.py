"""Databases of older versions come up to date with all they held."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from flowscope.protocol import Header, ProducerInfo
from flowscope_app.store import Incoming, StoreLocked, StoreReader, StoreWriter
from flowscope_app.store import reader as reading
from flowscope_app.store.lock import writer_lock
from flowscope_app.store.schema import SCHEMA_VERSION

# Made by the code of version 1: 101 numbered spans of one producer in "checkout" with a gap of three and two drops,
# one pending; one bare span in "日本" whose output is 10 kB; one report of a refused record.
VERSION_1 = Path(__file__).parent / "data" / "version1.db.zst"


@pytest.fixture
def old(db: str) -> Path:
    path = Path(db)
    path.parent.mkdir()
    path.write_bytes(zstandard.ZstdDecompressor().decompress(VERSION_1.read_bytes()))
    return path


def layout(connection: sqlite3.Connection) -> dict[str, object]:
    """Tables with their columns, and indexes with theirs, whatever the SQL that made them looked like."""
    found: dict[str, object] = {}
    for kind, name, table in connection.execute("SELECT type, name, tbl_name FROM sqlite_master").fetchall():
        if kind == "table":
            columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
            found[name] = sorted((column, type_, notnull, key) for _, column, type_, notnull, _, key in columns)
        elif not name.startswith("sqlite_"):
            unique = [row[2] for row in connection.execute(f"PRAGMA index_list({table})") if row[1] == name]
            found[name] = (table, unique, [row[2] for row in connection.execute(f"PRAGMA index_info({name})")])
    return found


def test_version_1_becomes_what_is_made_today(old: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(old)) as before:
        assert before.execute("PRAGMA user_version").fetchone() == (1,)
    with StoreWriter.open(str(old)) as migrated, StoreWriter.open(str(tmp_path / "new.db")) as new:
        assert migrated.connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert migrated.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert layout(migrated.connection) == layout(new.connection)


def test_all_that_version_1_held_is_there_and_is_found(old: Path) -> None:
    with StoreWriter.open(str(old)) as writer, StoreReader(str(old)) as reader:
        checkout, japan = reader.session("checkout"), reader.session("日本")
        assert checkout is not None and japan is not None
        assert (checkout.name, checkout.spans, checkout.pending) == ("Checkout of Tuesday", 101, 1)
        assert not checkout.pinned
        assert (reader.health().refused, reader.health().dropped, reader.health().gaps) == (1, 2, 3)
        for _ in range(2):  # before it is indexed, and after
            assert len(reader.matching(checkout.key, "where is order")) == 100
            assert len(reader.matching(checkout.key, "order 77?")) == 1
            assert len(reader.matching(japan.key, "STRASSE")) == 0 and len(reader.matching(japan.key, "straße")) == 1
            assert len(reader.matching(japan.key, "検索")) == len(reader.matching(japan.key, "long long")) == 1
            while writer.index():
                pass
        assert writer.connection.execute("SELECT count(*) FROM blocks").fetchone() == (1,)
        (record,) = reader.records(japan.key)
        assert record.output == b'"' + b"long " * 2000 + b'"'


def test_a_producer_goes_on_where_version_1_left_it(old: Path) -> None:
    info = ProducerInfo("p", "checkout", "/x/app.py", 7, "host", "python", "CPython 3.11.7", "flowscope/0.1", 5)
    with StoreWriter.open(str(old)) as writer, StoreReader(str(old)) as reader:
        session = reader.session("checkout")
        assert session is not None
        records = list(reader.records(session.key))
        assert writer.write([Incoming(Header(1, info, 1, 100), records[:100])]).repeated == 100
        assert writer.pin_session("checkout", True)
        assert [row.pinned for row in reader.sessions()] == [row.id == "checkout" for row in reader.sessions()]


def test_a_reader_alone_brings_an_old_database_up_to_date(old: Path) -> None:
    with StoreReader(str(old)) as reader:
        assert {row.id for row in reader.sessions()} == {"checkout", "日本"}
    StoreWriter.open(str(old)).close()


def test_a_reader_leaves_an_old_database_to_the_writer_that_holds_it(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BUSY_SECONDS", 0.0)
    lock = writer_lock(old)
    try:
        with pytest.raises(StoreLocked):
            StoreReader(str(old))
    finally:
        lock.release()
