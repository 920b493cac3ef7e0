"""The session in memory: rows, parents and depth under every order of arrival."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from flowscope_app.spans.ids import id64
from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.spans.table import NO_END, SPAN_DTYPE, SpanDelta, SpanTable, Track


def rows_of(*spans: tuple[int, int, int, int, int]) -> NDArray[np.void]:
    """Rows of (key, id, parent, start, end)."""
    rows = np.zeros(len(spans), SPAN_DTYPE)
    for row, (key, number, parent, start, end) in zip(rows, spans, strict=True):
        row["key"], row["id64"], row["parent64"], row["start"], row["end"] = key, number, parent, start, end
        row["status"] = Status.PENDING if end == NO_END else Status.SUCCESS
    return rows


def delta(rows: NDArray[np.void], change: int = 1) -> SpanDelta:
    return SpanDelta(rows, {1: "op"}, {}, change)


def test_a_pending_span_is_replaced_by_its_end_in_the_same_row() -> None:
    table = SpanTable()
    table.apply(delta(rows_of((1, 10, 0, 100, NO_END), (2, 20, 10, 110, NO_END))))
    applied = table.apply(delta(rows_of((2, 20, 10, 110, 150))))
    assert applied.changed.tolist() == [1]
    assert table.n == 2
    assert table.end.tolist() == [NO_END, 150]
    assert table.end_or(400).tolist() == [400, 150]


def test_children_that_come_before_their_parent_find_it_later() -> None:
    table = SpanTable()
    table.apply(delta(rows_of((1, 30, 20, 120, 130), (2, 20, 10, 110, 140))))
    assert table.parent.tolist() == [1, -1]
    applied = table.apply(delta(rows_of((3, 10, 0, 100, 150))))
    assert applied.reparented.tolist() == [1]
    assert table.parent.tolist() == [1, 2, -1]
    assert table.depth.tolist() == [2, 1, 0]
    assert table.ancestors(0) == [1, 2]
    assert table.roots().tolist() == [2]


def test_children_are_listed_by_start() -> None:
    table = SpanTable()
    table.apply(delta(rows_of((1, 1, 0, 0, 99), (2, 2, 1, 50, 60), (3, 3, 1, 10, 20), (4, 4, 1, 30, 40))))
    assert table.children(0).tolist() == [2, 3, 1]


def test_a_cycle_of_parents_is_cut_and_nothing_hangs() -> None:
    table = SpanTable()
    table.apply(delta(rows_of((1, 1, 3, 0, 9), (2, 2, 1, 0, 9), (3, 3, 2, 0, 9), (4, 4, 4, 0, 9), (5, 5, 3, 0, 9))))
    assert sorted(table.depth.tolist())[:2] == [0, 0]
    assert all(len(table.ancestors(row)) < 5 for row in range(table.n))


def test_a_cycle_that_closes_with_a_later_delta_is_cut() -> None:
    table = SpanTable()
    table.apply(delta(rows_of((1, 1, 2, 0, 9))))
    table.apply(delta(rows_of((2, 2, 1, 0, 9))))
    assert (table.parent < 0).sum() == 1


def test_a_chain_of_100_000_does_not_take_quadratic_time() -> None:
    rows = np.zeros(100_000, SPAN_DTYPE)
    rows["key"] = rows["id64"] = np.arange(1, 100_001)
    rows["parent64"] = np.arange(100_000)
    table = SpanTable()
    table.apply(delta(rows))
    assert int(table.depth.max()) == 99_999


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 8))
def test_the_order_of_arrival_does_not_matter(seed: int, number: int, pages: int) -> None:
    rng = random.Random(seed)
    spans = [
        (key, key * 7, rng.choice([0, 0, *[k * 7 for k in range(1, key)]]), key, key + 5)
        for key in range(1, number + 1)
    ]
    whole = SpanTable()
    whole.apply(delta(rows_of(*spans)))
    shuffled = spans[:]
    rng.shuffle(shuffled)
    pieces = SpanTable()
    size = max(1, number // pages)
    for first in range(0, number, size):
        pieces.apply(delta(rows_of(*shuffled[first : first + size])))
    for key in range(1, number + 1):
        one, other = whole.row_of(key), pieces.row_of(key)
        parents = [int(t.key[t.parent[row]]) if t.parent[row] >= 0 else 0 for t, row in ((whole, one), (pieces, other))]
        assert parents[0] == parents[1]
        assert whole.depth[one] == pieces.depth[other]
    assert whole.origin == pieces.origin == 1


THREADS = {
    1: Track(1, "bot.py", "python 3.11 · pid 7 · MainThread", "p1"),
    2: Track(2, "ThreadPoolExecutor-0_0", "python 3.11 · pid 7 · ThreadPoolExecutor-0_0", "p1"),
    3: Track(3, "ThreadPoolExecutor-0_1", "python 3.11 · pid 7 · ThreadPoolExecutor-0_1", "p1"),
    4: Track(4, "orders.py", "node 20 · pid 9", "p2"),
}


def on_tracks(rows: NDArray[np.void], *tracks: int) -> SpanDelta:
    rows["track"] = tracks
    return SpanDelta(rows, {}, THREADS, 1)


def test_a_call_in_a_worker_thread_is_drawn_below_its_caller() -> None:
    table = SpanTable()
    table.apply(on_tracks(rows_of((1, 1, 0, 0, 9), (2, 2, 1, 1, 5), (3, 3, 2, 2, 4)), 1, 2, 3))
    assert table.strand.tolist() == [1, 1, 1]


def test_a_call_into_another_program_is_drawn_on_that_programs_track() -> None:
    table = SpanTable()
    table.apply(on_tracks(rows_of((1, 1, 0, 0, 9), (2, 2, 1, 1, 5), (3, 3, 2, 2, 4)), 1, 4, 4))
    assert table.strand.tolist() == [1, 4, 4]


def test_the_threads_of_a_pool_share_a_track_that_says_how_many_they_are() -> None:
    table = SpanTable()
    table.apply(on_tracks(rows_of((1, 1, 0, 0, 9), (2, 2, 0, 1, 5)), 2, 3))
    assert table.strand.tolist() == [2, 2]
    assert table.strands[2].label == "ThreadPoolExecutor-0"
    assert table.strands[2].detail == "python 3.11 · pid 7 · 2 threads"


def test_the_unnamed_tasks_of_a_program_share_a_track_that_bears_its_name() -> None:
    table = SpanTable()
    rows = rows_of((1, 1, 0, 0, 9), (2, 2, 0, 1, 5), (3, 3, 0, 2, 4))
    rows["track"] = (1, 2, 3)
    detail = "python 3.11 · pid 7 · MainThread · "
    tracks = {key: Track(key, f"answerer.py · Task-{key + 3}", f"{detail}Task-{key + 3}", "p1") for key in (1, 2)}
    table.apply(SpanDelta(rows, {}, {**tracks, 3: Track(3, "answerer.py · Task-4", f"{detail}Task-4", "p2")}, 1))
    assert table.strand.tolist() == [1, 1, 3]
    assert table.strands[1] == Track(1, "answerer.py", f"{detail}2 tasks", "p1")
    assert table.strands[3].detail == f"{detail}1 task"


def test_a_caller_that_is_known_only_later_takes_what_is_below_it_along() -> None:
    table = SpanTable()
    table.apply(on_tracks(rows_of((1, 3, 2, 2, 4), (2, 2, 1, 1, 5)), 3, 2))
    assert table.strand.tolist() == [2, 2]
    applied = table.apply(on_tracks(rows_of((3, 1, 0, 0, 9)), 1))
    assert table.strand.tolist() == [1, 1, 1]
    assert applied.changed.tolist() == [0, 1]


def test_an_empty_table_answers() -> None:
    table = SpanTable()
    assert table.row_of(1) == -1
    assert table.roots().tolist() == []
    assert len(table.depth) == 0


def test_ids_of_16_hex_digits_are_that_number_and_others_are_hashed() -> None:
    assert id64("00000000000000ff") == 255
    assert id64("ffffffffffffffff") == -1
    assert id64("0000000000000000") == 1
    assert id64("00000000000000FF") != 255
    assert -(2**63) <= id64("any id at all, in any script: ß") < 2**63


@pytest.mark.parametrize(
    ("text", "kind"),
    [("LLM", Kind.LLM), ("chat", Kind.LLM), ("Tool", Kind.TOOL), ("no such", Kind.OTHER), (None, Kind.OTHER)],
)
def test_kinds_are_known_by_the_names_others_use(text: object, kind: Kind) -> None:
    assert Kind.of(text) is kind


def test_a_table_that_grows_by_portions_holds_what_one_filled_at_once_does() -> None:
    chance, count = np.random.default_rng(3), 150_000  # more than fit where columns grow before they must
    rows = np.zeros(count, SPAN_DTYPE)
    rows["key"], rows["id64"] = np.arange(1, count + 1), chance.permutation(count) + 1
    rows["parent64"] = np.where(chance.random(count) < 0.3, rows["id64"][chance.integers(0, count, count)], 0)
    rows["start"], rows["end"], rows["track"] = chance.integers(0, 10**9, count), 2 * 10**9, 1
    table = SpanTable()
    for first in range(0, count, 5_000):
        table.apply(SpanDelta(rows[first : first + 5_000], {}, {}, first + 1))
        again = np.unique(chance.integers(0, first + 5_000, 200))
        rows["end"][again] += 1
        table.apply(SpanDelta(rows[again], {}, {}, first + 2))
    for name in SPAN_DTYPE.names or ():
        assert (getattr(table, name) == rows[name]).all(), name
    assert (table.rows_with_ids(rows["id64"]) == np.arange(count)).all()
