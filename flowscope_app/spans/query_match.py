"""Which spans a query means: a mask over a table's rows, by interned names so that a million rows take no time."""

from __future__ import annotations

import operator as operators
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from fnmatch import translate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowscope_app.spans.kinds import Kind
from flowscope_app.spans.query import FIELDS, STATUSES, Query, Term, Value
from flowscope_app.spans.still import StillTable
from flowscope_app.spans.table import SpanTable, Track

Mask = NDArray[np.bool_]
Int64 = NDArray[np.int64]
Table = SpanTable | StillTable

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    ">": operators.gt,
    ">=": operators.ge,
    "<": operators.lt,
    "<=": operators.le,
    "=": operators.eq,
}
_NAMES = ("op", "model", "framework", "language")


def evaluate(query: Query, table: Table, now: int, found: Mapping[str, Int64] | None = None) -> Mask:
    """One bool a row of `table`: whether every term of `query` holds for it.

    `now` (ns) is where pending spans end for now. `found` gives, for each free text of the query, the keys of the
    spans whose payload contains it; without it a text is looked for in operation and model names only.
    """
    mask = np.ones(table.n, np.bool_)
    for term in query.terms:
        held = _term(term, table, now, found or {})
        mask &= ~held if term.negated else held
    return mask


def _term(term: Term, table: Table, now: int, found: Mapping[str, Int64]) -> Mask:
    if not term.field:
        return _text(term.values[0].text, table, found)
    if term.field in _NAMES:
        test = _name_test(term)
        return _named(getattr(table, term.field), table.names, test)
    if term.field == "program":
        return _named(table.track, _track_names(table.tracks), _name_test(term))
    if term.field == "status":
        return _chosen(table.status, STATUSES, term)
    if term.field == "kind":
        return _chosen(table.kind, {kind.label: int(kind) for kind in Kind}, term)
    return _counted(term, table, now)


def matching_tracks(term: Term, tracks: Mapping[int, Track]) -> set[int]:
    """The keys of the tracks that a term on the field `program` holds for."""
    test = _name_test(term)
    return {key for key, name in _track_names(tracks).items() if test(name)}


def _track_names(tracks: Mapping[int, Track]) -> dict[int, str]:
    return {key: f"{track.label} {track.detail}" for key, track in tracks.items()}


def _text(text: str, table: Table, found: Mapping[str, Int64]) -> Mask:
    mask = _named(table.op, table.names, lambda name: text in name.casefold())
    mask |= _named(table.model, table.names, lambda name: text in name.casefold())
    rows = table.rows_of(found[text]) if len(found.get(text, ())) else np.empty(0, np.int32)
    mask[rows[rows >= 0]] = True
    return mask


def _name_test(term: Term) -> Callable[[str], bool]:
    part = FIELDS[term.field].type == "name" and term.operator == ":"
    tests = [_value_test(value, part) for value in term.values]
    return lambda name: any(test(name) for test in tests)


def _value_test(value: Value, part: bool) -> Callable[[str], bool]:
    said = value.text
    if not value.quoted and ("*" in said or "?" in said):
        pattern = re.compile(translate(said), re.IGNORECASE)
        return lambda name: pattern.match(name.casefold()) is not None
    if part:
        return lambda name: said in name.casefold()
    return lambda name: said == name.casefold()


def _named(column: NDArray[np.int32], names: Mapping[int, str], test: Callable[[str], bool]) -> Mask:
    """Rows whose interned name passes; each name is tested once, the rows by a table look-up."""
    if not len(column):
        return np.zeros(0, np.bool_)
    passes = np.zeros(int(column.max()) + 1, np.bool_)
    for key, name in names.items():
        if 0 < key < len(passes):
            passes[key] = test(name)
    return passes[column]


def _chosen(column: NDArray[np.int8], numbers: Mapping[str, int], term: Term) -> Mask:
    passes = np.zeros(128, np.bool_)
    for value in term.values:
        if "*" in value.text or "?" in value.text:
            test = _value_test(value, part=False)
            passes[[number for name, number in numbers.items() if test(name)]] = True
        elif term.field == "kind":
            passes[int(Kind.of(value.text))] = True
        else:
            passes[numbers[value.text]] = True
    return passes[column]


def _counted(term: Term, table: Table, now: int) -> Mask:
    mask = np.zeros(table.n, np.bool_)
    for value in term.values:
        limit = value.number
        if term.field == "start":
            limit += _midnight(table.origin) - table.origin if value.clock else 0
            column = table.start - table.origin
        elif term.field == "duration":
            column = table.end_or(now) - table.start
        elif term.field == "tokens":
            column = table.tokens_in.astype(np.int64) + table.tokens_out
        else:
            column = (table.tokens_in if term.field == "tokens_in" else table.tokens_out).astype(np.int64)
        mask |= _compare(column, term.operator, limit)
    return mask


def _compare(column: Int64, operator: str, limit: float) -> Mask:
    return np.asarray(_OPERATORS[operator](column, limit), np.bool_)


def _midnight(ns: int) -> int:
    """The local midnight before a time, both ns since the epoch."""
    try:
        day = datetime.fromtimestamp(ns / 1e9).replace(hour=0, minute=0, second=0, microsecond=0)
    except (OverflowError, OSError, ValueError):
        return 0
    return int(day.timestamp()) * 1_000_000_000
