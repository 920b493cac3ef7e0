"""What hangs below some spans is found, whoever came first and wherever they hung before."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from flowscope_app.spans.tree import below
from flowscope_app.timeline.hung import Hung


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 120), st.sampled_from((2, 10, 100)))
def test_what_hangs_below_is_what_looking_through_all_finds(seed: int, count: int, shape: int) -> None:
    chance = np.random.default_rng(seed)
    place = chance.permutation(count)  # above is whoever has the lesser place, so that there are no circles

    def chosen(row: int) -> int:
        reach = max(0, place[row] - shape)
        lesser = np.flatnonzero((place < place[row]) & (place >= reach))
        return int(chance.choice(lesser)) if len(lesser) and chance.random() < 0.9 else -1

    wanted = np.array([chosen(row) for row in range(count)], np.int32)
    there = int(chance.integers(0, count + 1))
    up = np.full(count, -1, np.int32)
    up[:there] = np.where(wanted[:there] < there, wanted[:there], -1)
    hung = Hung(up[:there].copy())
    for _ in range(3):
        rows = np.unique(chance.integers(0, count, 1 + count // 2)).astype(np.int32)
        now = np.array([chosen(row) for row in rows.tolist()], np.int32)
        other = now != up[rows]
        up[rows] = now
        hung.add(rows[other], now[other], count)
        asked = np.unique(chance.integers(0, count, 1 + count // 10)).astype(np.int32)
        expected = np.union1d(below(up, asked), asked)
        assert np.union1d(hung.below(asked, up), asked).tolist() == expected.tolist()


def test_a_crowd_and_a_chain_below_one_span_are_found() -> None:
    count = 3_000
    crowd, chain = np.zeros(count, np.int32), np.arange(-1, count - 1, dtype=np.int32)
    crowd[0] = -1
    for up in (crowd, chain):
        hung = Hung(up[:0])
        hung.add(np.arange(count, dtype=np.int32), up, count)
        assert hung.below(np.array([0], np.int32), up).tolist() == list(range(1, count))
