"""What has become of a process of this machine."""

from __future__ import annotations

import psutil

from flowscope_app.collector.producers import State

REUSED_S = 10.0
"""A process that began so much later than the producer is another one under the same number."""


def process_state(pid: int, started_ns: int | None) -> State:
    """What has become of a process of this machine that sent spans, and says it began at `started_ns` (epoch)."""
    try:
        process = psutil.Process(pid)
        status = process.status()
        if status in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return "gone"
        if started_ns is not None and process.create_time() > started_ns / 1e9 + REUSED_S:
            return "gone"
        return "frozen" if status in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP) else "live"
    except psutil.NoSuchProcess:
        return "gone"
    except psutil.Error:
        return "live"
