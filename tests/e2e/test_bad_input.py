"""The corpus of bad input against a real collector, which must serve a good client right after every case."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import zmq
import zmtp
from bad_files import CASES as FILES
from bad_files import FileCase, blocks, fuzzed, pack, sound
from bad_messages import CASES, Case, record
from patience import PATIENCE
from served import Served, serving

from flowscope.protocol import Header, ProducerInfo, encode_header
from flowscope_app.exchange import FORMATS, Contents, readable
from flowscope_app.spans.table import SpanTable
from flowscope_app.store import StoreReader


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("corpus")) as started:
        yield started


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_message_has_the_outcome_it_must_have(served: Served, case: Case) -> None:
    before = served.ask(cmd="status")["refused"]
    messages = case.make(case.name)
    with served.reports() as reports, served.growth(case.memory):
        served.push(messages)
    assert served.ask(cmd="status")["refused"] - before == case.refused
    for wanted in case.reports:
        assert any(re.search(wanted, report.detail) for report in reports), [report.detail for report in reports]
    assert all(report.detail.isprintable() and len(report.detail) < 600 for report in reports)
    row = served.reader.session(case.name)
    if isinstance(case.stored, int):
        assert row is not None and row.spans == case.stored
    else:
        records = served.records(case.name)
        assert set(records) == set(case.stored)
        for span_id, holds in case.check.items():
            assert holds(records[span_id]), records[span_id]
    if row is not None:
        assert_can_be_shown(served, row.key)
    served.serves()


def assert_can_be_shown(served: Served, session: int) -> None:
    """What the window does with a session: all rows in one table, with parents and depths."""
    table = SpanTable()
    table.apply(served.reader.spans_since(session, 0))
    assert table.n == served.reader.sessions()[0].spans or table.n > 0
    assert np.all(table.depth >= 0) and np.all(table.parent < table.n)


def batch(producer: ProducerInfo, seq: int, *records: dict[str, Any]) -> list[bytes]:
    return [encode_header(Header(producer=producer, seq=seq, count=len(records))), orjson.dumps(list(records))]


def test_a_forged_producer_id_takes_nothing_from_its_owner(served: Served) -> None:
    """Who sends under another's id keeps numbers of its own: nobody's spans are taken for repeated or missing."""
    owner = ProducerInfo("owner", "forged", "app.py", 100, "host", "python")
    other = ProducerInfo("owner", "forged", "evil.py", 666, "host", "python")
    before = served.ask(cmd="status")
    with served.reports() as reports:
        served.push([batch(owner, 1, record("forged", "1"), record("forged", "2"))])
        served.push([batch(other, 1_000, record("forged", "x")), batch(other, 1_001, record("forged", "y"))])
        bare = {"flowscope.producer": "owner", "flowscope.pid": 7}
        served.push([[orjson.dumps(record("forged", "named", metadata=bare))]])
        served.push([batch(owner, 3, record("forged", "3"))])
    assert set(served.records("forged")) == {"1", "2", "3", "x", "y", "named"}
    (claim,) = [report for report in reports if report.kind == "claimed"]
    assert "pid 666" in claim.detail and '"owner"' in claim.detail
    after = served.ask(cmd="status")
    assert after["repeated"] == before["repeated"]
    assert after["gaps"] - before["gaps"] == 999, "the other's own numbers, which it left out"
    row = served.reader.session("forged")
    assert row is not None
    watermarks = {(one.pid, one.watermark) for one in served.reader.producers(row.key)}
    assert watermarks == {(100, 3), (666, 1_001)}
    served.serves()


def test_a_message_without_end_is_cut_off(served: Served) -> None:
    with served.reports() as reports, served.growth(900), served.connect() as peer:
        zmtp.shake_hands(peer)
        piece = zmtp.frame(bytes(1 << 20), more=True)
        with suppress(ConnectionError):
            for _ in range(20_000):
                peer.sendall(piece)
            pytest.fail("20 GB of one message were taken")
        served.until(lambda: any(one.kind == "connection" for one in served.reader.reports()))
    assert any("without end" in report.detail for report in reports)
    served.serves()


@pytest.mark.parametrize("sender", ["by hand", "ZeroMQ"])
def test_a_frame_longer_than_any_that_is_taken_ends_its_connection_and_is_counted(served: Served, sender: str) -> None:
    before = served.ask(cmd="status")
    session = f"before it: {sender}"
    good = orjson.dumps(record(session))
    with served.reports() as reports, served.growth(200), ExitStack() as stack:
        if sender == "ZeroMQ":
            push = stack.enter_context(closing(served.sender()))
            push.setsockopt(zmq.LINGER, 0)
            push.send(good)
        else:
            peer = stack.enter_context(served.connect())
            zmtp.shake_hands(peer)
            peer.sendall(zmtp.frame(good, more=False))
        served.until(lambda: served.reader.session(session))
        if sender == "ZeroMQ":
            push.send(bytes(129 << 20), copy=False)
        else:
            peer.sendall(b"\x02" + (1 << 40).to_bytes(8, "big"))
            with suppress(ConnectionError):
                peer.sendall(bytes(1 << 20))
                assert peer.recv(1) == b""
        served.until(lambda: served.ask(cmd="status")["refused"] > before["refused"])
    assert [report.kind for report in reports] == ["refused"] and "a frame of more than 134 MB" in reports[0].detail
    served.serves()
    after = served.ask(cmd="status")
    assert after["refused"] - before["refused"] == 1
    assert after["connections_refused"] == before["connections_refused"]


def test_clients_that_end_well_are_not_taken_for_such(served: Served) -> None:
    before = served.ask(cmd="status")["refused"]
    for number in range(50):
        served.push([[orjson.dumps(record("ends well", str(number)))]])
    served.serves()
    assert served.ask(cmd="status")["refused"] == before
    assert len(served.records("ends well")) == 50


def test_a_thousand_connections_of_random_bytes(served: Served) -> None:
    rng = random.Random(20261122)
    before = served.ask(cmd="status")
    for number in range(1_000):
        with served.connect() as peer, suppress(ConnectionError):
            start = zmtp.GREETING[: rng.randrange(64)] if number % 2 else b""
            peer.sendall(start + rng.randbytes(rng.randrange(1, 300)))
    served.serves()
    after = served.until(lambda: (now := served.ask(cmd="status"))["connections_refused"] > 900 and now)
    assert after["messages"] - before["messages"] == 1, "the good client's alone"


def test_300_half_open_connections(served: Served) -> None:
    with ExitStack() as peers:
        for number in range(300):
            peer = peers.enter_context(served.connect())
            peer.sendall(zmtp.GREETING[: number % 64])
        served.serves()
        peer.settimeout(PATIENCE)
        with suppress(ConnectionError):
            while peer.recv(100):  # its own greeting, then the end: it is not waited for without end
                pass
    served.serves()


def test_http_is_no_message(served: Served) -> None:
    body = orjson.dumps(record("web"))
    with served.connect() as peer, suppress(ConnectionError):
        peer.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        peer.settimeout(PATIENCE)
        while peer.recv(1000):
            pass
    assert served.reader.session("web") is None
    served.serves()


@pytest.mark.parametrize("case", FILES, ids=lambda case: case.name)
def test_a_bad_file_has_the_outcome_it_must_have(served: Served, tmp_path: Path, case: FileCase) -> None:
    path = tmp_path / "file.flowscope"
    session = f"file: {case.name}"
    case.make(path, session)
    with served.growth(case.memory):
        reply = import_file(served, path)
    if case.says:
        assert not reply["ok"] and re.search(case.says, reply["error"]), reply
        assert served.reader.session(session) is None
    else:
        assert reply["ok"], reply
        assert len(served.records(session)) == 20
    served.serves()


def import_file(served: Served, path: Path) -> dict[str, Any]:
    """The collector's reply; a refusal is one line that names the file."""
    reply = served.ask(cmd="import", path=str(path))
    if not reply["ok"]:
        assert reply["error"].isprintable() and str(path) in reply["error"] and len(reply["error"]) < 800
    return reply


def test_400_fuzzed_session_files(tmp_path: Path) -> None:
    """Each is taken or refused in one line, and what is refused leaves nothing."""
    text = sound("fuzzed", 8)
    packed = pack(text)
    refused = 0
    path = tmp_path / "fuzzed.flowscope"
    with serving(tmp_path) as served:
        for seed in range(400):
            path.write_bytes(fuzzed(packed, text, seed))
            known = {row.id for row in served.reader.sessions()}
            if not import_file(served, path)["ok"]:
                refused += 1
                assert {row.id for row in served.reader.sessions()} == known, f"seed {seed}"
            if seed % 50 == 0:
                served.serves()
        served.serves()
    assert refused > 350


def test_a_session_file_truncated_at_every_block(served: Served, tmp_path: Path) -> None:
    *cut, whole = blocks(sound("cut", 100))
    assert len(cut) > 30
    path = tmp_path / "cut.flowscope"
    for packed in cut:
        path.write_bytes(packed)
        reply = import_file(served, path)
        assert not reply["ok"] and re.search("truncated|not a|damaged", reply["error"])
        assert served.reader.session("cut") is None
    path.write_bytes(whole)
    assert import_file(served, path)["ok"]
    served.serves()


@pytest.mark.parametrize("depth", [254, 255, 300, 400, 499, 500, 501, 600, 800, 999, 1_000, 1_001])
def test_depth_is_stored_exported_and_imported_again_or_refused(served: Served, tmp_path: Path, depth: int) -> None:
    """Deeper than a reader's tools go it is kept as text; beyond 500 levels it is refused, and says so."""
    session, path = f"depth {depth}", tmp_path / "deep"
    before = served.ask(cmd="status")["refused"]
    deep = b"[" * depth + b"]" * depth
    served.push([[orjson.dumps(record(session))[:-1] + b',"input":' + deep + b',"output":{"a":' + deep[1:-1] + b"}}"]])
    if depth > 500:
        assert served.ask(cmd="status")["refused"] - before == 1
        assert served.reader.session(session) is None
        served.serves()
        return
    (stored,) = served.records(session).values()
    assert (stored.input == deep) is (depth < 255)
    assert orjson.loads(stored.input) == (deep.decode() if depth >= 255 else orjson.loads(deep))
    row = served.reader.session(session)
    assert row is not None
    for name in readable():
        with path.open("wb") as file:
            FORMATS[name].write(Contents(served.reader, [row]), file)
        assert served.ask(cmd="delete_session", session=session)["ok"]
        assert import_file(served, path)["ok"]
        (again,) = served.records(session).values()
        assert replace(again, metadata={}) == replace(stored, metadata={})
        row = served.reader.session(session)
        assert row is not None
    served.serves()


def test_a_good_client_is_served_while_a_bad_file_is_read(served: Served, tmp_path: Path) -> None:
    """An import is done in small steps, whatever the file holds."""
    path = tmp_path / "long.flowscope"
    path.write_bytes(b'{"flowscope":"session","version":1,"live":true}\n' + b'{"flowscope":"weather"}\n' * 90_000)
    task = served.ask(cmd="import", path=str(path), wait=False)["task"]
    served.serves()
    served.until(lambda: served.ask(cmd="progress", task=task)["state"] == "done")


def test_who_sends_too_fast_is_slowed_and_nobody_else(tmp_path: Path) -> None:
    """At 500 records a second 15,000 records of one program wait their turn, and none is lost."""
    fast = [[orjson.dumps([record("fast", str(100 * number + n)) for n in range(100)])] for number in range(150)]
    with serving(tmp_path, "--rate", "500") as served, closing(served.sender()) as sender:
        for frames in fast:
            sender.send_multipart(frames)
        served.until(lambda: served.ask(cmd="status")["limited"] > 0)
        served.serves()
        row = served.reader.session("fast")
        assert row is None or row.spans < 15_000, "the good client did not wait for the fast one"
        (report,) = [one for one in served.reader.reports() if one.kind == "limited"]
        assert "more than 500 records a second" in report.detail
    with closing(StoreReader(str(tmp_path / "flowscope.db"))) as reader:
        row = reader.session("fast")
        assert row is not None and row.spans == 15_000, "the end of the collector waits for nobody and loses nothing"
