"""A large file is decoded in a process of its own: with the same outcome, and ended with the import."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import psutil
import pytest

from flowscope.protocol import Record
from flowscope_app.base.errors import FlowScopeError
from flowscope_app.exchange import FORMATS, Contents, apart, import_file
from flowscope_app.store import Incoming, StoreReader, StoreWriter


@pytest.fixture
def decoders(monkeypatch: pytest.MonkeyPatch) -> list[apart.Apart]:
    """Every file is large; the processes that decode them."""
    started: list[apart.Apart] = []

    class Noted(apart.Apart):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            started.append(self)

    monkeypatch.setattr(apart, "WORTH_BYTES", 0)
    monkeypatch.setattr(apart, "Apart", Noted)
    return started


def record(number: int, **more: object) -> Record:
    members: dict[str, object] = {
        "id": f"{number:016x}", "session_id": "s", "parent_id": None, "operation": "chat", "framework": "custom",
        "language": "python", "start_ns": 10**18 + number, "end_ns": 10**18 + number + 5,
        "input": b'{"q":"\xc3\xa9 \xf0\x9f\x90\x99"}',
        "output": b"[1.5,null]", "metadata": {"flowscope.kind": "llm", "n": number}, "status": "success", "error": None,
    }  # fmt: skip
    return Record(**(members | more))  # type: ignore[arg-type]


def written(folder: Path, name: str, *records: Record) -> Path:
    db = str(folder / f"{name}.db")
    with StoreWriter.open(db) as writer:
        writer.write([Incoming(None, list(records))])
    file = folder / f"a.{name}"
    with StoreReader(db) as reader, file.open("wb") as out:
        FORMATS[name].write(Contents(reader, reader.sessions()), out)
    return file


def exported(db: str) -> bytes:
    out = BytesIO()
    with StoreReader(db) as reader:
        FORMATS["jsonl"].write(Contents(reader, reader.sessions()), out)
    return out.getvalue()


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].read is not None])
def test_what_comes_in_is_the_same(tmp_path: Path, decoders: list[apart.Apart], name: str) -> None:
    odd = record(900, end_ns=None, status="pending", output=None, metadata={"flowscope.thread": "T"})
    failed = record(901, status="error", error="no \x00 such", input=None, parent_id=f"{5:016x}")
    file = written(tmp_path, name, *map(record, range(300)), odd, failed)
    db = str(tmp_path / "new.db")
    with StoreWriter.open(db) as writer:
        last = list(import_file(file, writer))[-1]
    assert (last.records, last.sessions) == (302, ("s",))
    assert exported(db) == exported(str(tmp_path / f"{name}.db"))
    assert len(decoders) == 1


def test_what_is_unsound_is_refused_in_the_same_words(
    tmp_path: Path, decoders: list[apart.Apart], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, "jsonl", *map(record, range(600)))
    file.write_bytes(file.read_bytes() + b'{"id": 7}\n')
    told = []
    for worth in (0, 1 << 60):
        monkeypatch.setattr(apart, "WORTH_BYTES", worth)
        with StoreWriter.open(str(tmp_path / "new.db")) as writer:
            with pytest.raises(FlowScopeError) as refused:
                list(import_file(file, writer))
            told.append(str(refused.value))
            assert not writer.connection.execute("SELECT 1 FROM sessions WHERE id IS NOT NULL").fetchall()
    assert told[0] == told[1] and len(decoders) == 1


def test_a_decoder_that_is_killed_leaves_one_line_and_no_trace(tmp_path: Path, decoders: list[apart.Apart]) -> None:
    file = written(tmp_path, "flowscope", *map(record, range(20_000)))
    with StoreWriter.open(str(tmp_path / "new.db")) as writer:
        steps = import_file(file, writer)
        next(steps)
        os.kill(decoders[0].pid, signal.SIGKILL)
        with pytest.raises(FlowScopeError, match="the process that read it was ended"):
            list(steps)
        while writer.sweep():
            pass
        assert not writer.connection.execute("SELECT 1 FROM spans").fetchall()


def test_the_decoder_ends_with_an_import_that_is_given_up(tmp_path: Path, decoders: list[apart.Apart]) -> None:
    file = written(tmp_path, "flowscope", *map(record, range(20_000)))
    with StoreWriter.open(str(tmp_path / "new.db")) as writer:
        steps: Iterator[object] = import_file(file, writer)
        next(steps)
        with contextlib.closing(steps):  # type: ignore[type-var]
            pass
        assert not psutil.pid_exists(decoders[0].pid)
