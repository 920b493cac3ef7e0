"""Takes notes of calls behind the ingest, out of their payloads: what `spans.notes` lists, in runs of columns.

Of a span that was replaced a later run holds another note (see `backlog`): the later one holds.
"""

from __future__ import annotations

import sqlite3
import zlib
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from flowscope_app.spans.kinds import Kind
from flowscope_app.spans.notes import NOTE_DTYPE, NOTED, Notes
from flowscope_app.store import packing
from flowscope_app.store.backlog import Backlog
from flowscope_app.store.compression import unpack

RUN_SPANS = 4_096
"""Spans of a run. The last ones of a session, fewer than this, wait: a reader takes notes of them itself."""
MAX_TAIL = 8 * RUN_SPANS
"""As many spans a reader takes notes of itself in one call; where the store is further behind, it asks again."""

_KIND = packing.ROW.size - 1  # where in `packed` the kind stands, counted from 1: status is the last byte
_KINDS = ",".join(f"x'{int(kind):02x}'" for kind in NOTED)
_NEXT = (
    "SELECT s.change, s.key, s.packed, p.input, p.metadata FROM spans s LEFT JOIN payloads p"
    f" ON p.key = s.key AND substr(s.packed, {_KIND}, 1) IN ({_KINDS})"
    " WHERE s.session = ? AND s.change > ? ORDER BY s.change LIMIT ?"
)
_INSERT = "INSERT INTO notes (session, first, last, calls, providers) VALUES (?, ?, ?, ?, ?)"
# A run may begin with what a reader has taken notes of itself before the run was filled.
_RUNS = "SELECT last, calls, providers FROM notes WHERE session = ? AND last > ? ORDER BY first"
_NOTED = frozenset(map(int, NOTED))
_TOKENS = frozenset(map(int, (Kind.LLM, Kind.EMBEDDING)))
_CACHE_READ = ("gen_ai.usage.cache_read.input_tokens", "llm.token_count.prompt_details.cache_read")
_CACHE_WRITTEN = (
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "llm.token_count.prompt_details.cache_write",
)
_PROVIDERS = ("gen_ai.provider.name", "gen_ai.system", "llm.provider")
_INT32_MAX = 2**31 - 1

Row = tuple[int, int, int, int, int, str]
"""Key, first token, prompt, tokens read from and written to a cache, provider."""


class Taken(NamedTuple):
    """Notes, the first and the last change number looked at (0: none), and how many spans that were."""

    notes: list[Row]
    first: int
    last: int
    spans: int


class Noter(Backlog):
    """Takes notes in runs of full length."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection, "noted", RUN_SPANS)

    def _run(self, session: int, change: int) -> int:
        taken = take_notes(self._connection, session, change, RUN_SPANS)
        rows, providers = as_rows(taken.notes)
        texts = orjson.dumps(list(providers.values())).decode()
        self._connection.execute(_INSERT, (session, taken.first, taken.last, rows.tobytes(), texts))
        return taken.last


def take_notes(connection: sqlite3.Connection, session: int, change: int, limit: int) -> Taken:
    """Notes of up to `limit` spans that come after a change number."""
    notes: list[Row] = []
    first = last = looked_at = 0
    for last, key, packed, given, metadata in connection.execute(_NEXT, (session, change, limit)):
        first = first or last
        looked_at += 1
        kind = packed[_KIND - 1]
        if kind not in _NOTED:
            continue
        prompt = zlib.crc32(given) << 31 ^ len(given) if given else 0
        facts = (0, 0, 0, "")
        if kind in _TOKENS and metadata is not None:
            facts = _facts(metadata)
        if prompt or any(facts):
            notes.append((key, facts[0], prompt, *facts[1:]))
    return Taken(notes, first, last, looked_at)


def as_rows(notes: list[Row]) -> tuple[NDArray[np.void], dict[int, str]]:
    """Notes as an array of NOTE_DTYPE, with the providers that they name."""
    providers = {number(text): text for text in {note[5] for note in notes} if text}
    return np.array([(*note[:5], number(note[5])) for note in notes], NOTE_DTYPE), providers


def number(provider: str) -> int:
    """The number that stands for a provider's name; 0 for none."""
    return zlib.crc32(provider.encode("utf-8", "replace")) >> 1 if provider else 0


def read_runs(connection: sqlite3.Connection, session: int, change: int) -> Notes:
    """Stored notes of spans that came after a change number.

    Raises ValueError where a run is not what it should be.
    """
    runs = [np.empty(0, NOTE_DTYPE)]
    providers: dict[int, str] = {}
    for last, calls, texts in connection.execute(_RUNS, (session, change)):
        runs.append(np.frombuffer(calls, NOTE_DTYPE))
        providers.update((number(text), text) for text in orjson.loads(texts))
        change = last
    return Notes(np.concatenate(runs[::-1]), providers, change)  # the latest first: it holds


def _facts(metadata: bytes) -> tuple[int, int, int, str]:
    """First token, tokens read and written, provider, as far as a call's metadata tells them."""
    try:
        told = orjson.loads(unpack(metadata) or b"{}")
    except ValueError:
        return 0, 0, 0, ""
    provider = next((told[name] for name in _PROVIDERS if isinstance(told.get(name), str)), "")
    return _first_token(told), _count(told, _CACHE_READ), _count(told, _CACHE_WRITTEN), provider[:200]


def _first_token(told: dict[str, Any]) -> int:
    waited = told.get("flowscope.first_token_ns")
    if type(waited) is int:
        return min(max(waited, 0), 2**62)
    seconds = told.get("gen_ai.response.time_to_first_chunk")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return 0
    return int(seconds * 1e9) if 0 <= seconds < 1e9 else 0


def _count(told: dict[str, Any], names: tuple[str, ...]) -> int:
    found = next((told[name] for name in names if type(told.get(name)) is int), 0)
    return min(max(found, 0), _INT32_MAX)
