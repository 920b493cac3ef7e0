"""Where a database is: a path or a database URL."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from flowscope_app.store.errors import UnsupportedUrl

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def database_path(db: str) -> Path:
    """The absolute path that `db` names: a path, `sqlite:///relative.db` or `sqlite:////absolute.db`.

    Raises UnsupportedUrl for any other database and for one in memory, which no second process could read.
    """
    text = db
    if _SCHEME.match(db):
        url = urlsplit(db)
        if url.scheme != "sqlite" or url.netloc or url.query:
            raise UnsupportedUrl(
                f"{url.scheme}://{url.netloc.rpartition('@')[2]} is not a database FlowScope can use",
                "give a path, or sqlite:///path",
            )
        text = unquote(url.path[1:])
    if text in ("", ":memory:"):
        raise UnsupportedUrl("a database in memory can't be shared between processes", "give a path")
    return Path(text).expanduser().resolve()


def read_only_uri(path: Path) -> str:
    """SQLite's URI for opening `path` without the right to change it."""
    return f"{path.as_uri()}?mode=ro"


def file_size(path: Path) -> int:
    """Bytes of a database file and its write-ahead log; 0 for what is not there."""
    total = 0
    for suffix in ("", "-wal"):
        with contextlib.suppress(OSError):
            total += path.with_name(path.name + suffix).stat().st_size
    return total
