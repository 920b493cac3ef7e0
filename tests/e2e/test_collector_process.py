"""The life of a collector process: its start, what stops it, what it refuses, and what a kill leaves."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
import zmq
from patience import PATIENCE, PATIENCE_MS

from flowscope.protocol import Header, ProducerInfo, encode_header
from flowscope_app.collector import client, connection
from flowscope_app.store import StoreReader

START_ON_STDIN = """
import sys
from flowscope_app.collector.process import main
sys.exit(main("tcp://127.0.0.1:0", sys.argv[1], importer=lambda path, writer: iter(()),
              ready=lambda addr: print(addr, flush=True), parent_watch=True))
"""


def span(number: int, session_id: str = "s") -> dict[str, Any]:
    return {
        "id": str(number),
        "session_id": session_id,
        "operation": "op",
        "start_time": "2026-11-22T15:11:42Z",
        "end_time": "2026-11-22T15:11:43Z",
    }


def send(addr: str, *messages: list[bytes]) -> None:
    with zmq.Context() as context, context.socket(zmq.PUSH) as push:
        push.setsockopt(zmq.LINGER, PATIENCE_MS)
        push.connect(addr)
        for message in messages:
            push.send_multipart(message)


def collect(addr: str, db: str) -> subprocess.CompletedProcess[str]:
    """Run `flowscope collect` where it is expected to refuse."""
    command = [sys.executable, "-m", "flowscope_app", "collect", "--addr", addr, "--db", db]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def assert_refused(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("flowscope: ")
    for part in parts:
        assert part in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_after_what_was_sent_is_stored(collector: Any, number: signal.Signals) -> None:
    assert connection.find(collector.db) is not None
    send(collector.addr, *([orjson.dumps(span(n))] for n in range(1_000)))
    # The sender has gone, so all of it lies in the collector's sockets.
    collector.process.send_signal(number)
    assert collector.process.wait(PATIENCE) == 0
    with StoreReader(collector.db) as reader:
        assert [row.spans for row in reader.sessions()] == [1_000]
    assert connection.find() is None
    assert not connection.path().exists()


def test_the_stop_command_ends_it(collector: Any) -> None:
    reply = client.request(client.control_of(collector.addr), {"cmd": "stop"}, PATIENCE)
    assert reply["ok"]
    assert collector.process.wait(PATIENCE) == 0


def test_the_end_of_its_parent_s_pipe_ends_it(home: Path) -> None:
    db = str(home / "a.db")
    with subprocess.Popen(
        [sys.executable, "-c", START_ON_STDIN, db], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        addr = process.stdout.readline().strip()
        send(addr, [orjson.dumps(span(1))])
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
    with StoreReader(db) as reader:
        assert [row.spans for row in reader.sessions()] == [1]


def test_a_taken_port_is_said_with_who_holds_it(home: Path, free_addr: str) -> None:
    with socket.create_server(("127.0.0.1", int(free_addr.rpartition(":")[2]))):
        done = collect(free_addr, str(home / "a.db"))
    assert_refused(done, f"{free_addr} is in use by", f"pid {os.getpid()}", "--addr")


def test_a_second_collector_on_a_database_is_told_of_the_first(collector: Any) -> None:
    done = collect("tcp://127.0.0.1:3999", collector.db)
    assert_refused(done, f"in use by the collector with pid {collector.process.pid}", "--db")
    assert connection.find() is not None, "the first one's connection file is still there"


def test_a_database_of_a_newer_schema_is_refused(home: Path, start_collector: Callable[..., Any]) -> None:
    first = start_collector()
    first.stop()
    with closing(sqlite3.connect(first.db)) as newer:
        newer.execute("PRAGMA user_version = 99")
    assert_refused(collect(first.addr, first.db), "newer FlowScope", "schema 99")


def test_a_file_that_is_no_database_is_refused(home: Path, free_addr: str) -> None:
    (home / "a.db").write_bytes(b"not a database at all, sorry about that" * 50)
    assert_refused(collect(free_addr, str(home / "a.db")), "damaged or not a database")


def test_a_folder_that_can_not_be_written_is_refused(home: Path, free_addr: str) -> None:
    (home / "file").write_text("")
    assert_refused(collect(free_addr, str(home / "file" / "a.db")), "can't be written")


def test_sessions_are_renamed_and_deleted_by_command(collector: Any) -> None:
    control = client.control_of(collector.addr)
    send(collector.addr, [orjson.dumps([span(1), span(2, "t")])])
    collector.wait_spans(2)
    assert client.request(control, {"cmd": "rename_session", "session": "s", "name": "checkout"}, PATIENCE)["ok"]
    assert client.request(control, {"cmd": "delete_session", "session": "t"}, PATIENCE)["ok"]
    with closing(collector.reader()) as reader:
        assert [(row.id, row.name) for row in reader.sessions()] == [("s", "checkout")]
    for request in ({"cmd": "delete_session", "session": "t"}, {"cmd": "delete_session"}, {"cmd": "dance"}, {}):
        reply = client.request(control, {**request, "id": 5}, PATIENCE)
        assert (reply["ok"], "\n" in reply["error"]) == (False, False)


def test_nonsense_on_the_control_channel_is_answered_and_survived(collector: Any) -> None:
    control = client.control_of(collector.addr)
    with zmq.Context() as context:
        with context.socket(zmq.REQ) as req:
            req.setsockopt(zmq.LINGER, 0)
            req.connect(control)
            req.send(b"\xff{")
            assert req.poll(PATIENCE_MS)
            assert orjson.loads(req.recv())["ok"] is False
        with context.socket(zmq.DEALER) as dealer:
            dealer.setsockopt(zmq.LINGER, 0)
            dealer.connect(control)
            dealer.send(b"[" * 100_000)
            dealer.send_multipart([b"a", b"b", b"c", b""])
            assert dealer.poll(PATIENCE_MS)
    assert client.request(control, {"cmd": "hello"}, PATIENCE)["pid"] == collector.process.pid


def test_an_import_goes_on_between_spans_and_shows_its_progress(collector: Any, tmp_path: Path) -> None:
    control = client.control_of(collector.addr)
    file = tmp_path / "sessions.jsonl"
    file.write_bytes(b"\n".join(orjson.dumps(span(number, "imported")) for number in range(20_000)))
    task = client.request(control, {"cmd": "import", "path": str(file), "wait": False}, PATIENCE)["task"]
    send(collector.addr, [orjson.dumps(span(1, "live"))])
    collector.wait_for(lambda reader: reader.session("live") is not None)
    collector.wait_for(lambda reader: reader.session("imported") is not None)
    reply = client.request(control, {"cmd": "progress", "task": task}, PATIENCE)
    collector.wait_for(
        lambda _: client.request(control, {"cmd": "progress", "task": task}, PATIENCE)["state"] == "done"
    )
    assert reply["records"] == 20_000
    with closing(collector.reader()) as reader:
        assert [row.spans for row in reader.sessions() if row.id == "imported"] == [20_000]
    missing = client.request(control, {"cmd": "import", "path": str(tmp_path / "none.jsonl")}, PATIENCE)
    assert (missing["ok"], "none.jsonl" in missing["error"]) == (False, True)


def test_a_database_locked_for_a_while_loses_nothing(collector: Any) -> None:
    control = client.control_of(collector.addr)
    send(collector.addr, [orjson.dumps(span(0))])
    collector.wait_spans(1)
    with closing(sqlite3.connect(collector.db, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        send(collector.addr, *([orjson.dumps(span(number))] for number in range(1, 1_000)))
        collector.wait_for(lambda _: client.request(control, {"cmd": "status"}, PATIENCE)["fault"] != "")
        assert "locked" in client.request(control, {"cmd": "status"}, PATIENCE)["fault"]
        other.execute("ROLLBACK")
    collector.wait_spans(1_000)
    assert client.request(control, {"cmd": "status"}, PATIENCE)["fault"] == ""


def test_a_kill_in_mid_load_leaves_whole_transactions(start_collector: Callable[..., Any]) -> None:
    """What a reader saw before the kill is there after it, and sums, watermark and rows agree."""
    collector = start_collector()
    stop = threading.Event()

    def produce() -> None:
        info = ProducerInfo("p", "s", "app.py", 1)
        with zmq.Context() as context, context.socket(zmq.PUSH) as push:
            push.setsockopt(zmq.LINGER, 0)
            push.setsockopt(zmq.SNDTIMEO, 200)
            push.connect(collector.addr)
            seq = 1
            while not stop.is_set():
                records = [span(seq + place) for place in range(50)]
                try:
                    push.send_multipart([encode_header(Header(1, info, seq, 50)), orjson.dumps(records)])
                    seq += 50
                except zmq.Again:
                    pass

    producer = threading.Thread(target=produce)
    producer.start()
    try:
        collector.wait_for(lambda reader: any(row.spans > 5_000 for row in reader.sessions()))
        with closing(collector.reader()) as reader:
            seen = reader.sessions()[0].spans
        collector.process.kill()
        collector.process.wait(PATIENCE)
    finally:
        stop.set()
        producer.join()
    with closing(sqlite3.connect(collector.db)) as check:
        assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with StoreReader(collector.db) as reader:
        (row,) = reader.sessions()
        assert row.spans >= seen
        rows = reader.spans_since(row.key, 0, limit=10_000_000).rows
        (producer_row,) = reader.producers(row.key)
        assert row.spans == len(rows) == producer_row.watermark
        assert sum(1 for _ in reader.records(row.key)) == row.spans
    again = start_collector(db=collector.db)
    send(again.addr, [orjson.dumps(span(0, "after"))])
    again.wait_for(lambda reader: reader.session("after") is not None)
