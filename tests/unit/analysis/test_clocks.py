"""Clocks that are apart are told by the calls between two programs; odd calls alone say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from flowscope_app.analysis.clocks import Skew, skews
from flowscope_app.analysis.findings import clock_notes, clocks_apart
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.spans.table import SPAN_DTYPE, SpanDelta, SpanTable, Track

MS = 1_000_000


def told(*calls: tuple[float, float, int, int]) -> list[Skew]:
    """Of calls as (start, end in ms, parent row, program)."""
    start, end = (np.array([round(call[at] * MS) for call in calls], np.int64) for at in (0, 1))
    parent, program = (np.array([call[at] for call in calls], np.int32) for at in (2, 3))
    return skews(start, end, parent, program, end >= 0)


def caller_and_called(ahead: float, *waits: float) -> list[tuple[float, float, int, int]]:
    """Program 1 calls program 2, which answers after each of `waits`, its clock being ahead, ms."""
    calls: list[tuple[float, float, int, int]] = []
    for number, wait in enumerate(waits):
        at = 1000.0 * (number + 1)
        calls += [(at, at + wait + 4, -1, 1), (at + 2 + ahead, at + 2 + wait + ahead, 2 * number, 2)]
    return calls


@pytest.mark.parametrize("ahead", [40, -40, 3_600_000, -6])
def test_what_else_could_not_have_happened_tells_whose_clock_is_ahead_and_by_how_much(ahead: float) -> None:
    (skew,) = told(*caller_and_called(ahead, 5, 10, 7))
    assert (skew.program, skew.other) == ((2, 1) if ahead > 0 else (1, 2))
    assert abs(skew.ahead_ns - abs(ahead) * MS) <= skew.within_ns == 2 * MS
    assert set(skew.rows.tolist()) == {1, 3, 5}


def test_calls_in_both_directions_tell_of_the_same_clocks() -> None:
    there = caller_and_called(30, 5, 5)
    back = [(there[1][0] + 1, there[1][1] - 1, 1, 2), (there[1][0] + 2 - 30, there[1][1] - 2 - 30, 4, 1)]
    (skew,) = told(*there, *back)
    assert (skew.program, skew.other, round(skew.ahead_ns / MS)) == (2, 1, 30)


def test_clocks_that_agree_are_not_spoken_of() -> None:
    assert not told(*caller_and_called(0, 5, 10))
    assert not told(*caller_and_called(1, 5, 10))  # the difference is within what a call leaves open
    assert not told((0, 100, -1, 1), (0, 50, 0, 1))  # one program


def test_work_that_outlasts_its_caller_is_no_sign_of_a_clock() -> None:
    assert not told((0, 10, -1, 1), (5, 500, 0, 2))  # nobody waited
    assert not told((0, 100, -1, 1), (5, -1, 0, 2))  # it is not known when it ends
    assert not told(*caller_and_called(0, 5, 5, 5), (9000, 9010, -1, 1), (9008, 9015, 6, 2))  # one of four was left


def test_each_pair_of_programs_is_told_of_and_the_farthest_first() -> None:
    calls = caller_and_called(10, 5, 5)
    calls += [(at + 5000, end + 5000, parent + 4 if parent >= 0 else -1, 3 if program == 2 else program)
              for at, end, parent, program in caller_and_called(-90, 5, 5)]  # fmt: skip
    assert [(skew.program, skew.other) for skew in told(*calls)] == [(1, 3), (2, 1)]


def test_it_is_said_in_words_by_the_programs_names_and_no_time_is_altered() -> None:
    rows = np.zeros(2, SPAN_DTYPE)
    rows["key"] = rows["id64"] = (1, 2)
    rows["parent64"], rows["track"] = (0, 1), (1, 2)
    rows["start"], rows["end"] = (1_000 * MS, 1_042 * MS), (1_010 * MS, 1_049 * MS)
    tracks = {1: Track(1, "app.py", "python 3.11 · pid 1", "p1"), 2: Track(2, "service.mjs", "node 20 · pid 2", "p2")}
    table = SpanTable()
    table.apply(SpanDelta(rows, {0: ""}, tracks, 1))
    spans = Snapshot.of(table, 2_000 * MS)
    (finding,) = clocks_apart(spans, tracks)
    assert finding.title == "The clock of service.mjs is about 40.5 ms ahead of that of app.py"
    assert finding.rows.tolist() == [1]
    assert clock_notes(spans, tracks) == {
        "p2": "clock about 40.5 ms ahead of app.py",
        "p1": "clock about 40.5 ms behind service.mjs",
    }
    assert table.start.tolist() == rows["start"].tolist()
