"""The batch between socket and rows: kept while the database takes no writes, and said once."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from flowscope_app.collector.pipeline import Pipeline
from flowscope_app.collector.voice import Voice
from flowscope_app.store import Report, StoreReader, StoreWriter


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[StoreWriter]:
    with StoreWriter.open(str(tmp_path / "a.db")) as opened:
        yield opened


def span(number: int) -> list[bytes]:
    return [
        orjson.dumps({"id": str(number), "session_id": "s", "operation": "op", "start_time": "2026-11-22T15:11:42Z"})
    ]


def test_a_locked_database_keeps_the_batch_and_says_so_once(
    writer: StoreWriter, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = Pipeline(writer, Voice())
    with caplog.at_level(logging.WARNING, "flowscope.collector"):
        with closing(sqlite3.connect(writer.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            pipeline.take(span(1))
            for _ in range(3):
                assert pipeline.commit() is None
                due = pipeline.due_in()
                assert due is not None
                time.sleep(due)
            assert pipeline.full, "no more is read while it waits"
            assert "locked" in pipeline.fault
            assert pipeline.queued == 1
            other.execute("ROLLBACK")
        committed = pipeline.commit()
    assert committed is not None and committed.stored == 1
    assert (pipeline.fault, pipeline.queued, pipeline.full) == ("", 0, False)
    assert [record.message.count("is locked") for record in caplog.records] == [1, 0]
    with StoreReader(str(writer.path)) as reader:
        assert [row.spans for row in reader.sessions()] == [1]


def test_a_batch_is_full_at_its_record_limit(writer: StoreWriter) -> None:
    pipeline = Pipeline(writer, Voice())
    number = 0
    while not pipeline.full:
        number += 1
        pipeline.take(span(number))
    assert pipeline.queued == number
    committed = pipeline.commit()
    assert committed is not None and committed.stored == number == pipeline.counters.stored
    assert pipeline.rate > 0


def test_counters_tell_what_became_of_each_record(writer: StoreWriter) -> None:
    pipeline = Pipeline(writer, Voice())
    for frames in (span(1), span(1), [b"garbage"], [b"[{}, {}]"]):
        pipeline.take(frames)
    pipeline.commit()
    counters = pipeline.counters
    assert (counters.messages, counters.received) == (4, 5)
    assert (counters.stored, counters.replaced, counters.refused) == (1, 1, 3)


def test_the_voice_says_each_thing_once_and_not_too_much(caplog: pytest.LogCaptureFixture) -> None:
    voice = Voice()
    with caplog.at_level(logging.WARNING, "flowscope.collector"):
        for _ in range(100):
            voice.reports([Report("refused", "body: not JSON")])
        assert len(caplog.records) == 1
        voice.reports(Report("refused", f"line\nbreak \x1b[2J {number}") for number in range(1_000))
    assert len(caplog.records) <= 21
    assert all("\n" not in record.message and "\x1b" not in record.message for record in caplog.records)
