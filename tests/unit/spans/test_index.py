"""Finding rows by number, in columns that grow by whatever arrives; what lies below a row."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from flowscope_app.spans.index import HashIndex, KeyIndex, Orphans
from flowscope_app.spans.tree import below, break_cycles, depths

NUMBERS = st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, max_size=200)


@settings(max_examples=60, deadline=None)
@given(NUMBERS, st.integers(0, 200), st.integers(0, 200), st.booleans())
def test_what_was_put_in_is_found_and_nothing_else(numbers: list[int], cut: int, kept: int, ascending: bool) -> None:
    numbers, strangers = numbers[:kept], numbers[kept:]
    column = np.array(sorted(numbers) if ascending else numbers, np.int64)
    for index in (HashIndex(), KeyIndex()):
        index.extend(column[:cut])
        index.extend(column)
        assert index.find(column).tolist() == list(range(len(column)))
        assert index.find(np.array(strangers, np.int64)).tolist() == [-1] * len(strangers)


def test_a_hundred_thousand_numbers_that_step_evenly_are_found() -> None:
    index = HashIndex()
    column = np.arange(0, 100_000 << 32, 1 << 32, dtype=np.int64)
    for end in (1_000, 40_000, 100_000):
        index.extend(column[:end])
    assert (index.find(column) == np.arange(100_000)).all()
    assert (index.find(column + 1) == -1).all()


def test_numbers_that_come_in_portions_of_any_size_are_found_at_any_time() -> None:
    chance = np.random.default_rng(5)
    column = chance.integers(-(2**63), 2**63 - 1, 60_000)
    index, end = HashIndex(), 0
    while end < len(column):
        end = min(len(column), end + int(chance.choice([1, 30, 500, 4_000])))
        index.extend(column[:end])
        asked = chance.integers(0, len(column), 50)
        assert index.find(column[asked]).tolist() == np.where(asked < end, asked, -1).tolist()
    assert (index.find(column) == np.arange(len(column))).all()
    index.rest()
    assert (index.find(column) == np.arange(len(column))).all()


def test_children_wait_for_their_parent_until_it_comes_and_no_longer() -> None:
    orphans = Orphans()
    for first in range(0, 20_000, 1_000):  # more than are looked through one by one
        rows = np.arange(first, first + 1_000, dtype=np.int32)
        orphans.add((rows // 10).astype(np.int64), rows)
    assert orphans.claim(np.array([3, 1_999, 5_000], np.int64)).tolist() == [*range(30, 40), *range(19_990, 20_000)]
    assert orphans.claim(np.array([3, 1_999], np.int64)).tolist() == []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 150))
def test_what_lies_below_is_what_has_it_above(seed: int, count: int) -> None:
    chance = np.random.default_rng(seed)
    deep = chance.random() < 0.5
    parent = np.array([chance.integers(-1 if not deep else max(-1, row - 2), row) for row in range(count)], np.int32)
    rows = np.unique(chance.integers(0, count, 3)).astype(np.int32)
    found = set(below(parent, rows).tolist())
    for row in range(count):
        at, above = int(parent[row]), set[int]()
        while at >= 0:
            above.add(at)
            at = int(parent[at])
        assert (row in found) == (bool(above & set(rows.tolist())) and row not in rows)


def test_a_chain_far_deeper_than_any_program_neither_hangs_nor_is_taken_for_a_cycle() -> None:
    parent = np.arange(-1, 99_999, dtype=np.int32)
    assert len(below(parent, np.array([5], np.int32))) == 99_994
    break_cycles(parent, np.array([99_999], np.int32), 100_000)
    assert int(depths(parent)[-1]) == 99_999
    parent[0] = 99_999
    break_cycles(parent, np.array([0], np.int32), 100_000)
    assert (parent < 0).sum() == 1
