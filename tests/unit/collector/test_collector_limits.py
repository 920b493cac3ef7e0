"""The token buckets: who may send now, who waits, and what there is no room for."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from flowscope.protocol import Header, ProducerInfo, encode_header
from flowscope_app.collector import limits as module
from flowscope_app.collector.limits import Limits
from flowscope_app.collector.pipeline import Pipeline
from flowscope_app.collector.voice import Voice
from flowscope_app.store import StoreReader, StoreWriter


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_connection_may_send_its_burst_and_then_its_rate() -> None:
    clock = Clock()
    limits = Limits(100, clock)
    taken = 0
    for _ in range(1_000):  # ten seconds
        clock.now += 0.01
        while limits.admits(1):
            limits.charge(1, 10, 0)
            taken += 10
    assert 1_190 <= taken <= 1_220
    assert limits.admits(2), "another connection has a bucket of its own"


def test_a_message_larger_than_the_bucket_is_taken_and_paid_for_afterwards() -> None:
    clock = Clock()
    limits = Limits(100, clock)
    assert limits.admits(1)
    limits.charge(1, 10_000, 0)
    assert not limits.admits(1)
    clock.now = 97.0
    assert not limits.admits(1)
    clock.now = 99.0
    assert limits.admits(1)


def test_what_waits_keeps_its_order() -> None:
    clock = Clock()
    limits = Limits(10, clock)
    limits.charge(1, 21, 0)
    assert limits.hold(1, [b"first"]) and limits.hold(1, [b"second"])
    assert limits.take_due() is None
    due = limits.due_in()
    assert due is not None
    clock.now += due
    assert limits.take_due() == (1, [b"first"])
    limits.charge(1, 5, 0)
    assert not limits.admits(1), "one that comes now goes behind"
    assert limits.take_due() is None
    assert [frames for _, frames in limits.rest()] == [[b"second"]]
    assert (limits.waiting_bytes, limits.due_in()) == (0, None)


def test_a_large_record_counts_for_each_of_its_kilobytes() -> None:
    limits = Limits(100, Clock())
    limits.charge(1, 1, 300 << 10)
    assert not limits.admits(1)


def test_no_limit_is_none() -> None:
    limits = Limits(0)
    limits.charge(1, 10**9, 10**9)
    assert limits.admits(1)
    assert limits.due_in() is None


def test_what_there_is_no_room_for_is_dropped_counted_and_never_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 0)
    span = {"session_id": "s", "operation": "op", "start_time": "2026-11-22T15:11:42Z"}

    def batch(seq: int) -> list[bytes]:
        records = [{**span, "id": str(seq + place)} for place in range(10)]
        return [encode_header(Header(producer=ProducerInfo("p", "s"), seq=seq, count=10)), orjson.dumps(records)]

    with StoreWriter.open(str(tmp_path / "a.db")) as writer:
        pipeline = Pipeline(writer, Voice(), limits=Limits(1, Clock()))
        for seq in (1, 11, 21):
            pipeline.take(batch(seq), 7)
        committed = pipeline.commit()
        assert committed is not None
        assert (committed.stored, committed.dropped, committed.watermarks) == (10, 20, {"p": 30})
    with StoreReader(str(tmp_path / "a.db")) as reader:
        found = {(report.kind, report.count, report.producer) for report in reader.reports()}
    assert found == {("dropped", 20, "p"), ("limited", 1, "p")}
