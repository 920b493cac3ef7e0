"""Spans that were made ready where no database is are stored as those that the writer makes ready itself."""

from __future__ import annotations

import marshal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowscope.protocol import Record
from flowscope_app.store import Batch, Incoming, Prepared, StoreReader, StoreWriter, batch_of, preparing
from flowscope_app.store.compression import COMPRESS_FROM, MAGIC

MakeRecord = Callable[..., Record]
P = {"flowscope.producer": "p", "flowscope.pid": 7}


def records(record: MakeRecord) -> list[Record]:
    """Two sessions, known and unknown senders, ids that come again, and values of each kind."""
    long = b'"' + b"long " * COMPRESS_FROM + b'"'
    return [
        record("a", end_ns=None, metadata={**P, "flowscope.thread": "T"}),
        record("b", parent_id="a", input=long, output='"é東"'.encode(), metadata={**P, "flowscope.kind": "llm"}),
        record("a", metadata={**P, "flowscope.thread": "T", "gen_ai.usage.input_tokens": 5, "flowscope.kind": "llm"}),
        record("b", end_ns=None),  # comes too late to open it again
        record("c", status="error", error="no \x00 such", metadata={"flowscope.producer": ["no", "name"]}),
        record("a", session_id="t", parent_id="nowhere", operation="other", language="go", output=MAGIC + b"odd"),
        record("d", metadata={"flowscope.producer": "x" * 300, "gen_ai.request.model": "m-1"}),
        record("e", end_ns=None, status="pending", metadata=P),
        record("e", status="error", error="died", metadata={**P, "flowscope.abandoned": True}),
        record("e", metadata={"flowscope.task": "again"}),
    ]


def stored(db: str) -> list[tuple[Any, ...]]:
    with StoreReader(db) as reader:
        found: list[tuple[Any, ...]] = []
        for row in sorted(reader.sessions(), key=lambda one: one.id):
            sums = (row.spans, row.errors, row.pending, row.tokens_in, row.tokens_out, row.start_ns, row.end_ns)
            tracks = reader.spans_since(row.key, 0).tracks.values()
            found += [(row.id, sums, sorted(row.programs), sorted((one.label, one.producer) for one in tracks))]
            found += sorted(reader.records(row.key), key=lambda one: one.id)
        return found


@pytest.mark.parametrize("size", [1, 3, 100])
def test_what_is_made_ready_elsewhere_is_stored_alike(tmp_path: Path, record: MakeRecord, size: int) -> None:
    here, elsewhere = str(tmp_path / "here.db"), str(tmp_path / "elsewhere.db")
    all_of_them = records(record)
    parts = [all_of_them[start : start + size] for start in range(0, len(all_of_them), size)]
    with StoreWriter.open(here) as writer:
        for part in parts:
            writer.write([Incoming(None, part)])
    with StoreWriter.open(elsewhere) as writer, writer.begin_import() as into:
        for part in parts:
            made = batch_of(part)
            sent = marshal.dumps((made.records, made.senders, [tuple(spans) for spans in made.sessions]))
            count, senders, sessions = marshal.loads(sent)
            into.write([Batch(count, senders, [Prepared(*spans) for spans in sessions])])
        assert sorted(into.commit()) == ["s", "t"]
    assert stored(elsewhere) == stored(here)


def test_some_of_what_is_ready_is_what_they_are_by_themselves(record: MakeRecord) -> None:
    (spans,) = batch_of([record(str(n), input=b'"%d"' % n, error=None) for n in range(5)]).sessions
    (some,) = batch_of([record(str(n), input=b'"%d"' % n) for n in (1, 4)]).sessions
    assert spans.only([1, 4]) == some
    assert spans.only([]).ends == [] and preparing.batch_of([]) == Batch(0, [], [])
