"""sessions, export and import as a user runs them: real processes, with and without a collector."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zmq
from patience import PATIENCE, wait_until

from flowscope.protocol import Header, ProducerInfo, Record
from flowscope_app.store import Incoming, StoreReader, StoreWriter

FLOWSCOPE = [sys.executable, "-m", "flowscope_app"]
START = 1_790_000_000_000_000_000
SHOP = ProducerInfo("p", "shop", "shop.py", 41, "host", "python", "CPython 3.12.1", "flowscope 0.1", START)


def flowscope(*words: str, text: bool = True, env: dict[str, str] | None = None) -> Any:
    return subprocess.run(
        [*FLOWSCOPE, *words], capture_output=True, text=text, timeout=PATIENCE, env={**os.environ, **(env or {})}
    )


def one_line(done: Any, status: int = 1) -> str:
    """The line on standard error of a command that failed as it should."""
    assert done.returncode == status, done
    assert done.stderr.startswith("flowscope")
    assert done.stderr.count("\n") == 1, done.stderr
    return str(done.stderr)


def record(number: int, session: str = "shop", **changes: Any) -> Record:
    values: dict[str, Any] = {
        "end_ns": START + number * 1_000_000_000,
        "input": b'{"q":"\xc3\xa4"}',
        "metadata": {"flowscope.kind": "llm"},
        "status": "success",
        **changes,
    }
    return Record(f"{number:016x}", session, None, "ask", "langchain", "python", START, **values)


@pytest.fixture
def database(home: Path) -> Path:
    """Two sessions, an error and a span that is pending."""
    path = home / "flowscope.db"
    shop = [record(1), record(2, status="error", error="boom"), record(3, end_ns=None, status="pending")]
    with closing(StoreWriter.open(str(path))) as writer:
        writer.write([Incoming(Header(producer=SHOP, count=3), shop)])
        writer.write([Incoming(None, [record(9, "other")])])
        writer.rename_session("shop", "The shop")
    return path


# sessions


def test_sessions_as_json_have_exactly_the_promised_names(database: Path) -> None:
    rows = json.loads(flowscope("sessions", "--json").stdout)
    assert rows[1] == {
        "id": "shop",
        "name": "The shop",
        "spans": 3,
        "errors": 1,
        "start_time": "2026-09-21T14:13:20Z",
        "end_time": "2026-09-21T14:13:22Z",
        "programs": ["shop.py"],
        "frameworks": ["langchain"],
        "languages": ["python"],
    }
    assert [row["id"] for row in rows] == ["other", "shop"]


def test_sessions_as_a_table_are_aligned(database: Path) -> None:
    head, other, shop = flowscope("sessions").stdout.splitlines()
    assert head.split() == ["session", "spans", "errors", "took", "started", "programs", "frameworks"]
    assert shop.split()[:3] == ["shop", "3", "1"]
    assert other.index("1") == shop.index("3") == head.index("spans") + 4


def test_no_database_is_no_error(home: Path) -> None:
    assert json.loads(flowscope("sessions", "--json").stdout) == []
    done = flowscope("sessions")
    assert done.returncode == 0
    assert "flowscope run" in done.stdout
    assert not (home / "flowscope.db").exists()


def test_a_hostile_session_name_can_not_drive_the_terminal(home: Path) -> None:
    with closing(StoreWriter.open(str(home / "flowscope.db"))) as writer:
        writer.write([Incoming(None, [record(1, "\x1b]0;owned\x07\u202e\nnext")])])
    printed = flowscope("sessions").stdout
    assert "\x1b" not in printed
    assert printed.count("\n") == 2


# export


def test_one_session_needs_no_name_and_several_are_said(database: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.jsonl"
    assert "there are 2 sessions" in one_line(flowscope("export", "-o", str(out)))
    assert "no session 'nope'" in one_line(flowscope("export", "--session", "nope", "-o", str(out)))
    assert not out.exists()
    assert flowscope("export", "--session", "other", "-o", str(out)).returncode == 0
    assert [json.loads(line)["session_id"] for line in out.read_text().splitlines()] == ["other"]
    assert flowscope("export", "--all", "-o", str(out)).returncode == 0
    assert len(out.read_text().splitlines()) == 4
    both = flowscope("export", "--session", "other", "--session", "shop", "--format", "json", "-o", "-").stdout
    assert len(json.loads(both)) == 4


@pytest.mark.parametrize("name", ["out.flowscope", "out", "out.json", "out.jsonl", "out.ndjson"])
def test_export_import_export_gives_the_same(database: Path, tmp_path: Path, name: str) -> None:
    out, again = tmp_path / name, str(tmp_path / "again.db")
    said = flowscope("export", "--all", "-o", str(out))
    assert (said.returncode, said.stderr) == (0, "")
    assert "4 spans of 2 sessions" in said.stdout
    assert flowscope("import", str(out), "--db", again).returncode == 0
    first = flowscope("export", "--all", "--format", "jsonl", "-o", "-").stdout
    second = flowscope("export", "--all", "--format", "jsonl", "-o", "-", "--db", again).stdout
    assert sorted(first.splitlines()) == sorted(second.splitlines())
    assert len(first.splitlines()) == 4
    if name in ("out.flowscope", "out"):
        rows = {row["id"]: row for row in json.loads(flowscope("sessions", "--json", "--db", again).stdout)}
        assert rows["shop"]["name"] == "The shop"
        assert rows["shop"]["programs"] == ["shop.py"]


def test_standard_output_takes_the_session_file_too(database: Path) -> None:
    done = flowscope("export", "--all", "-o", "-", text=False)
    assert done.stdout.startswith(b"\x28\xb5\x2f\xfd")
    assert done.stderr == b""


@pytest.mark.parametrize("name", ["otlp", "speedscope", "html", "csv", "nonsense"])
def test_a_format_that_is_not_there_names_those_that_are(database: Path, tmp_path: Path, name: str) -> None:
    done = flowscope("export", "--all", "--format", name, "-o", str(tmp_path / "x"))
    assert "there are: flowscope, json, jsonl, chrome" in one_line(done)
    done = flowscope("export", "--all", "-o", str(tmp_path / f"x.{name}"))
    assert "flowscope, json, jsonl" in one_line(done)
    assert list(tmp_path.glob("x*")) == []


def test_an_export_replaces_the_file_whole_and_follows_a_link(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "kept.jsonl"
    target.write_text("old")
    target.chmod(0o640)
    link = tmp_path / "link.jsonl"
    link.symlink_to(target)
    assert flowscope("export", "--session", "other", "-o", str(link)).returncode == 0
    assert link.is_symlink()
    assert json.loads(target.read_text())["session_id"] == "other"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "kept.jsonl", "link.jsonl"]


def test_an_export_that_fails_leaves_the_old_file_and_nothing_else(database: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "x.jsonl").write_text("old")
    limited = f'ulimit -f 300; exec "$@" export --all -o {folder}/x.jsonl'
    with closing(StoreWriter.open(str(database))) as writer:
        writer.write([Incoming(None, [record(50, input=b'"' + b"x" * 1_000_000 + b'"')])])
    done = subprocess.run(["bash", "-c", limited, "sh", *FLOWSCOPE], capture_output=True, text=True, timeout=PATIENCE)
    assert "can't be written: File too large" in one_line(done)
    assert [path.name for path in folder.iterdir()] == ["x.jsonl"]
    assert (folder / "x.jsonl").read_text() == "old"


def test_an_export_to_a_device_does_not_replace_the_device(database: Path) -> None:
    assert flowscope("export", "--all", "--format", "json", "-o", "/dev/null").returncode == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)  # noqa: PTH116


@pytest.mark.parametrize("place", ["no/such/folder/x.json", "folder.json"])
def test_a_place_that_can_not_be_written_is_one_line(database: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "folder.json").mkdir()
    assert "can't be written" in one_line(flowscope("export", "--all", "-o", str(tmp_path / place)))


def test_a_reader_that_goes_away_is_no_scene(database: Path) -> None:
    with closing(StoreWriter.open(str(database))) as writer:
        writer.write([Incoming(None, [record(n, "big", input=b'"' + b"x" * 1000 + b'"') for n in range(100, 2000)])])
    script = '"$@" export --all --format jsonl -o - | head -c 10 >/dev/null'
    done = subprocess.run(["bash", "-c", script, "sh", *FLOWSCOPE], capture_output=True, text=True, timeout=PATIENCE)
    assert done.stderr == ""


# import


def test_an_import_reports_what_it_brought(database: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.flowscope"
    flowscope("export", "--all", "-o", str(out))
    done = flowscope("import", str(out), "--db", str(tmp_path / "again.db"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "4 spans of" in done.stdout
    assert "shop" in done.stdout


def test_a_bad_file_does_not_keep_the_good_ones_out(database: Path, tmp_path: Path) -> None:
    good, bad, again = tmp_path / "good.jsonl", tmp_path / "bad.flowscope", str(tmp_path / "again.db")
    flowscope("export", "--all", "-o", str(good))
    bad.write_bytes(b"\x28\xb5\x2f\xfdnot zstd")
    done = flowscope("import", str(bad), str(good), str(tmp_path), "--db", again)
    assert done.returncode == 1
    assert [line.split(" can't be imported: ")[1] for line in done.stderr.splitlines()] == [
        "its zstd data is corrupt",
        "it is a folder",
    ]
    with closing(StoreReader(again)) as reader:
        assert reader.health().spans == 4


@pytest.mark.parametrize("collecting", [True, False])
def test_a_file_cut_short_leaves_no_trace(
    database: Path, tmp_path: Path, collecting: bool, start_collector: Callable[..., Any]
) -> None:
    with closing(StoreWriter.open(str(database))) as writer:
        writer.write([Incoming(None, [record(n, "big") for n in range(100, 9000)])])
    out, again = tmp_path / "x.flowscope", str(tmp_path / "again.db")
    flowscope("export", "--session", "big", "-o", str(out))
    data = out.read_bytes()
    out.write_bytes(data[: len(data) * 3 // 4])
    if collecting:
        start_collector(db=again)
    assert "truncated" in one_line(flowscope("import", str(out), "--db", again))
    with closing(StoreReader(again)) as reader:
        assert reader.sessions() == []
        assert reader.health().spans == 0


def test_an_import_goes_through_the_collector_that_holds_the_database(
    database: Path, tmp_path: Path, start_collector: Callable[..., Any]
) -> None:
    out = tmp_path / "x.flowscope"
    flowscope("export", "--all", "-o", str(out))
    collector = start_collector(db=str(tmp_path / "again.db"))
    done = flowscope("import", str(out), "--db", collector.db)
    assert (done.returncode, done.stderr) == (0, "")
    assert "4 spans" in done.stdout
    with closing(collector.reader()) as reader:
        assert {row.id: row.spans for row in reader.sessions()} == {"shop": 3, "other": 1}


def test_a_database_that_an_unknown_collector_holds_is_said(
    database: Path, tmp_path: Path, start_collector: Callable[..., Any]
) -> None:
    out = tmp_path / "x.flowscope"
    flowscope("export", "--all", "-o", str(out))
    collector = start_collector(db=str(tmp_path / "again.db"))
    done = flowscope("import", str(out), "--db", collector.db, env={"FLOWSCOPE_HOME": str(tmp_path / "elsewhere")})
    assert f"is in use by the collector with pid {collector.process.pid}" in one_line(done)


def test_a_recording_made_with_no_debugger_comes_in(home: Path, tmp_path: Path) -> None:
    app, recording = tmp_path / "app.py", tmp_path / "run.flowscope"
    app.write_text(
        "import flowscope, os, subprocess, sys\n"
        "with flowscope.trace('outer', session_id='rec'):\n"
        "    with flowscope.trace('inner'):\n"
        "        pass\n"
        "if len(sys.argv) < 2:\n"
        "    subprocess.run([sys.executable, __file__, 'child'], check=True)\n"
    )
    done = flowscope("run", str(app), env={"FLOWSCOPE_ADDR": f"file://{recording}"})
    assert (done.returncode, done.stderr) == (0, "")
    done = flowscope("import", str(recording))
    assert (done.returncode, done.stderr) == (0, "")
    with closing(StoreReader(str(home / "flowscope.db"))) as reader:
        (session,) = reader.sessions()
        assert (session.id, session.spans, session.programs) == ("rec", 4, ("app",))
        assert len(reader.producers(session.key)) == 2


def test_the_smallest_client_shows_in_an_export(collector: Any) -> None:
    context = zmq.Context()
    push = context.socket(zmq.PUSH)
    push.connect(collector.addr)
    push.send(b'{"id":"1","session_id":"tiny","operation":"hello","start_time":"2026-11-22T15:11:42Z"}')
    collector.wait_for(lambda reader: reader.health().spans == 1)
    (row,) = json.loads(flowscope("export", "--format", "json", "-o", "-").stdout)
    assert (row["id"], row["operation"], row["status"]) == ("1", "hello", "pending")
    push.close(0)
    context.term()


# databases that are not as they should be


def test_a_database_of_a_newer_schema_is_one_line(database: Path, tmp_path: Path) -> None:
    import sqlite3

    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 99")
    for words in (["sessions"], ["export", "--all", "-o", str(tmp_path / "x.json")], ["collect"]):
        assert "newer FlowScope" in one_line(flowscope(*words))


def test_a_file_that_is_no_database_is_one_line(home: Path) -> None:
    (home / "flowscope.db").write_bytes(b"this is no database at all, not in the least" * 100)
    assert "not a database" in one_line(flowscope("sessions"))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def test_ctrl_c_ends_an_import_quietly(home: Path, tmp_path: Path) -> None:
    big = tmp_path / "big.jsonl"
    line = '{{"id":"{}","session_id":"s","operation":"o","start_time":"2026-11-22T15:11:42Z","input":"{}"}}\n'
    with big.open("w") as file:
        for number in range(200_000):
            file.write(line.format(number, "x" * 300))
    process = subprocess.Popen([*FLOWSCOPE, "import", str(big)], stderr=subprocess.PIPE, text=True)
    database = home / "flowscope.db"
    wait_until(lambda: _size(database.with_name("flowscope.db-wal")) > 1_000_000)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=PATIENCE)[1] == ""
    assert process.returncode == 130
    with closing(StoreReader(str(database))) as reader:
        assert reader.sessions() == []
