"""Whether the programs that have spans open are alive. What a dead one left open is given an end."""

from __future__ import annotations

import logging
import socket
import time

from flowscope_app.base.format import one_line
from flowscope_app.collector.processes import process_state
from flowscope_app.collector.producers import MAX_PRODUCERS, Producers, State
from flowscope_app.store import OpenProducer, StoreFault, StoreWriter

LOOK_S = 2.0
QUIET_S = 300.0
"""Silence of a program whose process can't be seen, with spans open, after which it is called quiet."""

logger = logging.getLogger("flowscope.collector")


class Lives:
    """Looks every two seconds at the producers that have pending spans.

    A producer of this host is dead when its process is gone and nothing came from it between two looks: what it had
    sent is read by then. One that is heard again after that has a process number that means nothing here (a
    container's): it is never judged by it again. Of other hosts' programs silence is said, and no more.
    """

    def __init__(self, writer: StoreWriter, producers: Producers) -> None:
        self._writer = writer
        self._producers = producers
        self._host = socket.gethostname()
        self._next = 0.0
        self._suspects: dict[str, int] = {}  # records heard of it when its process was found gone
        self._buried: dict[str, int] = {}
        self._foreign: set[str] = set()
        self.abandoned = 0  # spans, since the collector started

    def look(self, *, blocked: bool) -> None:
        """Look, if it is time. `blocked` says that nothing is read just now, so that silence means nothing."""
        now = time.monotonic()
        if blocked:
            self._suspects.clear()
        if now < self._next or blocked:
            return
        self._next = now + LOOK_S
        try:
            found = self._writer.open_producers()
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
            silence = self._producers.silence(producer.id)
            return "quiet" if silence is None or silence > QUIET_S else "live"
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
        self._bury(producer, heard)
        return "gone"

    def _bury(self, producer: OpenProducer, heard: int) -> None:
        self._buried[producer.id] = heard
        last, ended = self._producers.last_ns(producer.id), 0
        while more := self._writer.abandon(producer.id, last):
            ended += more
        self.abandoned += ended
        if ended:
            noun = "span" if ended == 1 else "spans"
            logger.warning(
                "%s (pid %d) ended with %d %s open", one_line(producer.program or "a program", 80),
                producer.pid, ended, noun,
            )  # fmt: skip
