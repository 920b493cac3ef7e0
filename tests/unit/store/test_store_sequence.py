"""A producer's numbers: each is wanted once, in whatever order and however often batches come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowscope_app.store.sequence import Sequence


def test_batches_in_order_leave_no_gap() -> None:
    sequence = Sequence()
    assert sequence.take(1, 10).wanted == [(1, 10)]
    assert sequence.take(11, 20).wanted == [(11, 20)]
    assert (sequence.watermark, sequence.gaps) == (20, [])


def test_a_replayed_batch_is_not_wanted() -> None:
    sequence = Sequence()
    sequence.take(1, 10)
    assert sequence.take(1, 10) == ([], None, 0)
    assert sequence.take(6, 12).wanted == [(11, 12)]


def test_a_jump_leaves_a_gap_that_a_late_batch_fills() -> None:
    sequence = Sequence()
    sequence.take(1, 5)
    taken = sequence.take(11, 15)
    assert taken.gap == (6, 10)
    assert sequence.missing == 5
    late = sequence.take(7, 8)
    assert (late.wanted, late.gap, late.filled) == ([(7, 8)], None, 2)
    assert sequence.gaps == [(6, 6), (9, 10)]


def test_what_may_be_acknowledged_ends_before_the_first_gap_that_may_still_be_filled() -> None:
    sequence = Sequence()
    assert sequence.settled(1) == 0
    sequence.take(11, 15)
    sequence.take(21, 30)
    assert sequence.settled(1) == 0
    assert sequence.settled(5) == 4, "1 to 4 are gone for good, 5 may still come"
    assert sequence.settled(11) == 15
    assert sequence.settled(21) == 30
    sequence.take(1, 10)
    assert sequence.settled(1) == 15
    sequence.take(16, 20)
    assert sequence.settled(1) == 30


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 20))))
def test_every_number_is_wanted_at_most_once_and_gaps_are_exactly_what_never_came(
    batches: list[tuple[int, int]],
) -> None:
    sequence = Sequence()
    stored: list[int] = []
    for first, count in batches:
        for start, end in sequence.take(first, first + count - 1).wanted:
            stored.extend(range(start, end + 1))
    sent = {number for first, count in batches for number in range(first, first + count)}
    assert sorted(stored) == sorted(sent)
    missing = {number for start, end in sequence.gaps for number in range(start, end + 1)}
    assert missing == set(range(1, sequence.watermark + 1)) - sent
    assert sequence.missing == len(missing)
