"""Which spans contain a text: the index says where it can't be, the rest is read and compared."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain

import orjson

from flowscope_app.store import trigrams
from flowscope_app.store.compression import MAGIC, unpack

# SQLite refuses longer LIKE patterns (50,000 bytes); far below that LIKE loses to Python's own search.
LIKE_LIMIT = 1_000

WATERMARK = "SELECT indexed FROM sessions WHERE key = ?"
BLOCKS = "SELECT first, last, bits FROM blocks WHERE session = ? AND first > ? ORDER BY first LIMIT ?"
LAST = "SELECT coalesce(max(change), 0) FROM spans WHERE session = ?"
BLOCKS_AT_A_TIME = 200
CHANGES_AT_A_TIME = 20_000
"""Read by one statement: a search that takes long holds no state of the database for long, which would let the
write-ahead log grow behind it."""
_NAMES = "SELECT key FROM names WHERE {text}"
_OPERATIONS = "SELECT key FROM spans WHERE session = :session AND op IN ({names})"
_PAYLOADS = (
    "SELECT s.key FROM spans s JOIN payloads p ON p.key = s.key"
    " WHERE s.session = :session AND s.change BETWEEN :first AND :last"
    " AND ({error} OR {input} OR {output} OR {metadata})"
)
_CONTAINS = "flowscope_contains({column}, :{form})"
# SQLite's LIKE folds the case of ASCII letters only, which is right for a text that has no others. It ends at a NUL.
_LIKE = "{column} LIKE :{form}_like ESCAPE '\\'"
_LIKE_TEXT = f"CASE instr({{column}}, char(0)) WHEN 0 THEN {_LIKE} ELSE {_CONTAINS} END"
_LIKE_JSON = (
    f"CASE substr({{column}}, 1, 4) WHEN x'{MAGIC.hex()}' THEN {_CONTAINS}"
    f" ELSE {_LIKE.replace('{column}', 'CAST({column} AS TEXT)')} END"
)
_LAST = 2**63 - 1

Values = dict[str, int | bytes | str]


def register(connection: sqlite3.Connection) -> None:
    """Give a connection the function that the search needs where LIKE is not enough."""
    connection.create_function("flowscope_contains", 2, _contains, deterministic=True)


def matching(connection: sqlite3.Connection, session: int, text: str) -> Iterator[int]:
    """Keys of a session's spans whose operation, input, output, error or metadata contains `text`, in any case.

    A key may come twice. JSON is searched for the text as JSON writes it, so that quotes and line ends are found
    too. A text of ASCII letters is compared as such; in any other, case is what Unicode says it is. The connection
    is `register`ed.

    It need not be in a transaction: spans are read in the order of their last change, the newest at the end, so one
    that changes meanwhile is met where it was or where it has gone.
    """
    plain = text.encode("utf-8", "replace")
    in_json = orjson.dumps(plain.decode())[1:-1]
    names, operations, payloads, values = statements(plain, in_json)
    values["session"] = session
    if connection.execute(f"SELECT EXISTS ({names})", values).fetchone()[0]:
        yield from [key for (key,) in connection.execute(operations, values).fetchall()]
    found = connection.execute(WATERMARK, (session,)).fetchone()
    watermark = found[0] if found else 0
    # A name or an error holds the text itself, JSON what JSON makes of it: either may be where it is.
    wanted = [trigrams.positions(trigrams.fold(form)) for form in {plain, in_json}]
    for first, last in chain(candidates(connection, session, watermark, wanted), _tail(connection, session, watermark)):
        run = values | {"first": first, "last": last}
        yield from [key for (key,) in connection.execute(payloads, run).fetchall()]


def statements(plain: bytes, in_json: bytes) -> tuple[str, str, str, Values]:
    """SQL for names that contain a text, for spans of such an operation, for spans of a run whose payload does.

    With the values that all of them take. The text is UTF-8, as it is and as JSON writes it.
    """
    values: Values = {"plain": plain, "json": in_json}
    text_form = json_form = _CONTAINS
    if plain.isascii() and len(in_json) < LIKE_LIMIT and b"\0" not in plain:
        text_form, json_form = _LIKE_TEXT, _LIKE_JSON
        values |= {"plain_like": _pattern(plain), "json_like": _pattern(in_json)}
    payloads = _PAYLOADS.format(
        error=text_form.format(column="p.error", form="plain"),
        **{name: json_form.format(column=f"p.{name}", form="json") for name in ("input", "output", "metadata")},
    )
    names = _NAMES.format(text=text_form.format(column="text", form="plain"))
    return names, _OPERATIONS.format(names=names), payloads, values


def candidates(
    connection: sqlite3.Connection, session: int, watermark: int, wanted: list[list[int]]
) -> Iterator[tuple[int, int]]:
    """Runs of change numbers up to the watermark where one of the texts may be: first and last, both included.

    `wanted` has the trigrams of each text; where one has none, it may be anywhere.
    """
    if not watermark:
        return
    if not all(wanted):
        yield from _pieces(1, watermark)
        return
    start = end = 0  # of the run of neighbouring blocks that pass
    for first, last, bits in _blocks(connection, session):
        if any(trigrams.may_hold(bits, text) for text in wanted):
            start, end = start or first, last
        elif start:
            yield from _pieces(start, end)
            start = 0
    if start:
        yield from _pieces(start, end)


def _blocks(connection: sqlite3.Connection, session: int) -> Iterator[tuple[int, int, bytes]]:
    first = 0
    while found := connection.execute(BLOCKS, (session, first, BLOCKS_AT_A_TIME)).fetchall():
        yield from found
        first = found[-1][0]


def _tail(connection: sqlite3.Connection, session: int, watermark: int) -> Iterator[tuple[int, int]]:
    """Runs of change numbers behind the watermark; the last one has all that came meanwhile."""
    (last,) = connection.execute(LAST, (session,)).fetchone()
    yield from _pieces(watermark + 1, last)
    yield max(last, watermark) + 1, _LAST


def _pieces(first: int, last: int) -> Iterator[tuple[int, int]]:
    """A run of change numbers in runs that are short enough to be read by one statement."""
    for start in range(first, last + 1, CHANGES_AT_A_TIME):
        yield start, min(last, start + CHANGES_AT_A_TIME - 1)


def _pattern(text: bytes) -> str:
    """A LIKE pattern for what contains an ASCII text."""
    pattern = text.decode()
    for sign in ("\\", "%", "_"):
        pattern = pattern.replace(sign, "\\" + sign)
    return f"%{pattern}%"


def _contains(value: object, wanted: bytes) -> bool:
    if isinstance(value, str):
        value = value.encode("utf-8", "replace")
    return isinstance(value, bytes) and _comparison(wanted)(unpack(value) or b"")


@lru_cache(maxsize=64)
def _comparison(wanted: bytes) -> Callable[[bytes], bool]:
    """How a text is looked for in another, both UTF-8: by ASCII letters where it has only those."""
    if wanted.isascii():
        lower = wanted.lower()
        return lambda text: lower in text.lower()
    folded = trigrams.fold(wanted)
    if folded.isascii():  # "ß" is "ss": plain letters may be what is wanted
        return lambda text: folded in trigrams.fold(text)
    return lambda text: not text.isascii() and folded in trigrams.fold(text)
