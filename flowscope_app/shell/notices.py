"""What the banner says for as long as it is so: collector down, database not writable, spans lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject

from flowscope_app.base import format as fmt
from flowscope_app.qtmodels.queries import Queries
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.shell.banner import Banner
from flowscope_app.shell.link import CollectorLink
from flowscope_app.spans.rows import ProducerRow

Act = Callable[[], object]


@dataclass(frozen=True)
class Acts:
    """What the banner's button does, by what it says."""

    doctor: Act
    health: Act
    log: Act


class Notices(QObject):
    """Says the most pressing of them; another message of the banner stays until one of them changes."""

    def __init__(
        self, banner: Banner, state: ViewState, queries: Queries, link: CollectorLink, acts: Acts, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._banner, self._state, self._queries, self._link, self._acts = banner, state, queries, link, acts
        self._lost = ""
        self._said = ""
        link.changed.connect(self._look)
        state.session_changed.connect(self._changed_session)

    def _changed_session(self) -> None:
        self._lost = ""
        self._look()

    def _look(self) -> None:
        self._tell()
        session = self._state.session
        if session is not None:
            key = session.key
            self._queries.run(lambda reader: (key, reader.producers(key)), self._take, slot="losses")

    def _take(self, found: tuple[int, list[ProducerRow]]) -> None:
        key, producers = found
        if self._state.session is not None and self._state.session.key == key:
            self._lost = lost_text(sum(row.missing for row in producers), sum(row.dropped for row in producers))
            self._tell()

    def _tell(self) -> None:
        text, button, act = self._most_pressing()
        if text != self._said or (text and not self._banner.text()):  # another message has come and gone
            self._said = text
            self._banner.say(text, button, act)

    def _most_pressing(self) -> tuple[str, str, Act | None]:
        if self._link.problem:
            return self._link.problem, "Doctor", self._acts.doctor
        stuck = fault_text(self._link.status, self._link.db)
        if stuck:
            return stuck, "Health", self._acts.health
        return self._lost, "Log" if self._lost else "", self._acts.log if self._lost else None


def fault_text(status: dict[str, Any], db: str = "") -> str:
    """What to say while the database takes no writes, its folder left out: that is long. "" while it does."""
    fault = status.get("fault")
    if not isinstance(fault, str) or not fault:
        return ""
    folder = str(Path(db).parent / "_")[:-1]
    return f"Nothing is recorded just now. {fault.removeprefix(folder)}. Programs keep what they send meanwhile."


def lost_text(missing: int, dropped: int) -> str:
    """What to say of spans that the session shown does not have; "" if it has all."""
    parts = []
    if missing:
        parts.append(f"{_spans(missing)} missing here: sent, but never received, as when a collector is killed.")
    if dropped:
        parts.append(
            f"{_spans(dropped)} dropped by {'its' if dropped == 1 else 'their'} program, whose buffer was full:"
            " FLOWSCOPE_BUFFER makes it larger."
        )
    return " ".join(parts)


def _spans(number: int) -> str:
    return "1 span" if number == 1 else f"{fmt.count(number)} spans"
