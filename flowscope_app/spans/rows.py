"""What the store tells the window, besides spans: sessions, payloads, producers, reports, health."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_MADE_ID = re.compile(r"(.+)-\d{8}-\d{6}-[0-9a-f]{4}", re.DOTALL)  # "<program>-<YYYYmmdd-HHMMSS>-<4 hex digits>"

# A session is shown as live while spans are pending, or shortly after its last commit; a pending span of a
# program that died without a word does not keep it so for ever.
_LIVE_AFTER_COMMIT_NS = 5_000_000_000
_LIVE_WITH_PENDING_NS = 600_000_000_000


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session with its totals, kept by the store as spans arrive."""

    key: int
    id: str
    name: str
    spans: int = 0
    errors: int = 0
    pending: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    start_ns: int | None = None
    end_ns: int | None = None
    last_ns: int = 0  # wall clock of the last commit
    programs: tuple[str, ...] = ()
    frameworks: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    pinned: bool = False  # retention leaves it alone
    abandoned: int = 0  # spans that their program left open when it died

    @property
    def title(self) -> str:
        """What a person calls it: its name, else its id without the time and the tail that make it unlike others."""
        if self.name:
            return self.name
        made = _MADE_ID.fullmatch(self.id)
        return made[1] if made else self.id

    def live(self, now_ns: int) -> bool:
        """Whether spans are likely still to come, `now_ns` being the wall clock."""
        quiet = now_ns - self.last_ns
        return quiet < (_LIVE_WITH_PENDING_NS if self.pending else _LIVE_AFTER_COMMIT_NS)


@dataclass(frozen=True, slots=True)
class Payload:
    """What a span holds besides its structure; `input` and `output` are JSON."""

    span_id: str
    parent_id: str | None
    input: bytes | None
    output: bytes | None
    metadata: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ProducerRow:
    """A process that sent spans; `missing` counts the records in its gaps, `dropped` what it says it dropped."""

    key: int
    id: str
    program: str
    pid: int | None
    host: str
    language: str
    runtime: str
    sdk: str
    started_ns: int | None
    watermark: int
    dropped: int
    missing: int


@dataclass(frozen=True, slots=True)
class Report:
    """What did not get in: `count` records, why, and whose.

    `kind` is refused, dropped, gap, filled, connection, limited (sent too fast, so it waits) or claimed (a
    producer's id used by another process).
    In a batch's records a Report stands in the place of a record that was refused.
    """

    kind: str
    detail: str  # one line, untrusted
    count: int = 1
    session: str = ""
    producer: str = ""
    time_ns: int = 0
    key: int = 0


@dataclass(frozen=True, slots=True)
class Health:
    """Totals of the whole database; `gaps` counts records that are missing now."""

    spans: int
    refused: int
    dropped: int
    gaps: int
    db_bytes: int
