"""Files that are not sound: each refused in one line, and nothing of it in the store."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from flowscope.protocol import Record
from flowscope_app.base.errors import FlowScopeError
from flowscope_app.exchange import FORMATS, Contents, import_file
from flowscope_app.exchange.envelope import FileHeader
from flowscope_app.store import Incoming, StoreReader, StoreWriter

START = 1_790_000_000_000_000_000
RECORDS = [
    Record(
        f"{n + 1:016x}", "s", None, "work", "custom", "python", START + n, START + n, b"1", None, {}, "success", None
    )
    for n in range(3_000)
]
LIVE = b'{"flowscope":"session","version":1,"live":true}\n'


@pytest.fixture(scope="module")
def session_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A sound file of 3,000 records, more than one batch of them."""
    db = str(tmp_path_factory.mktemp("made") / "db")
    with closing(StoreWriter.open(db)) as writer:
        writer.write([Incoming(None, RECORDS)])
    out = io.BytesIO()
    with closing(StoreReader(db)) as reader:
        FORMATS["flowscope"].write(Contents(reader, reader.sessions()), out)
    return out.getvalue()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[StoreWriter]:
    with closing(StoreWriter.open(str(tmp_path / "store.db"))) as writer:
        yield writer


def unpack(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


def pack(text: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(text)


def refused(writer: StoreWriter, path: Path) -> str:
    """The line that says why, after a look that there is no trace left."""
    with pytest.raises(FlowScopeError) as error:
        list(import_file(path, writer))
    line = str(error.value)
    assert "\n" not in line
    assert str(path) in line
    while writer.sweep():
        pass
    with closing(StoreReader(str(writer.path))) as reader:
        assert reader.sessions() == []
        assert reader.health().spans == 0
    return line


def line(**members: object) -> bytes:
    return json.dumps(members).encode() + b"\n"


def replaced(text: bytes, number: int, new: bytes) -> bytes:
    every = text.splitlines(keepends=True)
    every[number] = new
    return b"".join(every)


CASES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a newer version": (lambda t: replaced(t, 0, line(flowscope="session", version=2)), "newer FlowScope"),
    "no version": (lambda t: replaced(t, 0, line(flowscope="session")), "no version"),
    "a version that is no number": (lambda t: replaced(t, 0, line(flowscope="session", version="1")), "no version"),
    "sessions that are none": (lambda t: replaced(t, 0, line(flowscope="session", version=1, sessions=3)), "damaged"),
    "a session without id": (
        lambda t: replaced(t, 0, line(flowscope="session", version=1, sessions=[{"name": "x"}])),
        "a session has no id",
    ),
    "a session's name of 5 MB": (
        lambda t: replaced(t, 0, line(flowscope="session", version=1, sessions=[{"id": "s", "name": "x" * 5_000_000}])),
        "name",
    ),
    "a damaged producer": (
        lambda t: replaced(t, 0, line(flowscope="session", version=1, producers=[{"pid": "x"}])),
        "a producer in it is damaged",
    ),
    "a missing record": (lambda t: replaced(t, 1500, b""), "checksum"),
    "a changed record": (lambda t: t.replace(b'"operation":"work"', b'"operation":"WORK"', 1), "checksum"),
    "an added record": (lambda t: replaced(t, 5, t.splitlines(keepends=True)[5] * 2), "checksum"),
    "no end": (lambda t: b"".join(t.splitlines(keepends=True)[:-1]), "truncated"),
    "an end that is cut": (lambda t: t[:-10], "truncated"),
    "a damaged end": (lambda t: replaced(t, -1, line(flowscope="end", records="3")), "end line is damaged"),
    "more after the end": (lambda t: t + t.splitlines(keepends=True)[1], "after its end line"),
    "two files in one": (lambda t: t + t, "after its end line"),
    "a line that is no JSON": (lambda t: replaced(t, 2500, b"{nonsense}\n"), "line 2501 is not a"),
    "a line that is an array": (lambda t: replaced(t, 2500, b"[{}]\n"), "line 2501 is not a JSON object"),
    "an empty line": (lambda t: replaced(t, 2500, b"\n"), "line 2501 is not a JSON object"),
    "a record without session": (
        lambda t: replaced(t, 2500, line(id="x", operation="o", start_time="2026-01-01T00:00:00Z")),
        "line 2501 is not a record: session_id: missing",
    ),
    "a value deeper than can be read": (
        lambda t: replaced(t, 2500, b'{"id":"x","input":' + b"[" * 5000 + b"]" * 5000 + b"}\n"),
        "line 2501 is not a record",
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("packed", [pack, lambda text: text, gzip.compress], ids=["zstd", "plain", "gzip"])
def test_a_session_file_that_is_not_sound(
    tmp_path: Path, writer: StoreWriter, session_file: bytes, case: str, packed: Callable[[bytes], bytes]
) -> None:
    change, why = CASES[case]
    path = tmp_path / "file.flowscope"
    path.write_bytes(packed(change(unpack(session_file))))
    import re

    assert re.search(why, refused(writer, path))


def test_a_session_file_cut_anywhere(tmp_path: Path, writer: StoreWriter, session_file: bytes) -> None:
    path = tmp_path / "file.flowscope"
    for cut in [1, 3, 4, 5, 20, *range(100, len(session_file), len(session_file) // 20), len(session_file) - 1]:
        path.write_bytes(session_file[:cut])
        refused(writer, path)


def test_a_session_file_with_any_byte_flipped(tmp_path: Path, writer: StoreWriter, session_file: bytes) -> None:
    rng = random.Random(7)
    path = tmp_path / "file.flowscope"
    for _ in range(40):
        broken = bytearray(session_file)
        broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        path.write_bytes(broken)
        refused(writer, path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"\n\n", "holds no session"),
        (b"PK\x03\x04 something else", "holds no session"),
        (b"hello", "holds no session"),
        (b'"text"', "holds no session"),
        (b"[1]", "not a list of JSON objects"),
        (b'[{"id":"a"}]', "object 1 is not a record: session_id: missing"),
        (b'[{"id":"a","session_id":"s"', "truncated"),
        (b'{"traceEvents":[]}', "line 1 is not a record: id: missing"),
        (b'{"id":"a"}\n{"id":"b"}\n', "line 1 is not a record"),
        (gzip.compress(b'{"id":"a"}', mtime=0)[:-5], "line 1 is not a record|truncated"),
        (b"\x1f\x8bnot gzip at all", "gzip data is corrupt"),
        (b"\x28\xb5\x2f\xfdnot zstd at all", "zstd data is corrupt"),
        (b"\xff\xfe{\x00", "holds no session"),
    ],
)
def test_a_file_that_is_something_else(tmp_path: Path, writer: StoreWriter, content: bytes, why: str) -> None:
    import re

    path = tmp_path / "file"
    path.write_bytes(content)
    assert re.search(why, refused(writer, path))


def test_what_is_no_file(tmp_path: Path, writer: StoreWriter) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert "not a regular file" in refused(writer, fifo)
    assert "folder" in refused(writer, tmp_path)
    assert "does not exist" in refused(writer, tmp_path / "gone")


def test_names_from_a_file_can_not_break_the_line(tmp_path: Path, writer: StoreWriter) -> None:
    path = tmp_path / "file"
    path.write_bytes(line(id="a\n\x1b[31m\u202e", session_id=3))
    text = refused(writer, path)
    assert text.isprintable()


def test_a_bomb_of_spaces_is_refused_in_seconds(tmp_path: Path, writer: StoreWriter) -> None:
    path = tmp_path / "bomb.flowscope"
    with path.open("wb") as raw, zstandard.ZstdCompressor().stream_writer(raw) as file:
        file.write(LIVE)
        for _ in range(400):
            file.write(b" " * (1 << 20))
    assert "more than 1,000 times its size" in refused(writer, path)


def test_an_import_given_up_half_way_leaves_nothing(tmp_path: Path, writer: StoreWriter, session_file: bytes) -> None:
    path = tmp_path / "file.flowscope"
    path.write_bytes(session_file)
    steps = import_file(path, writer)
    while not next(steps).records:
        pass  # a slow machine tells of its progress before the first batch
    steps.close()  # type: ignore[attr-defined]
    while writer.sweep():
        pass
    with closing(StoreReader(str(writer.path))) as reader:
        assert reader.sessions() == []


def record_line(number: int) -> bytes:
    return line(id=str(number), session_id="live", operation="o", start_time="2026-01-01T00:00:00Z")


@pytest.mark.parametrize("cut", [0, 10])
@pytest.mark.parametrize("pack", [gzip.compress, lambda text: text], ids=["gzip", "plain"])
def test_a_recording_is_taken_as_far_as_it_was_written(
    tmp_path: Path, writer: StoreWriter, cut: int, pack: Callable[[bytes], bytes]
) -> None:
    """A program records as long as it lives; killed, it leaves a last line that is cut, and that is said."""
    members = [LIVE, line(flowscope="producer", producer={"id": "p", "program": "app"}), record_line(1), record_line(2)]
    data = b"".join(map(pack, members))
    path = tmp_path / "live.flowscope"
    path.write_bytes(data[: len(data) - cut])
    last = list(import_file(path, writer))[-1]
    assert last.sessions == ("live",)
    if pack is gzip.compress or not cut:
        assert last.records >= 1
    assert last.records == (1 if cut and pack is not gzip.compress else last.records)
    assert bool(last.note) == bool(cut)
    with closing(StoreReader(str(writer.path))) as reader:
        assert [producer.program for producer in reader.producers(reader.sessions()[0].key)] == ["app"]


def test_a_recording_of_two_programs_keeps_them_apart(tmp_path: Path, writer: StoreWriter) -> None:
    path = tmp_path / "live.flowscope"
    one, two = (line(flowscope="producer", producer={"id": name, "program": name}) for name in ("one", "two"))
    path.write_bytes(LIVE + one + record_line(1) + LIVE + two + record_line(2) + one + record_line(3))
    assert list(import_file(path, writer))[-1].records == 3
    with closing(StoreReader(str(writer.path))) as reader:
        records = list(reader.records(reader.sessions()[0].key))
    assert [record.metadata["flowscope.producer"] for record in records] == ["one", "two", "one"]


def test_a_kind_of_line_that_is_not_known_is_passed_over(tmp_path: Path, writer: StoreWriter) -> None:
    path = tmp_path / "live.flowscope"
    path.write_bytes(LIVE + line(flowscope="weather", rain=True) + record_line(1))
    assert list(import_file(path, writer))[-1].records == 1


def test_only_a_live_header_excuses_a_missing_end() -> None:
    assert FileHeader().live is False
