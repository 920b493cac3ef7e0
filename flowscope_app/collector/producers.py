"""What is known of each producer since the collector started: how much it sent, when, and how late it came."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import Any, Literal

from flowscope.protocol import Header
from flowscope_app.base.format import one_line

MAX_PRODUCERS = 1_000
"""Remembered, those heard last."""
SHOWN = 50

State = Literal["alive", "stopped", "quiet", "gone"]


@dataclass(slots=True)
class Known:
    """One producer. `last_ns` is when it last sent, by its own clock on this host and else by ours."""

    program: str
    pid: int
    host: str
    records: int = 0
    dropped: int = 0
    lag_ms: float | None = None  # None: it does not say when it sends, or its clock is another machine's
    last_ns: int = 0
    heard: float = 0.0


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
        known = self._known.pop(info.id, None) or Known(one_line(info.program, 80), info.pid, one_line(info.host, 80))
        self._known[info.id] = known
        if len(self._known) > MAX_PRODUCERS:
            self._known.pop(next(iter(self._known)))
        known.records += records
        known.dropped = max(known.dropped, header.dropped)
        known.heard = time.monotonic()
        here = info.host == self._host and header.sent_ns is not None
        known.last_ns = min(now, header.sent_ns) if here and header.sent_ns is not None else now
        known.lag_ms = (now - known.last_ns) / 1e6 if here else None
        return known.lag_ms

    def records(self, producer_id: str) -> int:
        """Records stored of it since the collector started."""
        known = self._known.get(producer_id)
        return known.records if known else 0

    def last_ns(self, producer_id: str) -> int | None:
        """When it last sent; None if it was not heard since the collector started."""
        known = self._known.get(producer_id)
        return known.last_ns if known else None

    def silence(self, producer_id: str) -> float | None:
        """Seconds since it was last heard; None if it was not heard since the collector started."""
        known = self._known.get(producer_id)
        return time.monotonic() - known.heard if known else None

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
                "records": known.records,
                "dropped": known.dropped,
                "lag_ms": None if known.lag_ms is None else round(known.lag_ms, 1),
                "silent_s": round(now - known.heard, 1),
                "state": self.states.get(name, ""),
            }
            for name, known in latest
        ]
