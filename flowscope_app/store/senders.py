"""Who sent a record that came without a header: whom it names, else somebody of its language and framework."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flowscope.protocol import ProducerInfo
from flowscope_app.store.catalogue import ANONYMOUS
from flowscope_app.store.entries import NAMED, Entry, naming, without_producer

MAX_NAMED = 256

Sender = tuple[str, int, str]
"""Id, pid (0: not known) and language."""


class Senders:
    """Numbers those that records name, from 0. `found` holds each once."""

    def __init__(self) -> None:
        self.found: list[Sender] = []
        self._numbers: dict[tuple[object, ...], int] = {}

    def numbers(self, entries: Iterable[Entry]) -> list[int]:
        """Whose records are. The name that said so is taken out of their metadata."""
        numbers: list[int] = []
        number, name, process, member = 0, None, None, b""  # a file's records are of few producers, and stand together
        for entry in entries:
            said = entry.said
            named = said.producer
            if not named or named != name or said.pid != process:
                number, named = self._look_up(entry, named, said.pid)
                name = named if named == self.found[number][0] else None
                process = said.pid
                member = naming(name) if name else b""
            metadata = entry.metadata
            if name and metadata:
                bare = metadata[: -len(member)] + b"}"
                plain = metadata.endswith(member) and NAMED not in bare  # as an export has it
                entry.metadata = bare if plain else without_producer(metadata, name)
            numbers.append(number)
        return numbers

    def _look_up(self, entry: Entry, named: Any, pid: Any) -> tuple[int, Any]:
        """The number, and the name that was given: None where that can't be one."""
        place = (named, pid) if named else (pid, entry.language, entry.framework)
        try:
            number = self._numbers.get(place)
        except TypeError:  # a list or an object where a name should be
            named = pid = None
            place = (None, entry.language, entry.framework)
            number = self._numbers.get(place)
        if number is None:
            number = self._numbers[place] = len(self.found)
            self.found.append(_sender(entry, named, pid))
        return number, named


def info_of(sender: Sender) -> ProducerInfo:
    """What is known of a sender."""
    name, pid, language = sender
    return ProducerInfo(name, pid=pid, language=language)


def _sender(entry: Entry, named: object, pid: object) -> Sender:
    process = pid if isinstance(pid, int) and 0 < pid < 2**53 else 0
    if isinstance(named, str) and 0 < len(named) <= MAX_NAMED:
        return named, process, entry.language
    suffix = f"#{process}" if process else ""
    return f"{ANONYMOUS}{entry.language}/{entry.framework}{suffix}", process, entry.language
