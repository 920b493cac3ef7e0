"""Open the database for reading, and choose sessions in it, as several commands do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from flowscope_app.base.errors import FlowScopeError

if TYPE_CHECKING:
    from flowscope_app.store import SessionRow, StoreReader


@contextlib.contextmanager
def reading(db: str) -> Iterator[StoreReader | None]:
    """A reader of `db`, or None where there is no database yet: nothing was recorded, which is no error."""
    from flowscope_app.store import NoStore, StoreReader

    try:
        reader = StoreReader(db)
    except NoStore:
        yield None
        return
    with contextlib.closing(reader):
        yield reader


def choose(rows: Sequence[SessionRow], ids: Sequence[str], every: bool) -> list[SessionRow]:
    """The sessions that --session or --all mean; with neither, the only one there is. FlowScopeError otherwise."""
    if not rows:
        raise FlowScopeError("there are no sessions", "attach a program with `flowscope run python app.py`")
    if every:
        return list(rows)
    if ids:
        known = {row.id: row for row in rows}
        unknown = [session for session in dict.fromkeys(ids) if session not in known]
        if unknown:
            raise FlowScopeError(f"there is no session {unknown[0]!r}", "`flowscope sessions` lists them")
        return [known[session] for session in dict.fromkeys(ids)]
    if len(rows) > 1:
        hint = "name some with --session ID (`flowscope sessions` lists them) or take --all"
        raise FlowScopeError(f"there are {len(rows)} sessions", hint)
    return list(rows)
