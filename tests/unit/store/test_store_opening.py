"""Opening a database: made, migrated, or refused in one line that says what to do."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from peewee import SqliteDatabase

from flowscope.protocol import Record
from flowscope_app.base.errors import FlowScopeError
from flowscope_app.store import (
    Damaged,
    ForeignDatabase,
    Incoming,
    NewerSchema,
    NoStore,
    NotWritable,
    StoreLocked,
    StoreReader,
    StoreWriter,
    UnsupportedUrl,
)
from flowscope_app.store.location import database_path
from flowscope_app.store.migrations import migrate
from flowscope_app.store.schema import APPLICATION_ID, SCHEMA_VERSION


def assert_one_line(error: FlowScopeError) -> None:
    assert "\n" not in str(error)
    assert error.hint


def test_a_new_database_is_marked_and_ready(writer: StoreWriter) -> None:
    def pragma(name: str) -> object:
        return writer.connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert pragma("application_id") == APPLICATION_ID
    assert pragma("user_version") == SCHEMA_VERSION
    assert pragma("journal_mode") == "wal"
    assert pragma("auto_vacuum") == 2, "incremental, which can't be chosen later"
    assert pragma("synchronous") == 2, "full"


def test_only_its_owner_may_read_it(writer: StoreWriter, record: Callable[..., Record]) -> None:
    writer.write([Incoming(None, [record("a")])])
    for suffix in ("", "-wal", "-shm"):
        file = writer.path.with_name(writer.path.name + suffix)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(writer.path.parent.stat().st_mode) == 0o700


def test_an_empty_file_holds_no_sessions_yet_and_becomes_a_database(db: str) -> None:
    Path(db).parent.mkdir()
    Path(db).touch()
    with pytest.raises(NoStore):
        StoreReader(db)
    with StoreWriter.open(db), StoreReader(db) as reader:
        assert reader.sessions() == []


def test_a_database_keeps_what_it_held(db: str, record: Callable[..., Record]) -> None:
    with StoreWriter.open(db) as first:
        first.write([Incoming(None, [record("a")])])
    with StoreWriter.open(db) as second, StoreReader(db) as reader:
        second.write([Incoming(None, [record("b")])])
        assert [row.spans for row in reader.sessions()] == [2]


def test_a_second_writer_is_told_who_the_first_is(writer: StoreWriter, db: str) -> None:
    with pytest.raises(StoreLocked) as caught:
        StoreWriter.open(db)
    assert caught.value.pid == os.getpid()
    assert f"pid {os.getpid()}" in str(caught.value)
    assert_one_line(caught.value)


def test_another_name_of_the_same_file_is_the_same_database(writer: StoreWriter, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(writer.path)
    with pytest.raises(StoreLocked):
        StoreWriter.open(f"sqlite:///{link}")


def test_the_lock_is_let_go_when_opening_fails(db: str) -> None:
    Path(db).parent.mkdir()
    Path(db).write_bytes(b"this is not a database, it only has its name" * 100)
    for _ in range(2):
        with pytest.raises(Damaged) as caught:
            StoreWriter.open(db)
        assert_one_line(caught.value)
    with pytest.raises(Damaged):
        StoreReader(db)


def test_a_newer_schema_is_refused_and_left_alone(db: str) -> None:
    with StoreWriter.open(db) as writer:
        writer.connection.execute("PRAGMA user_version = 99")
    before = Path(db).read_bytes()
    for opened in (StoreWriter.open, StoreReader):
        with pytest.raises(NewerSchema, match="schema 99") as caught:
            opened(db)
        assert_one_line(caught.value)
    assert Path(db).read_bytes() == before


def test_the_database_of_another_application_is_refused_and_left_alone(db: str) -> None:
    Path(db).parent.mkdir()
    with sqlite3.connect(db) as other:
        other.execute("CREATE TABLE notes (text)")
    other.close()
    before = Path(db).read_bytes()
    for opened in (StoreWriter.open, StoreReader):
        with pytest.raises(ForeignDatabase) as caught:
            opened(db)
        assert_one_line(caught.value)
    assert Path(db).read_bytes() == before


def test_a_truncated_database_is_refused(db: str, record: Callable[..., Record]) -> None:
    with StoreWriter.open(db) as writer:
        writer.write([Incoming(None, [record(str(number)) for number in range(2_000)])])
        writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = Path(db).read_bytes()
    Path(db).write_bytes(whole[:50])
    with pytest.raises(Damaged) as caught:
        StoreWriter.open(db)
    assert_one_line(caught.value)


def test_no_database_is_made_where_none_is_asked_for(db: str) -> None:
    with pytest.raises(NoStore):
        StoreReader(db)
    with pytest.raises((NoStore, NotWritable)):
        StoreWriter.open(db, create=False)
    assert not Path(db).exists()


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritable) as caught:
        StoreWriter.open(str(tmp_path / "file" / "flowscope.db"))
    assert_one_line(caught.value)


def test_a_folder_that_can_not_be_written_is_refused(tmp_path: Path) -> None:
    """Root may write everywhere, so the question is asked as somebody else."""
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    asked = (
        "import os, sys\n"
        "from flowscope_app.base.errors import FlowScopeError\n"
        "from flowscope_app.store import StoreWriter\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: StoreWriter.open(sys.argv[1])\n"
        "except FlowScopeError as error: print(type(error).__name__, error)\n"
    )
    for parent in (folder, *folder.parents):
        if parent.owner() == Path(tmp_path).owner() and parent not in (Path("/"), Path("/tmp")):
            parent.chmod(parent.stat().st_mode | 0o055)
    said = subprocess.run(
        [sys.executable, "-c", asked, str(folder / "flowscope.db")], capture_output=True, text=True, check=True
    ).stdout
    assert said.startswith("NotWritable")
    assert said.count("\n") == 1


@pytest.mark.parametrize("url", ["postgresql://user:secret@host/db", "mysql://host/db", ":memory:", "sqlite://"])
def test_another_kind_of_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(UnsupportedUrl) as caught:
        StoreWriter.open(url)
    assert "secret" not in str(caught.value)
    assert_one_line(caught.value)


def test_paths_and_urls_name_the_same_file(tmp_path: Path) -> None:
    assert database_path(f"sqlite:///{tmp_path}/a%20b.db") == tmp_path / "a b.db"
    assert database_path(f"{tmp_path}/a b.db") == tmp_path / "a b.db"
    assert database_path("sqlite:///a.db") == Path.cwd() / "a.db"


def test_migrations_run_in_order_and_a_failed_one_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "steps_of_a_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "to2.py").write_text("def migrate(db): db.execute_sql('CREATE TABLE two (n)')")
    (package / "to3.py").write_text("def migrate(db): db.execute_sql('ALTER TABLE two ADD three')")
    (package / "to4.py").write_text("def migrate(db): db.execute_sql('CREATE TABLE four (n)'); 1 / 0")
    monkeypatch.syspath_prepend(str(tmp_path))
    db = SqliteDatabase(str(tmp_path / "a.db"))
    migrate(db, 1, 3, package.name)
    assert [column.name for column in db.get_columns("two")] == ["n", "three"]
    with pytest.raises(ZeroDivisionError):
        migrate(db, 3, 4, package.name)
    assert db.get_tables() == ["two"]
    assert db.execute_sql("PRAGMA user_version").fetchone() == (3,)
    db.close()
