"""What is known of each producer since the collector started: how much it sent, when, and how late it came."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flowscope.protocol import Header, is_provable
from flowscope_app.base.format import one_line

MAX_PRODUCERS = 1_000
"""Remembered, those heard last."""
SHOWN = 50

State = Literal["live", "slow", "frozen", "quiet", "gone"]
"""Of a program: it lives; lives, but what it sends waits long to be stored; stands still; was not heard for long, which
may mean nothing; has ended, or its connection has."""


@dataclass(slots=True)
class Known:
    """One producer. `last_ns` is when it last sent, by its own clock on this host and else by ours.

    `records` came of it, `again` of them had come before.
    """

    program: str
    pid: int
    host: str
    started_ns: int | None = None
    records: int = 0
    again: int = 0
    dropped: int = 0
    lag_ms: float | None = None  # None: it does not say when it sends, or its clock is another machine's
    last_ns: int = 0
    heard: float = 0.0
    pulse: State | None = None  # by its heartbeats, if it sends any
    beaten: float = 0.0
    queued: int = 0  # records that it has and that are not stored, by its last heartbeat


class Producers:
    """By id, in the order in which they were heard last. `states` is what `Lives` found of those with open spans."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self._host = socket.gethostname()
        self._known: dict[str, Known] = {}

    def __len__(self) -> int:
        return len(self._known)

    def committed(self, header: Header, records: int) -> float | None:
        """A batch of a producer is on the disk; returns how long that took since it was sent, in ms, if it can be told.

        Two machines' clocks differ by more than a batch takes: only a sender on this host is measured.
        """
        info = header.producer
        if info is None:
            return None
        now = time.time_ns()
        # Who uses an id that is provably another's must not be taken for that one.
        name = f"{info.id}~" if is_provable(info.id) and not info.proven else info.id
        known = self._known.pop(name, None)
        if known is None:
            known = Known(one_line(info.program, 80), info.pid, one_line(info.host, 80), info.started_ns)
        self._known[name] = known
        if len(self._known) > MAX_PRODUCERS:
            self._known.pop(next(iter(self._known)))
        known.records += records
        known.dropped = max(known.dropped, header.dropped)
        known.heard = time.monotonic()
        here = info.host == self._host and header.sent_ns is not None
        known.last_ns = min(now, header.sent_ns) if here and header.sent_ns is not None else now
        known.lag_ms = (now - known.last_ns) / 1e6 if here else None
        return known.lag_ms

    def repeated(self, again: Mapping[str, int]) -> None:
        """So many records of each producer were left out of that commit: they had been stored before."""
        for name, records in again.items():
            known = self._known.get(name)
            if known is not None:
                known.again += records

    def known(self, producer_id: str) -> Known | None:
        """What is known of a producer that was heard since the collector started."""
        return self._known.get(producer_id)

    def state(self, producer_id: str) -> State | None:
        """What has become of it, as far as that is known: that its process has ended tells more than any silence."""
        known = self._known.get(producer_id)
        looked = self.states.get(producer_id)
        if looked == "gone" or known is None or known.pulse is None:
            return looked
        return "frozen" if looked == "frozen" else known.pulse

    def records(self, producer_id: str) -> int:
        """Records that came of it since the collector started, those that came again too."""
        known = self._known.get(producer_id)
        return known.records if known else 0

    def last_ns(self, producer_id: str) -> int | None:
        """When it last sent; None if it was not heard since the collector started."""
        known = self._known.get(producer_id)
        return known.last_ns if known else None

    def silence(self, producer_id: str) -> float | None:
        """Seconds since a batch or heartbeat of it came; None if it was not heard since the collector started."""
        known = self._known.get(producer_id)
        return time.monotonic() - max(known.heard, known.beaten) if known else None

    def rows(self) -> list[dict[str, Any]]:
        """The 50 heard last, latest first, as the control channel tells them."""
        now = time.monotonic()
        latest = list(self._known.items())[: -SHOWN - 1 : -1]
        return [
            {
                "id": name,
                "program": known.program,
                "pid": known.pid,
                "host": known.host,
                "records": known.records - known.again,
                "dropped": known.dropped,
                "lag_ms": None if known.lag_ms is None else round(known.lag_ms, 1),
                "queued": known.queued,
                "silent_s": round(now - max(known.heard, known.beaten), 1),
                "state": self.state(name) or "",
            }
            for name, known in latest
        ]
