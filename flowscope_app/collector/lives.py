"""Whether the programs that have spans open are alive. What a dead one left open is given an end."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable

from flowscope.protocol import is_provable
from flowscope_app.base.format import one_line
from flowscope_app.collector.processes import process_state
from flowscope_app.collector.producers import MAX_PRODUCERS, Producers, State
from flowscope_app.store import OpenProducer, StoreFault, StoreWriter
from flowscope_app.store.abandon import REASON, UNHEARD

LOOK_S = 2.0
QUIET_S = 300.0
"""Silence of a program whose process can't be seen, with spans open, after which it is called quiet."""
AWAY_S = 300.0
"""Seconds without a heartbeat and with no connection, after which such a program is given up for dead if it sends
heartbeats. Who comes back in time only lost its network for a while."""
UNHEARD_S = 86_400.0
"""The same if it sends none: no span of its session for a day. A long call in a small client looks no different."""

logger = logging.getLogger("flowscope.collector")


class Lives:
    """Looks every two seconds at the producers that have pending spans.

    A producer of this host is dead when its process is gone and nothing came from it between two looks: what it had
    sent is read by then. One that is heard again after that has a process number that means nothing here (a
    container's): it is judged like those of other hosts, whose silence alone is known. `reaches` says whether a
    producer's control connection is open: then it lives, however silent it is.

    Nobody is judged for good: the real end of a span replaces the one that it is given here.
    """

    def __init__(self, writer: StoreWriter, producers: Producers, reaches: Callable[[str], bool]) -> None:
        self._writer = writer
        self._producers = producers
        self._reaches = reaches
        self._host = socket.gethostname()
        self._next = 0.0
        self._found: dict[str, float] = {}  # when a producer was first found to have spans open
        self._suspects: dict[str, int] = {}  # records heard of it when its process was found gone
        self._buried: dict[str, int] = {}
        self._foreign: set[str] = set()
        self.abandoned = 0  # spans, since the collector started

    def look(self, *, blocked: bool) -> None:
        """Look, if it is time. `blocked` says that nothing is read just now, so that silence means nothing."""
        now = time.monotonic()
        if blocked:
            self._suspects.clear()
            self._found.clear()
        if now < self._next or blocked:
            return
        self._next = now + LOOK_S
        try:
            found = self._writer.open_producers()
            self._found = {producer.id: self._found.get(producer.id, now) for producer in found}
            states = {producer.id: self._judge(producer) for producer in found}
        except StoreFault as error:
            logger.debug("not looked for abandoned spans now: %s", error)
            return
        self._producers.states = states
        self._suspects = {name: count for name, count in self._suspects.items() if name in states}
        if len(self._buried) > MAX_PRODUCERS:
            self._buried.pop(next(iter(self._buried)))

    def _judge(self, producer: OpenProducer) -> State:
        if producer.host != self._host or not producer.pid or producer.id in self._foreign:
            return self._judge_far(producer)
        life = process_state(producer.pid, producer.started_ns)
        if life != "gone":
            self._suspects.pop(producer.id, None)
            return life
        heard = self._producers.records(producer.id)
        if producer.id in self._buried and self._buried[producer.id] != heard:
            self._foreign.add(producer.id)
            return "live"
        if self._suspects.get(producer.id) != heard:
            self._suspects[producer.id] = heard
            return "live"
        self._bury(producer, REASON)
        return "gone"

    def _judge_far(self, producer: OpenProducer) -> State:
        """Of a producer whose process can't be seen."""
        silence = self._producers.silence(producer.id)
        if self._is_away(producer, silence) and not self._reaches(producer.id):
            self._bury(producer, UNHEARD)
            return "gone"
        return "quiet" if silence is None or silence > QUIET_S else "live"

    def _is_away(self, producer: OpenProducer, silence: float | None) -> bool:
        """Whether it has been silent for so long that it is no longer waited for."""
        known_for = time.monotonic() - self._found[producer.id]
        if known_for <= AWAY_S:
            return False
        known = self._producers.known(producer.id)
        if known is not None and known.pulse is not None:
            return silence is not None and silence > AWAY_S
        if known is None and is_provable(producer.id):
            return True  # it would have said hello by now: who has such an id tries to every few seconds
        return time.time_ns() - producer.last_ns > UNHEARD_S * 1e9

    def _bury(self, producer: OpenProducer, reason: str) -> None:
        self._buried[producer.id] = self._producers.records(producer.id)
        last, ended = self._producers.last_ns(producer.id), 0
        while more := self._writer.abandon(producer.id, last, reason):
            ended += more
        self.abandoned += ended
        if ended:
            noun = "span" if ended == 1 else "spans"
            what = "ended" if reason == REASON else "was not heard any more,"
            logger.warning("%s %s with %d %s open", _name(producer, self._host), what, ended, noun)


def _name(producer: OpenProducer, here: str) -> str:
    """Which program it is, as far as it said."""
    name = one_line(producer.program or "a program", 80)
    number = f"pid {producer.pid}" if producer.pid else ""
    place = f"on {one_line(producer.host, 80)}" if producer.host not in ("", here) else ""
    where = " ".join(filter(None, (number, place)))
    return f"{name} ({where})" if where else name
