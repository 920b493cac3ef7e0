"""The figures of the collector's own health, defined once: what they are called, counted in, and mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flowscope_app.base import format as fmt

Unit = Literal["", "bytes", "ms", "s", "per_second"]
Sort = Literal["counter", "gauge"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `name` is its member in the collector's status; `bad` says that more than 0 is to be looked at."""

    name: str
    label: str
    sort: Sort
    unit: Unit
    help: str
    bad: bool = False

    @property
    def metric(self) -> str:
        """Its Prometheus name, as that community writes them: base units, counters ending in _total."""
        base = {"bytes": "_bytes", "ms": "_seconds", "s": "_seconds", "per_second": "_per_second"}.get(self.unit, "")
        stem = self.name.removesuffix("_bytes").removesuffix("_ms").removesuffix("_s")
        plain = {"rate": "spans_committed", "queue": "queue_records"}.get(stem, stem)
        return f"flowscope_{plain}{base}" + ("_total" if self.sort == "counter" else "")

    def base(self, value: float) -> float:
        """A value in Prometheus' base unit."""
        return value / 1_000 if self.unit == "ms" else value

    def text(self, value: Any) -> str:
        """A value as a person reads it; "–" where it is not known."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "–"
        if self.unit == "bytes":
            return fmt.size(int(value))
        if self.unit in ("ms", "s"):
            return fmt.duration(int(value * (1e6 if self.unit == "ms" else 1e9)))
        return f"{fmt.rate(value)} /s" if self.unit == "per_second" else fmt.count(round(value))


FIGURES: tuple[Figure, ...] = (
    Figure("rate", "Spans a second", "gauge", "per_second", "Records committed a second, over the last five seconds."),
    Figure(
        "lag_ms", "Lag", "gauge", "ms",
        "From when a program on this host sent a batch to its commit, of the slowest batch in the last commit."
        " Other machines' clocks differ by more, so their programs are not measured.",
    ),
    Figure(
        "commit_median_ms", "Commit, median", "gauge", "ms",
        "From when a batch is to be written to its commit, waiting for the database included: half of the last minute's"
        " took no longer.",
    ),
    Figure("commit_p99_ms", "Commit, 99 %", "gauge", "ms", "The same, of 99 % of the last minute's batches."),
    Figure("queue", "Queue", "gauge", "", "Records read and not committed yet, the most at once of the last second."),
    Figure("messages_waiting_bytes", "Waiting their turn", "gauge", "bytes", "Messages of programs over their rate."),
    Figure("messages_limited", "Slowed down", "counter", "", "Messages that waited: their program was over its rate."),
    Figure("spans_stored", "Spans stored", "counter", "", "New spans committed since the collector started."),
    Figure("spans_replaced", "Spans updated", "counter", "", "Records that replaced a span known already."),
    Figure("records_repeated", "Sent again", "counter", "", "Records that had been stored before, and were left out."),
    Figure("records_refused", "Refused", "counter", "", "Records that could not be taken; the log says why.", bad=True),
    Figure("records_dropped", "Dropped by programs", "counter", "", "Records that programs gave up.", bad=True),
    Figure("records_missing", "Missing", "gauge", "", "Numbered records that never came, so far.", bad=True),
    Figure("connections_refused", "Connections refused", "counter", "", "Connections without ZeroMQ 3.", bad=True),
    Figure("spans_abandoned", "Abandoned", "counter", "", "Spans ended because their program died."),
    Figure("producers", "Programs heard", "gauge", "", "Programs heard since the collector started, at most 1,000."),
    Figure("producers_live", "Programs live", "gauge", "", "Programs whose heartbeats come, their spans stored."),
    Figure("producers_slow", "Programs slow", "gauge", "", "Programs that live and wait over 2 s for what they sent."),
    Figure(
        "producers_frozen", "Programs frozen", "gauge", "",
        "Programs that are connected and have not shown for 7 s that they live, or whose process is stopped.", bad=True,
    ),
    Figure("database_bytes", "Database", "gauge", "bytes", "The database file with its write-ahead log."),
    Figure("memory_bytes", "Memory", "gauge", "bytes", "Resident memory of the collector's process."),
    Figure("writable", "Takes writes", "gauge", "", "1, or 0 while the database takes no writes."),
    Figure("uptime_s", "Up for", "gauge", "s", "Seconds since the collector started."),
)  # fmt: skip


def known(status: Mapping[str, Any]) -> Iterator[tuple[Figure, Any]]:
    """Each figure with what a collector's status says of it, None where that is nothing."""
    health = status.get("health")
    for figure in FIGURES:
        yield figure, health.get(figure.name) if isinstance(health, Mapping) else None
