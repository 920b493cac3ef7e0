"""A store in a folder of its own, and records to put into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowscope.protocol import Header, ProducerInfo, Record
from flowscope_app.store import Incoming, StoreReader, StoreWriter

START = 1_790_000_000_000_000_000


@pytest.fixture
def db(tmp_path: Path) -> str:
    return str(tmp_path / "store" / "flowscope.db")


@pytest.fixture
def writer(db: str) -> Iterator[StoreWriter]:
    with StoreWriter.open(db) as opened:
        yield opened


@pytest.fixture
def reader(writer: StoreWriter, db: str) -> Iterator[StoreReader]:
    with StoreReader(db) as opened:
        yield opened


@pytest.fixture
def record() -> Callable[..., Record]:
    """A record; finished 500 ns after its start unless `end_ns` says otherwise."""

    def make(span_id: str, **members: Any) -> Record:
        values: dict[str, Any] = {
            "session_id": "s",
            "parent_id": None,
            "operation": "op",
            "framework": "custom",
            "language": "python",
            "start_ns": START,
            "metadata": {},
        } | members
        end = values.setdefault("end_ns", values["start_ns"] + 500)
        values.setdefault("status", "pending" if end is None else "success")
        return Record(id=span_id, **values)

    return make


@pytest.fixture
def batch() -> Callable[..., Incoming]:
    """A numbered batch of one producer."""

    def make(seq: int, *records: Record, count: int | None = None, dropped: int = 0, producer: str = "p") -> Incoming:
        info = ProducerInfo(
            producer, "s", "/srv/support_bot.py", 41822, "host", "python", "CPython 3.11.7", "flowscope/0.1"
        )
        header = Header(1, info, seq, len(records) if count is None else count, dropped)
        return Incoming(header, list(records))

    return make
