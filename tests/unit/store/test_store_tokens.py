"""Tokens of one call that two programs tell of are counted once, in whatever order the two are heard."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, permutations

import pytest

from flowscope.protocol import Record
from flowscope_app.store import Incoming, StoreReader, StoreWriter

USAGE = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20}
MakeRecord = Callable[..., Record]


def outer(record: MakeRecord, **members: object) -> Record:
    return record("outer", metadata={"flowscope.kind": "llm", **USAGE}, **members)


def inner(record: MakeRecord, caller: object = "outer") -> Record:
    return record(
        "inner", parent_id="request", metadata={"flowscope.kind": "llm", "flowscope.usage.caller": caller, **USAGE}
    )


def sums(reader: StoreReader) -> tuple[int, int, list[int]]:
    (session,) = reader.sessions()
    rows = reader.spans_since(session.key, 0).rows
    return session.tokens_in, session.tokens_out, sorted(rows["tokens_in"].tolist())


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])
@pytest.mark.parametrize("order", list(permutations(("pending", "outer", "inner"))), ids=" ".join)
def test_of_two_programs_calls_the_inner_one_counts(
    order: tuple[str, ...], together: bool, writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    made = {
        "pending": record("outer", metadata={"flowscope.kind": "llm"}, end_ns=None),
        "outer": outer(record),
        "inner": inner(record),
    }
    if together:
        writer.write([Incoming(None, [made[name] for name in order])])
    else:
        for name in order:
            writer.write([Incoming(None, [made[name]])])
    assert sums(reader) == (100, 20, [0, 100])


def test_a_call_that_is_told_of_again_stays_counted_once(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    for made in (outer(record), inner(record), outer(record), inner(record)):
        writer.write([Incoming(None, [made])])
    assert sums(reader) == (100, 20, [0, 100])


@pytest.mark.parametrize("kind", ["chain", "custom"])
def test_a_caller_that_is_no_model_keeps_what_it_says(
    kind: str, writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    writer.write([Incoming(None, [record("outer", metadata={"flowscope.kind": kind, **USAGE}), inner(record)])])
    assert sums(reader)[2] == [100, 100]


@pytest.mark.parametrize("caller", [7, None, ["outer"], {"id": "outer"}, "x" * 10_000, ""])
def test_a_caller_that_is_none_changes_nothing(
    caller: object, writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    writer.write([Incoming(None, [outer(record), inner(record, caller)])])
    assert sums(reader) == (200, 40, [100, 100])


def test_calls_told_of_without_number_take_bounded_memory(
    monkeypatch: pytest.MonkeyPatch, writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    monkeypatch.setattr("flowscope_app.store.putting.MAX_TOLD", 10)
    numbers = count()
    for _ in range(5):
        several = [inner(record, f"call {next(numbers)}") for _ in range(9)]
        writer.write([Incoming(None, several)])
        writer.write([Incoming(None, [inner(record), outer(record)])])
    assert sums(reader) == (100, 20, [0, 100])
    assert len(writer.catalogue.session("s").told) <= 10
