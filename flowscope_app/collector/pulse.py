"""Heartbeats: whether a program lives, is slow, stands still, or has gone, wherever it runs."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flowscope_app.collector.processes import process_state
from flowscope_app.collector.producers import MAX_PRODUCERS, Producers, State

LOOK_S = 1.0
LATE_S = 3.0
"""Seconds without a heartbeat, which are sent every two, after which the program is looked at more closely."""
FROZEN_S = 7.0
"""The same after which it is called frozen if its connection is there: three were missed."""
SLOW_S = 2.0
"""Seconds that a batch may wait to be stored before its program is called slow."""
OWN_PAUSE_S = 3.0
"""A longer time between two looks is this process's own: nobody's heartbeats were read in it."""


@dataclass(frozen=True, slots=True)
class Beat:
    """What a heartbeat says: counts of records, and milliseconds that the oldest one not stored yet has waited."""

    sent: int = 0
    unacknowledged: int = 0
    queued: int = 0
    dropped: int = 0
    waiting_ms: int = 0


def beat_of(message: Mapping[str, Any]) -> Beat:
    """The counts in a heartbeat; what is no count is 0."""
    return Beat(*(_count(message.get(name)) for name in Beat.__slots__))


def _count(value: object) -> int:
    return value if type(value) is int and 0 <= value < 2**53 else 0


@dataclass(slots=True)
class _Heart:
    beat: Beat
    at: float  # monotonic
    state: State = "live"


class Pulse:
    """Keeps the last heartbeat of each producer and judges it once a second.

    `reaches` says whether a producer's control connection is still open. A process of this host that is stopped is
    called frozen at once; of any other only its silence is known.
    """

    def __init__(self, producers: Producers, reaches: Callable[[str], bool]) -> None:
        self._producers = producers
        self._reaches = reaches
        self._host = socket.gethostname()
        self._hearts: dict[str, _Heart] = {}
        self._looked = time.monotonic()

    def greeted(self, producer: str) -> None:
        """It has said hello: whatever it was, it lives now. Without a first heartbeat nothing is expected of it."""
        heart = self._hearts.get(producer)
        if heart is not None:
            heart.at = time.monotonic()

    def heard(self, producer: str, beat: Beat) -> None:
        """A heartbeat has come, from the producer itself."""
        self._hearts.pop(producer, None)
        if len(self._hearts) >= MAX_PRODUCERS:
            self._hearts.pop(next(iter(self._hearts)))
        heart = self._hearts[producer] = _Heart(beat, time.monotonic())
        heart.state = "slow" if beat.waiting_ms > SLOW_S * 1000 else "live"
        self._tell(producer, heart)

    def look(self) -> None:
        """Judge those of whom nothing was heard, if it is time."""
        now = time.monotonic()
        since = now - self._looked
        if since < LOOK_S:
            return
        self._looked = now
        for producer, heart in self._hearts.items():
            if since > OWN_PAUSE_S:
                heart.at = now
            elif now - heart.at > LATE_S and heart.state != "gone":
                heart.state = self._judge(producer, heart, now - heart.at)
                self._tell(producer, heart)

    def counts(self) -> dict[State, int]:
        """How many producers are in each state, of those whose heart was heard."""
        found: dict[State, int] = {}
        for heart in self._hearts.values():
            found[heart.state] = found.get(heart.state, 0) + 1
        return found

    def _judge(self, producer: str, heart: _Heart, silence: float) -> State:
        if not self._reaches(producer):
            return "gone"
        known = self._producers.known(producer)
        if known is not None and known.host == self._host and known.pid:
            process = process_state(known.pid, known.started_ns)
            if process == "frozen":
                return process
        return "frozen" if silence > FROZEN_S else heart.state

    def _tell(self, producer: str, heart: _Heart) -> None:
        known = self._producers.known(producer)
        if known is not None:
            known.pulse = heart.state
            known.queued = heart.beat.queued + heart.beat.unacknowledged
            known.dropped = max(known.dropped, heart.beat.dropped)
            known.beaten = heart.at
