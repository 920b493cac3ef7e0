"""Fills the search index behind the ingest: a bitmap of trigrams for the payloads of each run of 64 spans.

Spans are indexed by change number, not by key. One that is replaced gets a new number, above what is indexed, so
it stands in the tail until it is indexed again; under its old number nothing is found any more. So no block is ever
changed, and blocks go with their session.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable

from flowscope_app.store import trigrams
from flowscope_app.store.compression import unpack, unpacked_size

BLOCK_SPANS = 64
"""Spans of a block. The last ones of a session, fewer than this, are never indexed: a search reads them."""
BLOCK_BYTES = 256 << 10
"""A block of longer texts holds fewer spans, so that one that passes by chance costs little to read."""
MAX_BYTES = 4 << 20
"""A span of more text than this is not looked into: its block lets every search pass."""

READY = "SELECT count(*) FROM (SELECT 1 FROM spans WHERE session = ? AND change > ? LIMIT ?)"
TEXTS = (
    "SELECT s.change, p.error, p.input, p.output, p.metadata FROM spans s LEFT JOIN payloads p ON p.key = s.key"
    " WHERE s.session = ? AND s.change > ? ORDER BY s.change LIMIT ?"
)
_WATERMARK = "SELECT indexed FROM sessions WHERE key = ? AND id IS NOT NULL"
_INSERT = "INSERT INTO blocks (session, first, last, bits) VALUES (?, ?, ?, ?)"


Block = tuple[int, int, int, bytes]
"""Session, first and last change number, bitmap."""


class Indexer:
    """Which sessions have spans that are not indexed, and the next blocks of them. Writes within its owner's BEGIN."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting = dict.fromkeys(key for (key,) in connection.execute("SELECT key FROM sessions"))

    @property
    def waiting(self) -> Iterable[int]:
        """Keys of the sessions to look at, in that order."""
        return self._waiting.keys()

    @property
    def busy(self) -> bool:
        """Whether there may be something to index."""
        return bool(self._waiting)

    def note(self, sessions: Iterable[int]) -> None:
        """Spans of these sessions (keys) have come or changed."""
        self._waiting.update(dict.fromkeys(sessions))

    def work(self, seconds: float) -> int:
        """Index blocks of sessions that a reader sees, for about that long; return how many."""
        deadline = time.monotonic() + seconds
        blocks: list[Block] = []
        while self._waiting:
            session = next(iter(self._waiting))
            del self._waiting[session]
            found = self._connection.execute(_WATERMARK, (session,)).fetchone()
            if found is not None and self._session(session, found[0], deadline, blocks):
                self._waiting[session] = None  # behind the others
            if time.monotonic() >= deadline:
                break
        self._connection.executemany(_INSERT, blocks)
        return len(blocks)

    def _session(self, session: int, watermark: int, deadline: float, blocks: list[Block]) -> bool:
        """Add blocks of one session and note how far it is; whether there may be more of them."""
        reached = watermark
        block: Block | None = None
        while time.monotonic() < deadline or reached == watermark:
            block = self._block(session, reached)
            if block is None:
                break
            blocks.append(block)
            reached = block[2]
        if reached > watermark:
            self._connection.execute("UPDATE sessions SET indexed = ? WHERE key = ?", (reached, session))
        return block is not None

    def _block(self, session: int, watermark: int) -> Block | None:
        """The next block of a session after a change number. None if it is not full yet."""
        if self._connection.execute(READY, (session, watermark, BLOCK_SPANS)).fetchone()[0] < BLOCK_SPANS:
            return None
        first = last = size = 0
        too_long = False
        texts: list[bytes] = []
        for change, error, given, result, metadata in self._connection.execute(
            TEXTS, (session, watermark, BLOCK_SPANS)
        ):
            length = sum(map(unpacked_size, (given, result, metadata))) + len(error or "")
            if texts and size + length > BLOCK_BYTES:
                break
            first, last = first or change, change
            size += length
            too_long = length > MAX_BYTES
            if too_long:
                break
            texts += (unpack(value) or b"" for value in (given, result, metadata))
            if error:
                texts.append(error.encode("utf-8", "replace"))
        if too_long:
            return session, first, last, trigrams.EVERYTHING
        return session, first, last, trigrams.bitmap(trigrams.fold(b"\0".join(texts)))
