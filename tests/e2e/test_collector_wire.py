"""What programs send to a real collector, good and bad, and what it makes of it."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
import zmq
from patience import PATIENCE, PATIENCE_MS

from flowscope.protocol import Header, ProducerInfo, encode_header, to_wire
from flowscope_app.collector import client

VECTORS = Path(__file__).resolve().parents[2] / "flowscope_sdk" / "protocol" / "vectors"
CASES: list[dict[str, Any]] = json.loads((VECTORS / "index.json").read_bytes())["cases"]
BEHIND = {"id": "behind", "session_id": "behind", "operation": "op", "start_time": "2026-11-22T15:11:42Z"}


def span(span_id: str, session_id: str = "s", **members: Any) -> dict[str, Any]:
    return {"id": span_id, "session_id": session_id, "operation": "op", "start_time": "2026-11-22T15:11:42Z", **members}


def finished(span_id: str, session_id: str = "s", **members: Any) -> dict[str, Any]:
    return span(span_id, session_id, end_time="2026-11-22T15:11:43Z", **members)


class Push:
    """A program's PUSH socket."""

    def __init__(self, addr: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUSH)
        self._socket.setsockopt(zmq.LINGER, PATIENCE_MS)
        self._socket.connect(addr)

    def __call__(self, *frames: bytes | object) -> None:
        self._socket.send_multipart([f if isinstance(f, bytes) else orjson.dumps(f) for f in frames])

    def batch(self, seq: int, *records: object, dropped: int = 0, producer: str = "p") -> None:
        info = ProducerInfo(producer, "s", "/srv/support_bot.py", 41822, "host", "python", "CPython 3.11.7")
        self(encode_header(Header(1, info, seq, len(records), dropped)), list(records))

    def close(self) -> None:
        self._socket.close()
        self._context.term()


@pytest.fixture
def push(collector: Any) -> Iterator[Push]:
    with closing(Push(collector.addr)) as opened:
        yield opened


def status(collector: Any) -> dict[str, Any]:
    return client.request(client.control_of(collector.addr), {"cmd": "status"}, PATIENCE)


def reasons(collector: Any, kind: str = "refused") -> list[str]:
    with closing(collector.reader()) as reader:
        return [report.detail for report in reader.reports() if report.kind == kind]


def test_the_smallest_client_is_three_lines(collector: Any) -> None:
    lines = (
        "import zmq\n"
        "with zmq.Context() as context, context.socket(zmq.PUSH) as push:\n"
        f"    push.connect({collector.addr!r});"
        ' push.send_json({"id": "1", "session_id": "first", "operation": "hello", "output": "world",'
        ' "start_time": "2026-11-22T15:11:42Z", "end_time": "2026-11-22T15:11:43Z"})\n'
    )
    subprocess.run([sys.executable, "-c", lines], check=True, timeout=PATIENCE)
    collector.wait_spans(1)
    with closing(collector.reader()) as reader:
        (row,) = reader.sessions()
        (record,) = reader.records(row.key)
    assert (row.id, record.operation, record.output) == ("first", "hello", b'"world"')
    assert record.metadata == {}


def test_a_pending_span_is_there_before_it_ends(collector: Any, push: Push) -> None:
    push(span("1"))
    collector.wait_for(lambda reader: any(row.pending == 1 for row in reader.sessions()))
    push(finished("1"))
    collector.wait_spans(1)
    push(span("1"))  # comes late
    push(finished("2"))
    collector.wait_spans(2)
    assert status(collector)["stale"] == 1


def test_a_replayed_batch_is_not_stored_twice(collector: Any, push: Push) -> None:
    push.batch(1, finished("1"), finished("2"))
    push.batch(1, finished("1"), finished("2"))
    push.batch(3, finished("3"))
    collector.wait_spans(3)
    assert (status(collector)["stored"], status(collector)["repeated"]) == (3, 2)


def test_gaps_and_drops_are_counted_and_reported(collector: Any, push: Push) -> None:
    push.batch(1, finished("1"))
    push.batch(39, finished("2"), dropped=5)
    collector.wait_spans(2)
    assert (status(collector)["gaps"], status(collector)["dropped"]) == (37, 5)
    assert reasons(collector, "gap") == ["records 2 to 38 never came"]


def test_one_bad_record_costs_only_itself(collector: Any, push: Push) -> None:
    push.batch(1, finished("1"), finished("2", status="sucess"), finished("3"))
    collector.wait_spans(2)
    (reason,) = reasons(collector)
    assert '"sucess"' in reason and '"2"' in reason


def test_an_unknown_protocol_version_is_refused_by_name(collector: Any, push: Push) -> None:
    push(b'{"version": 7}', [finished("1")])
    push(finished("2"))
    collector.wait_spans(1)
    (reason,) = reasons(collector)
    assert "protocol version 7" in reason
    hello = client.request(client.control_of(collector.addr), {"cmd": "hello"}, PATIENCE)
    assert hello["protocol"] == [1, 2]


@pytest.mark.parametrize(
    "sent",
    [
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 24\r\n\r\n" + orjson.dumps(finished("web")),
        random.Random(4).randbytes(100_000),
    ],
    ids=["http", "garbage"],
)
def test_a_stranger_is_counted_and_a_good_client_is_served_right_after(
    start_collector: Callable[..., Any], tmp_path: Path, sent: bytes
) -> None:
    collector = start_collector()
    port = int(collector.addr.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as stranger, closing(Push(collector.addr)) as push:
        with contextlib.suppress(ConnectionError):  # it may be shut out while it is still talking
            stranger.sendall(sent)
        push(finished("1"))
        collector.wait_spans(1)
        collector.wait_for(lambda reader: any(report.kind == "connection" for report in reader.reports()))
    assert status(collector)["connections_refused"] == 1
    with closing(collector.reader()) as reader:
        assert [row.id for row in reader.sessions()] == ["s"]


def test_garbage_in_a_zeromq_message_is_refused_and_the_next_is_taken(collector: Any, push: Push) -> None:
    for frames in ([b"\x00\xff\x13garbage"], [b""], [b"{}", b"{}", b"{}"], [b"[" * 100_000], [b"42"]):
        push(*frames)
    push(finished("1"))
    collector.wait_spans(1)
    assert status(collector)["refused"] == 5


def accepted(reader: Any) -> dict[tuple[str, str], dict[str, Any]]:
    found = {}
    for row in reader.sessions():
        for record in reader.records(row.key):
            if row.id != BEHIND["session_id"]:
                record.metadata.pop("flowscope.producer", None)
                found[row.id, record.id] = to_wire(record)
    return found


def walk(case: dict[str, Any], collector: Any, push: Push) -> list[str]:
    """Send one case and compare; returns what differs."""
    before = status(collector)["refused"]
    frames = [(VECTORS / case[name]).read_bytes() for name in ("header", "file") if name in case]
    push(*frames)
    push(BEHIND)
    collector.wait_for(lambda reader: reader.session("behind") is not None)
    wrong = []
    with closing(collector.reader()) as reader:
        expected = {(one["session_id"], one["id"]): one for one in case["expect"]["accepted"]}
        if accepted(reader) != expected:
            wrong.append(f"{case['number']} {case['name']}: stored {accepted(reader)}, not {expected}")
        refused = status(collector)["refused"] - before
        if refused != len(case["expect"]["refused"]):
            wrong.append(f"{case['number']} {case['name']}: refused {refused}")
        for row in reader.sessions():
            client.request(client.control_of(collector.addr), {"cmd": "delete_session", "session": row.id}, PATIENCE)
    return wrong


def test_every_bare_vector_has_the_outcome_it_names(collector: Any, push: Push) -> None:
    wrong = [line for case in CASES if "header" not in case for line in walk(case, collector, push)]
    assert not wrong, "\n".join(wrong)


def numbered(case: dict[str, Any]) -> bool:
    """Whether a case's header numbers its records: then it needs a store that has not seen them."""
    return "header" in case and bool(case["expect"]["accepted"])


@pytest.mark.parametrize("case", list(filter(numbered, CASES)), ids=lambda case: case["name"])
def test_a_vector_with_a_header_has_the_outcome_it_names(case: dict[str, Any], collector: Any, push: Push) -> None:
    assert not walk(case, collector, push)


def test_every_vector_with_a_refused_header_is_refused(collector: Any, push: Push) -> None:
    cases = [case for case in CASES if "header" in case and not numbered(case)]
    wrong = [line for case in cases for line in walk(case, collector, push)]
    assert not wrong, "\n".join(wrong)
