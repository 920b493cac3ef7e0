"""Ticks: round steps, readable distances, units a person counts in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowscope_app.timeline.ticks import exact, step_for, ticks

S = 10**9
ORIGIN = 1_790_000_000 * S


@pytest.mark.parametrize(
    ("start", "end", "first_labels", "anchor"),
    [
        (-50_000_000, 1_750_000_000, ["0 ms", "200 ms", "400 ms"], ""),
        (0, 900, ["0 ns", "100 ns", "200 ns"], ""),
        (0, 90 * S, ["0 s", "10 s", "20 s"], ""),
        (100 * S, 160 * S, ["1:40", "1:50", "2:00"], ""),
        (3_500 * S, 3_700 * S, ["58:30", "59:00", "59:30", "1:00:00"], ""),
        (45 * S, 47 * S, ["45.0 s", "45.2 s"], ""),
        (12 * S, 12 * S + 1_000, ["+0 ns", "+100 ns"], "12.000000 s"),
        (0, 400 * 86_400 * S, ["0 d", "56 d"], ""),
    ],
)
def test_labels_are_in_sensible_units(start: int, end: int, first_labels: list[str], anchor: str) -> None:
    found = ticks(ORIGIN + start, ORIGIN + end, 1_000, ORIGIN)
    assert found.labels[: len(first_labels)] == first_labels
    assert found.anchor == anchor


@given(st.integers(0, 10**17), st.integers(10, 10**17), st.integers(200, 4_000))
def test_ticks_lie_on_round_steps_far_enough_apart(start: int, span: int, width: int) -> None:
    found = ticks(ORIGIN + start, ORIGIN + start + span, width, ORIGIN)
    assert all((time - ORIGIN) % found.step == 0 for time in found.times)
    assert found.step * width / span >= 90 or found.step == step_for(span, width)
    assert len(found.times) <= width / 90 + 1
    assert len(found.times) == len(found.labels) == len(set(found.labels))


def test_exact_times_keep_the_digits_asked_for() -> None:
    assert exact(12_300_400_000, 100_000) == "12.3004 s"
    assert exact(3_723 * S + S // 4, S // 100) == "1:02:03.25"
    assert exact(-5 * S, S) == "−5 s"
