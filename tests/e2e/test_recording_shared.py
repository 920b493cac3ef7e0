"""One recording written by several programs, some of which are killed, also in the middle of a write."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import delivery
import pytest
from patience import PATIENCE

from flowscope.protocol import ProducerInfo
from flowscope_app.base.errors import FlowScopeError
from flowscope_app.exchange import import_file
from flowscope_app.exchange.importer import Progress
from flowscope_app.exchange.salvage import BEGIN
from flowscope_app.store import StoreReader, StoreWriter

WRITER = """
import os, resource, signal, sys, time
import flowscope
name, spans, torn, path = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
print("started", flush=True)
for number in range(spans):
    with flowscope.trace(f"{name}", input=number) as span:
        span.output = os.urandom(200).hex()
    if number % 20 == 19:
        assert flowscope.flush(90)
        print(number + 1, flush=True)
if torn:  # the kernel cuts the write short that would go beyond this, and kills at the next
    sys.stdin.readline()
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    size = os.path.getsize(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + torn, size + torn))
    while True:
        for number in range(50):
            with flowscope.trace(f"{name} torn", input=number) as span:
                span.output = os.urandom(200).hex()
        flowscope.flush(90)
"""


@contextmanager
def imported(path: Path, db: Path) -> Iterator[tuple[Progress, StoreReader, sqlite3.Connection]]:
    with StoreWriter.open(str(db)) as writer:
        *_, last = import_file(path, writer)
        with StoreReader(str(db)) as reader, closing(sqlite3.connect(db)) as check:
            yield last, reader, check


def test_programs_that_share_a_file_and_are_killed_lose_no_more_than_what_is_counted(tmp_path: Path) -> None:
    chance, path = delivery.dice(), tmp_path / "shared.flowscope"
    told: dict[str, int] = {}
    programs = {}
    for number in range(8):
        kind = ("whole", "killed", "torn")[number % 3]
        torn = chance.randrange(300, 9_000) if kind == "torn" else 0
        name = f"{kind}{number}"
        programs[name] = delivery.run(WRITER, name, 400, torn, path, addr=f"file://{path}", stdin=subprocess.PIPE)
    for name, program in programs.items():
        if name.startswith("killed"):
            for _ in range(chance.randrange(2, 12)):
                told[name] = int(delivery.line(program).replace("started", "0"))
            delivery.pause(chance.uniform(0, 0.01))
            program.kill()
    # Those that are torn come after the others, one by one, and somebody appends behind each.
    for name, program in sorted(programs.items(), key=lambda one: one[0].startswith("torn")):
        rest, _ = program.communicate("go on\n" * name.startswith("torn"), timeout=PATIENCE)
        told[name] = max([told.get(name, 0), *(int(line) for line in rest.split() if line.isdigit())])
        assert name.startswith("killed") or (program.returncode == 0) == name.startswith("whole"), name
    last_one = delivery.run(WRITER, "whole8", 40, 0, path, addr=f"file://{path}")
    assert delivery.finish(last_one)[-1] == "40"
    with imported(path, tmp_path / "a.db") as (last, reader, check):
        stored = dict(
            check.execute(
                "SELECT n.text, count(*) FROM spans s JOIN names n ON n.key = s.op GROUP BY n.text"
            ).fetchall()
        )
        (missing,) = check.execute("SELECT coalesce(sum(last - first + 1), 0) FROM gaps").fetchone()
        for name, count in told.items():
            assert stored[name] >= count, f"{name} was told that {count} are written"
            assert name.startswith("killed") or count == 400
        assert stored["whole8"] == 40
        assert "cut off, as of a program killed" in last.note, "at least one write was torn"
        cut = [report for report in reader.reports() if report.kind == "gap"]
        assert sum(report.count for report in cut) == missing == reader.health().gaps
    with imported(path, tmp_path / "a.db") as (last, reader, check):
        assert reader.health().gaps == missing, "what is known to be missing is not counted again"
        assert len([report for report in reader.reports() if report.kind == "gap"]) == len(cut)


def member(text: bytes) -> bytes:
    packer = zlib.compressobj(5, wbits=31)
    packed = packer.compress(text) + packer.flush()
    assert packed.startswith(BEGIN)
    return packed


def line(**members: object) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode() + b"\n"


def batch(producer: str, seq: int, count: int, dropped: int = 0) -> bytes:
    who = {"id": producer, "session_id": "s", "program": f"{producer}.py"}
    start = {"session_id": "s", "operation": "op", "start_time": "2026-11-22T15:11:42Z"}
    text = line(flowscope="producer", producer=who, seq=seq, count=count, dropped=dropped)
    rng = random.Random(seq)
    return text + b"".join(
        line(id=f"{producer}{number}", input=rng.randbytes(60).hex(), **start) for number in range(seq, seq + count)
    )


HEAD = line(flowscope="session", version=1, live=True)
ONE, TWO, THREE = member(HEAD + batch("a", 1, 10)), member(batch("b", 1, 10)), member(batch("c", 1, 10))


def ids(check: sqlite3.Connection, producer: str) -> int:
    sql = "SELECT count(*) FROM spans s JOIN sessions e ON e.key = s.session WHERE e.id NOT NULL AND span_id LIKE ?"
    return int(check.execute(sql, (producer + "%",)).fetchone()[0])


@pytest.mark.parametrize("at", sorted({1, 4, 9, 12, 40, *range(60, len(TWO), 97), len(TWO) - 9, len(TWO) - 1}))
def test_what_stands_behind_a_torn_write_is_read_wherever_it_is_torn(at: int, tmp_path: Path) -> None:
    path = tmp_path / "a.flowscope"
    path.write_bytes(ONE + TWO[:at] + THREE)
    with imported(path, tmp_path / "a.db") as (last, reader, check):
        assert (ids(check, "a"), ids(check, "c")) == (10, 10)
        kept = ids(check, "b")
        if at > 300:  # its first line can be read
            assert reader.health().gaps == 10 - kept
            assert {row.missing for row in reader.producers(reader.sessions()[0].key)} == {0, 10 - kept}
        assert "could" in last.note or "cut off" in last.note or at < 8


def test_a_damaged_write_is_left_out_whole_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.flowscope"
    path.write_bytes(ONE + TWO[:-6] + b"\0\0" + TWO[-4:] + os.urandom(50) + THREE)
    with imported(path, tmp_path / "a.db") as (last, reader, check):
        assert (ids(check, "a"), ids(check, "b"), ids(check, "c")) == (10, 0, 10)
        assert reader.health().gaps == 10 and "10 records" in last.note


def test_what_a_recording_program_dropped_is_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "a.flowscope"
    path.write_bytes(ONE + member(batch("a", 11, 5, dropped=7)) + member(batch("a", 16, 0, dropped=9)))
    for _ in range(2):
        with imported(path, tmp_path / "a.db") as (_, reader, check):
            assert ids(check, "a") == 15
            assert reader.health().dropped == 9
            assert [row.dropped for row in reader.producers(reader.sessions()[0].key)] == [9]


def test_a_recording_tells_how_many_spans_its_program_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.flowscope"
    source = 'import flowscope\nwith flowscope.trace("too large", input="x" * 40_000_000): pass'
    program = delivery.run(source, addr=f"file://{path}", max_value="64MiB", buffer="256MiB")
    assert delivery.finish(program) == []
    with StoreWriter.open(str(tmp_path / "a.db")) as writer:
        for _ in import_file(path, writer):
            pass
        with StoreReader(str(tmp_path / "a.db")) as reader:
            assert reader.health().dropped == 1


def test_no_other_file_is_excused(tmp_path: Path) -> None:
    head = HEAD.replace(b',"live":true', b"")
    for number, content in enumerate(
        (
            member(head + batch("a", 1, 10)) + TWO[:200] + THREE,
            member(HEAD)[:20] + ONE,  # a recording whose first line is gone
            member(batch("a", 1, 10)) + TWO[:200] + THREE,
        )
    ):
        path = tmp_path / f"{number}.flowscope"
        path.write_bytes(content)
        with StoreWriter.open(str(tmp_path / "a.db")) as writer:
            with pytest.raises(FlowScopeError, match="can't be imported") as refused:
                list(import_file(path, writer))
            assert "\n" not in str(refused.value)
            with StoreReader(str(tmp_path / "a.db")) as reader:
                assert reader.sessions() == [] and reader.reports() == []


def test_numbers_in_a_recording_that_are_none_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.flowscope"
    wrong = line(flowscope="producer", producer={"id": "b"}, seq=-1, count="x", dropped=2**60)
    path.write_bytes(ONE + member(wrong + b"{}" * 500)[:60] + THREE)
    with imported(path, tmp_path / "a.db") as (_, reader, check):
        assert (ids(check, "a"), ids(check, "c")) == (10, 10)
        assert (reader.health().gaps, reader.health().dropped) == (0, 0)


def test_a_producer_line_is_the_one_on_the_wire_without_its_secret(tmp_path: Path) -> None:
    from flowscope._recording import Recording

    recording = Recording(str(tmp_path / "a"), ProducerInfo("p", secret="0123456789abcdef"))
    recording.close(0)
    text = zlib.decompressobj(wbits=31).decompress((tmp_path / "a").read_bytes())
    assert b"0123456789abcdef" not in text
    assert json.loads(text.splitlines()[1])["producer"]["id"] == "p"
