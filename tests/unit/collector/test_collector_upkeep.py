"""Upkeep goes on while spans come one upon another: in time that would be waited, and in a small share of the rest."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from patience import PATIENCE

from flowscope.protocol import Record
from flowscope_app.collector.tasks import Tasks
from flowscope_app.collector.upkeep import MOST_SAVED_S, SHARE, SWEEP_SHARE, Allowance
from flowscope_app.store import Incoming, StoreWriter


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_time_is_earned_by_waiting_and_a_share_of_working() -> None:
    clock = Clock()
    allowance = Allowance(clock=clock)
    clock.now = 0.02
    assert allowance.earn(0.0) == pytest.approx(0.02 * SHARE)
    assert allowance.earn(0.015) == pytest.approx(0.02 * SHARE + 0.015)
    allowance.spend(0.03)
    clock.now = 0.04
    assert allowance.earn(0.0) < 0, "a step that took long is paid for"
    clock.now = 3_600.0
    assert allowance.earn(0.0) == MOST_SAVED_S


def test_deleting_gets_a_larger_share() -> None:
    clock = Clock()
    allowance = Allowance(SWEEP_SHARE, clock)
    clock.now = 0.08
    assert allowance.earn(0.0) == pytest.approx(0.02)


def test_the_index_and_a_sweep_come_to_their_end_though_every_turn_brings_spans(tmp_path: Path) -> None:
    with StoreWriter.open(str(tmp_path / "a.db")) as writer:
        for session in ("kept", "gone"):
            spans = [
                Record(f"{number}", session, None, "op", "custom", "python", 1, 2, status="success")
                for number in range(2_000)
            ]
            writer.write([Incoming(None, spans)])
        tasks = Tasks(writer, lambda path, writer: iter(()))
        writer.delete_session("gone")
        tasks.sweep()
        deadline = time.monotonic() + PATIENCE
        while (writer.index_behind or writer.hidden()) and time.monotonic() < deadline:
            tasks.step(slack=0.0)
        assert writer.hidden() == []
        (indexed,) = writer.connection.execute("SELECT indexed FROM sessions WHERE id = 'kept'").fetchone()
        assert indexed == 2_000 // 64 * 64
