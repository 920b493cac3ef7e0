"""The sender's window against a model of wire and collector: whatever is lost, nothing is lost."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from flowscope._window import MAX_PATIENCE, PATIENCE, Window
from flowscope_app.store.sequence import Sequence


def held(window: Window) -> list[int]:
    """What goes out from the first to the last, as after a loss."""
    window.rewind()
    found = []
    while (batch := window.due()) is not None:
        found += range(batch.seq, batch.last + 1)
        window.sent(0.0)
    return found


def filled(*counts: int) -> Window:
    window = Window()
    for count in counts:
        window.add(count, [b"x" * 10], 0.0)
        window.sent(0.0)
    return window


def test_what_is_acknowledged_is_forgotten_and_no_batch_by_half() -> None:
    window = filled(5, 5, 5)
    window.acknowledged(7, "a", 0.0)
    assert (window.first, window.next, window.size) == (6, 16, 20)
    assert held(window) == list(range(6, 16))
    window.acknowledged(15, "a", 0.0)
    assert window.empty and window.size == 0 and window.first == 16


def test_another_epoch_has_all_sent_again_that_is_not_stored() -> None:
    window = filled(5, 5, 5)
    window.acknowledged(5, "a", 0.0)
    assert window.due() is None
    window.acknowledged(5, "b", 0.0)
    due = window.due()
    assert due is not None and due.seq == 6


def test_a_stall_asks_ever_less_often_and_an_answer_without_progress_sends_again() -> None:
    window = filled(5)
    assert not window.stalled(PATIENCE * 0.9)
    assert window.stalled(PATIENCE) and not window.stalled(PATIENCE * 2.9)
    assert window.stalled(PATIENCE * 3)
    now = PATIENCE * 3
    asked = 0
    while now < 600:
        now += 1.0
        asked += window.stalled(now)
    assert 600 / MAX_PATIENCE - 5 < asked < 600 / MAX_PATIENCE + 5
    assert window.due() is None
    window.answered()
    assert window.due() is not None


def test_what_is_sent_again_to_a_collector_that_can_not_write_is_sent_ever_less_often() -> None:
    window = filled(5)
    times, now = 0, 0.0
    while now < 600:
        now += 1.0
        if window.stalled(now):
            window.answered()
        times += window.due() is not None
        while window.due():
            window.sent(now)
    assert times < 600 / MAX_PATIENCE + 5
    window.acknowledged(1, "a", now)
    assert window.stalled(now + PATIENCE), "once it gets on, it is asked as soon as at first"


def test_an_answer_that_brings_progress_sends_nothing_again() -> None:
    window = filled(5, 5)
    assert window.stalled(PATIENCE)
    window.acknowledged(5, "a", PATIENCE)
    window.answered()
    assert window.due() is None


def test_where_nobody_acknowledges_only_what_was_not_sent_is_kept() -> None:
    window = filled(5, 5)
    window.add(5, [b"x"], 0.0)
    window.forget_sent()
    assert (window.first, window.size, window.in_flight) == (11, 1, False)


class Delivery(RuleBasedStateMachine):
    """One producer, one collector that may die between any two steps, a wire that loses, repeats and reorders."""

    LIMIT: ClassVar[int] = 6

    @initialize()
    def begin(self) -> None:
        self.window = Window()
        self.now = 0.0
        self.emitted = 0
        self.dropped = 0
        self.wire: list[tuple[int, int]] = []
        self.read: list[tuple[int, int]] = []  # by the collector, not committed
        self.stored: Counter[int] = Counter()  # on the disk, as is the sequence
        self.sequence = Sequence()
        self.epoch = 0
        self.first: int | None = 1  # what the last hello to this collector said
        self.acks: list[tuple[int, str]] = []

    @rule(count=st.integers(1, 5), at_once=st.booleans())
    def make(self, count: int, at_once: bool) -> None:
        self.emitted += count
        if self.window.size >= self.LIMIT:
            self.dropped += count
        else:
            self.window.add(count, [b"x"], 0.0)
            if at_once:
                self.send()

    @rule()
    def send(self) -> None:
        batch = self.window.due()
        if batch is not None:
            self.wire.append((batch.seq, batch.last))
            self.window.sent(self.now)

    @precondition(lambda self: self.wire)
    @rule(data=st.data())
    def arrive(self, data: st.DataObject) -> None:
        self.read.append(self.wire.pop(data.draw(st.integers(0, len(self.wire) - 1))))

    @rule(heard=st.booleans())
    def commit(self, heard: bool) -> None:
        for first, last in self.read:
            for start, end in self.sequence.take(first, last).wanted:
                self.stored.update(range(start, end + 1))
        self.read.clear()
        if self.first is not None:
            self.acks.append((self.sequence.settled(self.first), str(self.epoch)))
            if heard:
                self.window.acknowledged(*self.acks.pop(), self.now)

    @precondition(lambda self: self.acks)
    @rule(data=st.data(), lost=st.booleans())
    def acknowledge(self, data: st.DataObject, lost: bool) -> None:
        ack = self.acks.pop(data.draw(st.integers(0, len(self.acks) - 1)))
        if not lost:
            self.window.acknowledged(*ack, self.now)

    @rule(noticed=st.booleans(), greeted=st.booleans())
    def collector_dies(self, noticed: bool, greeted: bool) -> None:
        self.read.clear()
        self.wire.clear()
        self.epoch += 1
        self.first = None
        if noticed:
            self.window.rewind()
        if greeted:
            self.hello()

    @precondition(lambda self: self.wire)
    @rule(data=st.data())
    def connection_breaks(self, data: st.DataObject) -> None:
        del self.wire[data.draw(st.integers(0, len(self.wire) - 1)) :]
        self.window.rewind()

    @rule()
    def hello(self) -> None:
        self.first = self.window.first
        self.window.acknowledged(self.sequence.settled(self.first), str(self.epoch), self.now)
        self.window.answered()

    @rule(seconds=st.floats(0.1, 60.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        if self.window.stalled(self.now):
            self.hello()

    @invariant()
    def nothing_is_lost_or_stored_twice(self) -> None:
        assert self.emitted == self.window.next - 1 + self.dropped
        assert set(self.stored.values()) <= {1}
        assert all(self.stored[number] for number in range(1, self.window.first))

    def teardown(self) -> None:
        """A collector that lives and answers gets everything in the end."""
        for _ in range(4):
            self.now += MAX_PATIENCE * 2
            while self.window.due() is not None:
                self.send()
            self.read += self.wire
            self.wire.clear()
            self.commit(heard=True)
            self.time_passes(MAX_PATIENCE * 2)
        assert self.window.empty
        assert len(self.stored) + self.dropped == self.emitted
        assert not self.sequence.gaps


Delivery.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestDelivery = Delivery.TestCase
