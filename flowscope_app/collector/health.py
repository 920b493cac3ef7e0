"""The collector's health as numbers: gathered in its loop, read from anywhere."""

from __future__ import annotations

import time
from typing import Any

import psutil

from flowscope_app.collector.handshakes import Handshakes
from flowscope_app.collector.lives import Lives
from flowscope_app.collector.pipeline import Pipeline
from flowscope_app.collector.pulse import Pulse
from flowscope_app.store import StoreWriter

REFRESH_S = 1.0


class HealthMeter:
    """Fills `figures` (by the names of `base.figures`) once a second.

    `figures` is a new dict each time and never changed afterwards: another thread may read it without a lock.
    """

    def __init__(
        self, writer: StoreWriter, pipeline: Pipeline, handshakes: Handshakes, lives: Lives, pulse: Pulse
    ) -> None:
        self._writer, self._pipeline, self._handshakes = writer, pipeline, handshakes
        self._lives, self._pulse = lives, pulse
        self._process = psutil.Process()
        self._started = time.monotonic()
        self._next = 0.0
        self._queue = 0
        self.figures: dict[str, Any] = {}
        self.refresh()

    def refresh(self, *, now: bool = False) -> None:
        """Measure again if a second has passed, or at once."""
        moment = time.monotonic()
        if moment < self._next and not now:
            return
        if moment >= self._next:
            self._pipeline.latencies.tick()
            self._queue = self._pipeline.most_queued()
            self._next = moment + REFRESH_S
        pipeline, counters = self._pipeline, self._pipeline.counters
        states = self._pulse.counts()
        self.figures = {
            "rate": round(pipeline.rate, 1),
            "lag_ms": None if pipeline.lag_ms is None else round(pipeline.lag_ms, 1),
            "commit_median_ms": _ms(pipeline.latencies.recent(0.5)),
            "commit_p99_ms": _ms(pipeline.latencies.recent(0.99)),
            "queue": max(self._queue, pipeline.queued),
            "messages_waiting_bytes": pipeline.limits.waiting_bytes,
            "messages_limited": counters.limited,
            "spans_stored": counters.stored,
            "spans_replaced": counters.replaced,
            "records_repeated": counters.repeated,
            "records_refused": counters.refused,
            "records_dropped": counters.dropped,
            "records_missing": counters.gaps,
            "connections_refused": self._handshakes.failed,
            "spans_abandoned": self._lives.abandoned,
            "producers": len(pipeline.producers),
            "producers_live": states.get("live", 0),
            "producers_slow": states.get("slow", 0),
            "producers_frozen": states.get("frozen", 0),
            "database_bytes": self._writer.size(),
            "memory_bytes": self._process.memory_info().rss,
            "writable": int(not pipeline.fault),
            "uptime_s": round(moment - self._started, 1),
        }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1e3, 2)
