"""What could stand at the cursor of a query: fields, then the values that the session has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowscope_app.spans.kinds import Kind
from flowscope_app.spans.query import FIELDS, STATUSES
from flowscope_app.spans.table import SpanTable

LIMIT = 40
_AMOUNTS = {
    "duration": ("100ms", "1s", "10s"),
    "tokens": ("1k", "10k"),
    "time": ("1s", "1m"),
}


@dataclass(frozen=True, slots=True)
class Option:
    """Something to insert, and what it is."""

    insert: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """Options that each replace the text from `start` to `end`."""

    start: int
    end: int
    options: tuple[Option, ...]


def complete(text: str, cursor: int, table: SpanTable | None) -> Completion:
    """The options for the word that ends at `cursor`; none inside a finished quote."""
    start = cursor
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    if text[:start].count('"') % 2:
        return Completion(cursor, cursor, ())
    word = text[start:cursor]
    if word.startswith("-"):
        word, start = word[1:], start + 1
    at = min((word.index(sign) for sign in ":<>=" if sign in word), default=-1)
    if at < 0:
        return Completion(start, cursor, _fields(word))
    field = FIELDS.get(word[:at].casefold())
    if field is None:
        return Completion(cursor, cursor, ())
    value_at = at + 2 if word[at : at + 2] in (">=", "<=") else at + 1
    value_at = max(value_at, word.rfind(",") + 1)
    said = word[value_at:].lstrip('"').casefold()
    if field.type in _AMOUNTS:
        options = tuple(Option(amount) for amount in _AMOUNTS[field.type] if amount.startswith(said))
    else:
        options = _values(field.name, said, table)
    return Completion(start + value_at, cursor, options)


def _fields(word: str) -> tuple[Option, ...]:
    sign = {"duration": ">", "tokens": ">", "time": ">"}
    return tuple(
        Option(field.name + sign.get(field.type, ":"), field.help)
        for field in FIELDS.values()
        if word and field.name.startswith(word.casefold())
    )


def _values(field: str, said: str, table: SpanTable | None) -> tuple[Option, ...]:
    if field == "status":
        counted = _counted(table, "status", {number: name for name, number in STATUSES.items()})
    elif field == "kind":
        counted = _counted(table, "kind", {int(kind): kind.label for kind in Kind if kind is not Kind.OTHER})
    elif field == "program":
        counted = _counted(table, "track", {k: t.label for k, t in table.tracks.items()} if table else {})
    else:
        counted = _counted(table, field, table.names if table else {})
    fitting = [(name, n) for name, n in counted if said in name.casefold()]
    fitting.sort(key=lambda pair: (not pair[0].casefold().startswith(said), -pair[1], pair[0]))
    return tuple(Option(_quoted(name), f"{n:,} spans" if n != 1 else "1 span") for name, n in fitting[:LIMIT])


def _counted(table: SpanTable | None, column: str, names: dict[int, str]) -> list[tuple[str, int]]:
    """Names with how many spans have each, those that none has left out; all of them while nothing is loaded."""
    if table is None or not table.n:
        return [(name, 0) for name in names.values() if name]
    counts = np.bincount(np.maximum(getattr(table, column), 0))
    found: dict[str, int] = {}
    for key in np.flatnonzero(counts):
        name = names.get(int(key), "")
        if name:
            found[name] = found.get(name, 0) + int(counts[key])
    return list(found.items())


def _quoted(name: str) -> str:
    if name and not any(sign.isspace() or sign in '",:<>=*?\\' for sign in name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
