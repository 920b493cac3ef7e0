"""Which spans contain a text: a scan of one session. A full-text index, once there is one, is asked first here."""

from __future__ import annotations

import sqlite3
from typing import Any

import orjson

# SQLite refuses longer LIKE patterns (50,000 bytes); far below that LIKE loses to Python's own search.
LIKE_LIMIT = 1_000

_SQL = (
    "SELECT s.key FROM spans s LEFT JOIN payloads p ON p.key = s.key WHERE s.session = ? AND ("
    "s.op IN (SELECT key FROM names WHERE {text}) OR {error} OR {input} OR {output} OR {metadata})"
)


def register(connection: sqlite3.Connection) -> None:
    """Give a connection the function that the search needs where LIKE is not enough."""
    connection.create_function("flowscope_contains", 2, _contains, deterministic=True)


def where_matching(session_key: int, text: str) -> tuple[str, tuple[Any, ...]]:
    """SQL for the keys of a session's spans that contain `text`, and its values.

    JSON columns are searched for the text as JSON writes it, so that quotes and line ends are found too.
    """
    escaped = orjson.dumps(text.encode("utf-8", "replace").decode()).decode()[1:-1]
    plain, in_json = text, escaped
    if text.isascii() and len(escaped) < LIKE_LIMIT:
        # SQLite's LIKE folds the case of ASCII letters only, which is all there is here.
        form = "CAST({0} AS TEXT) LIKE {1} ESCAPE '\\'"
        plain, in_json = _like(text), _like(escaped)
    else:
        form = "flowscope_contains({0}, {1})"
        plain, in_json = text.casefold(), escaped.casefold()
    sql = _SQL.format(
        text=form.format("text", "?2"),
        error=form.format("p.error", "?2"),
        input=form.format("p.input", "?3"),
        output=form.format("p.output", "?3"),
        metadata=form.format("p.metadata", "?3"),
    )
    return sql.replace("s.session = ?", "s.session = ?1"), (session_key, plain, in_json)


def _like(text: str) -> str:
    for sign in ("\\", "%", "_"):
        text = text.replace(sign, "\\" + sign)
    return f"%{text}%"


def _contains(value: object, folded: str) -> bool:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return isinstance(value, str) and folded in value.casefold()
