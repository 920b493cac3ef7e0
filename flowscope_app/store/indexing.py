"""Fills the search index behind the ingest: a bitmap of trigrams for the payloads of each run of 64 spans.

Spans are indexed by change number, not by key (see `backlog`). One that is replaced stands in the tail until it is
indexed again; under its old number nothing is found any more.
"""

from __future__ import annotations

import sqlite3

from flowscope_app.store import trigrams
from flowscope_app.store.backlog import Backlog
from flowscope_app.store.compression import unpack, unpacked_size

BLOCK_SPANS = 64
"""Spans of a block. The last ones of a session, fewer than this, are never indexed: a search reads them."""
BLOCK_BYTES = 256 << 10
"""A block of longer texts holds fewer spans, so that one that passes by chance costs little to read."""
MAX_BYTES = 4 << 20
"""A span of more text than this is not looked into: its block lets every search pass."""

TEXTS = (
    "SELECT s.change, p.error, p.input, p.output, p.metadata FROM spans s LEFT JOIN payloads p ON p.key = s.key"
    " WHERE s.session = ? AND s.change > ? ORDER BY s.change LIMIT ?"
)
_INSERT = "INSERT INTO blocks (session, first, last, bits) VALUES (?, ?, ?, ?)"


class Indexer(Backlog):
    """Indexes blocks, of as many spans as there are texts for."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection, "indexed", BLOCK_SPANS)

    def _run(self, session: int, change: int) -> int:
        first = last = size = 0
        too_long = False
        texts: list[bytes] = []
        rows = self._connection.execute(TEXTS, (session, change, BLOCK_SPANS))
        for number, error, given, result, metadata in rows:
            length = sum(map(unpacked_size, (given, result, metadata))) + len(error or "")
            if texts and size + length > BLOCK_BYTES:
                break
            first, last = first or number, number
            size += length
            too_long = length > MAX_BYTES
            if too_long:
                break
            texts += (unpack(value) or b"" for value in (given, result, metadata))
            if error:
                texts.append(error.encode("utf-8", "replace"))
        bits = trigrams.EVERYTHING if too_long else trigrams.bitmap(trigrams.fold(b"\0".join(texts)))
        self._connection.execute(_INSERT, (session, first, last, bits))
        return last
