"""What goes into the store; what comes out of it is in `spans.rows`, where the views may see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from flowscope.protocol import Header, Record
from flowscope_app.spans.rows import Health, Payload, ProducerRow, Report, SessionRow
from flowscope_app.store.entries import Entry

__all__ = ["Committed", "Entry", "Health", "Incoming", "Payload", "ProducerRow", "Report", "SessionRow"]


class Incoming(NamedTuple):
    """One message for the store: a header if it had one, its records in order, and reports about no one record.

    A record that was refused leaves a Report in its place, so that the records after it keep their numbers.
    """

    header: Header | None
    records: Sequence[Entry | Record | Report]
    reports: Sequence[Report] = ()


@dataclass(slots=True)
class Committed:
    """What one transaction did.

    Counts are of records: `stored` new ones, `replaced` known ones, `stale` pending ones of spans already
    finished, `repeated` ones below their producer's watermark, `again` the same by producer id. `watermarks` is, by
    producer id, the number up to which everything is consumed: what may be acknowledged.
    """

    stored: int = 0
    replaced: int = 0
    stale: int = 0
    repeated: int = 0
    refused: int = 0
    dropped: int = 0
    missing: int = 0
    filled: int = 0
    watermarks: dict[str, int] = field(default_factory=dict)
    again: dict[str, int] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
