"""Notes of calls: the same whether they were stored behind the ingest or taken by the reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowscope.protocol import Record
from flowscope_app.spans.notes import Notes
from flowscope_app.store import Incoming, StoreReader, StoreWriter, noting

MakeRecord = Callable[..., Record]


@pytest.fixture(autouse=True)
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noting, "RUN_SPANS", 4)
    monkeypatch.setattr(noting, "MAX_TAIL", 8)


def write(writer: StoreWriter, *records: Record) -> None:
    writer.write([Incoming(None, list(records))])


def store_all(writer: StoreWriter) -> int:
    while writer.index():
        pass
    return int(writer.connection.execute("SELECT count(*) FROM notes").fetchone()[0])


def read(reader: StoreReader, notes: Notes | None = None) -> Notes:
    """All notes of the session "s", after those that somebody has."""
    session = reader.session("s")
    assert session is not None
    notes = notes or Notes()
    while True:
        newer = reader.notes_since(session.key, notes.change)
        notes = notes.joined(newer)
        if not newer.more:
            return notes


def facts(reader: StoreReader, notes: Notes) -> dict[str, tuple[Any, ...]]:
    """By span id: first token, whether there is a prompt, tokens read and written, provider."""
    out: dict[str, tuple[Any, ...]] = {}
    for row in notes.rows:
        payload = reader.payload(int(row["key"]))
        assert payload is not None
        provider = notes.providers.get(int(row["provider"]), "")
        out[payload.span_id] = (int(row["first"]), bool(row["prompt"]), int(row["read"]), int(row["written"]), provider)
    return out


def call(record: MakeRecord, span_id: str, text: str = "hi", **more: Any) -> Record:
    metadata = {
        "flowscope.kind": "llm",
        "flowscope.first_token_ns": 5_000,
        "gen_ai.usage.cache_read.input_tokens": 7,
        "gen_ai.usage.cache_creation.input_tokens": 3,
        "gen_ai.provider.name": "openai",
    }
    return record(span_id, metadata=metadata | more, input=f'"{text}"'.encode())


def test_what_a_call_says_of_itself_is_noted(writer: StoreWriter, reader: StoreReader, record: MakeRecord) -> None:
    write(writer, call(record, "a"), record("b", metadata={"flowscope.kind": "chain"}, input=b"1"))
    write(writer, record("c", metadata={"flowscope.kind": "tool"}, input=b"1"))
    write(writer, call(record, "d", **{"flowscope.first_token_ns": None, "gen_ai.response.time_to_first_chunk": 0.25}))
    assert facts(reader, read(reader)) == {
        "a": (5_000, True, 7, 3, "openai"),
        "c": (0, True, 0, 0, ""),
        "d": (250_000_000, True, 7, 3, "openai"),
    }


@pytest.mark.parametrize("value", [-1, 2**63, True, "9", None, [], 1e400])
def test_what_is_no_number_is_no_note(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord, value: object
) -> None:
    odd = dict.fromkeys(("flowscope.first_token_ns", "gen_ai.usage.cache_read.input_tokens"), value)
    write(writer, call(record, "a", **odd, **{"gen_ai.provider.name": 5, "gen_ai.response.time_to_first_chunk": value}))
    first, _prompt, cached, written, provider = facts(reader, read(reader))["a"]
    assert 0 <= first < 2**63 and 0 <= cached < 2**31
    assert (written, provider) == (3, "")


def test_the_same_input_has_the_same_digest_and_another_has_another(
    writer: StoreWriter, reader: StoreReader, record: MakeRecord
) -> None:
    long = "where is my order? " * 2_000  # stored compressed
    write(writer, *(call(record, f"a{n}", text) for n, text in enumerate(["x", "y", "x", long, long, long + "!"])))
    digests = read(reader).rows["prompt"].tolist()
    assert [digests.index(one) for one in digests] == [0, 1, 0, 3, 3, 5]


steps = st.lists(st.one_of(st.integers(0, 9), st.just("store"), st.just("read")), max_size=40)


@given(steps)
@settings(max_examples=60, deadline=None)
def test_however_they_came_the_latest_note_of_each_call_holds(tmp_path_factory: Any, steps: list[int | str]) -> None:
    db = str(tmp_path_factory.mktemp("notes") / "flowscope.db")
    latest: dict[str, int] = {}
    with StoreWriter.open(db) as writer, StoreReader(db) as reader:
        notes: Notes | None = None
        for count, step in enumerate(steps):
            if step == "store":
                store_all(writer)
            elif step == "read" and latest:
                notes = read(reader, notes)
            elif isinstance(step, int):
                latest[f"a{step}"] = count + 1
                metadata = {"flowscope.kind": "llm", "flowscope.first_token_ns": count + 1}
                write(writer, Record(
                    id=f"a{step}", session_id="s", parent_id=None, operation="chat", framework="custom",
                    language="python", start_ns=1, end_ns=2, input=None, output=None, metadata=metadata,
                    status="success",
                ))  # fmt: skip
        if latest:
            notes = read(reader, notes)
            assert {span: told[0] for span, told in facts(reader, notes).items()} == latest
            assert {span: told[0] for span, told in facts(reader, read(reader)).items()} == latest
            keys = np.sort(notes.rows["key"])
            assert notes.of(keys)["first"].tolist() == notes.rows["first"][np.argsort(notes.rows["key"])].tolist()


def test_notes_go_with_their_session(writer: StoreWriter, reader: StoreReader, record: MakeRecord) -> None:
    write(writer, *(call(record, f"a{n}") for n in range(20)))
    assert store_all(writer) == 5
    writer.delete_session("s")
    while writer.sweep():
        pass
    assert store_all(writer) == 0
    write(writer, call(record, "b"))
    assert list(facts(reader, read(reader))) == ["b"]
