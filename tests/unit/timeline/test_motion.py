"""Held keys move the view as far in few frames as in many, and a tap moves it a little."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowscope_app.timeline.motion import TAP, Motion, distance


def run(motion: Motion, frames: list[float], start: float = 0.0) -> tuple[float, float]:
    """Widths and factor after frames of so many seconds each."""
    now, widths, factor = start, 0.0, 1.0
    for frame in frames:
        now += frame
        pan, zoom = motion.step(now)
        widths, factor = widths + pan, factor * zoom
    return widths, factor


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.001, 0.1), min_size=1, max_size=60))
def test_how_far_it_goes_depends_on_the_time_alone(frames: list[float]) -> None:
    one, other = Motion(), Motion()
    one.press("pan right", 5.0)
    other.press("zoom out", 5.0)
    widths, factor = run(one, frames, 5.0)[0], run(other, frames, 5.0)[1]
    assert widths == pytest.approx(distance(sum(frames)))
    assert math.log(factor) == pytest.approx(2.4 * distance(sum(frames)))


def test_it_is_faster_the_longer_it_is_held() -> None:
    steps = [distance(at + 0.1) - distance(at) for at in (0.0, 0.3, 0.6, 2.0)]
    assert steps == sorted(steps) and steps[-1] > 2 * steps[0]


def test_a_tap_moves_as_far_as_a_tap_and_then_rests() -> None:
    motion = Motion()
    motion.press("pan left", 0.0)
    motion.release("pan left")
    assert run(motion, [0.016] * 60)[0] == pytest.approx(-TAP)
    assert motion.resting


def test_a_key_let_go_stops_where_it_is() -> None:
    motion = Motion()
    motion.press("pan right", 0.0)
    held = run(motion, [0.016] * 60)[0]
    motion.release("pan right")
    assert held > TAP and run(motion, [0.016] * 5, 1.0)[0] == 0
    assert motion.resting


def test_keys_add_up_and_opposite_ones_cancel_each_other() -> None:
    motion = Motion()
    for way in ("pan right", "pan left", "zoom in"):
        motion.press(way, 0.0)
    widths, factor = run(motion, [0.016] * 20)
    assert widths == 0 and factor < 1
    motion.stop()
    assert motion.resting


def test_after_a_frame_that_took_long_the_view_is_not_flung_away() -> None:
    motion = Motion()
    motion.press("pan right", 0.0)
    assert run(motion, [30.0])[0] < 2 * TAP
