"""Quantiles of how long commits took: of the last minute, and within a tenth."""

from __future__ import annotations

import pytest

from flowscope_app.collector.latencies import WINDOW, Latencies, quantile


def test_quantiles_are_right_within_a_tenth() -> None:
    taken = Latencies()
    for number in range(1, 1_001):
        taken.note(number / 1_000)
    assert quantile(taken.counts, 0.5) == pytest.approx(0.5, rel=0.1)
    assert quantile(taken.counts, 0.99) == pytest.approx(0.99, rel=0.1)
    assert taken.total_s == pytest.approx(500.5)


def test_what_is_beyond_the_scale_counts_at_its_ends() -> None:
    taken = Latencies()
    taken.note(0.0)
    taken.note(10_000.0)
    assert sum(taken.counts) == 2 and taken.counts[0] == taken.counts[-1] == 1


def test_only_the_last_minute_counts() -> None:
    taken = Latencies()
    assert taken.recent(0.5) is None
    taken.note(2.0)
    for _ in range(WINDOW - 1):
        taken.tick()
    assert taken.recent(0.5) == pytest.approx(2.0, rel=0.1)
    taken.tick()
    assert taken.recent(0.5) is None
    taken.note(0.1)
    assert taken.recent(0.99) == pytest.approx(0.1, rel=0.1)
