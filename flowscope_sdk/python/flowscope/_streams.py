"""Outputs that come in pieces: kept bounded, and seen while they grow."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Protocol

from flowscope import _capture
from flowscope._guard import failed

if TYPE_CHECKING:
    from flowscope._span import Span


class Stream(Protocol):
    """An output that is still growing."""

    def json(self) -> bytes:
        """What there is so far. Called on the background thread while the program adds to it."""


class Text:
    """Pieces of one text."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0

    def add(self, piece: str) -> None:
        self._length += len(piece)
        # What is over the limit is cut anyway: enough is kept to see that it is.
        if self._length <= 2 * _capture.limit:
            self._pieces.append(piece)

    def json(self) -> bytes:
        return _capture.snapshot("".join(self._pieces))


class Items:
    """What a traced generator yields, as the array that is its span's output."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._items: list[bytes] = []
        self._size = 2
        self._left_out = 0
        self._hash: Any = None

    def add(self, item: Any) -> None:
        """Keep one item, as it is now."""
        span = self._span
        if not span.is_recording:
            return
        try:
            if self._size == 2:
                span.first_token()
                if span._level != 1:
                    span._stream = self
            if span._level == 1:
                self._size += 1
                return
            data = _capture.snapshot(item)
            self._size += len(data) + 1
            if self._size <= _capture.limit:
                self._items.append(data)
                span._changed(len(data))
                return
            if self._hash is None:
                self._hash = hashlib.sha256(b"[" + b",".join(self._items))
            self._hash.update(b"," + data)
            self._left_out += 1
        except Exception as error:
            failed("yield", error)

    def json(self) -> bytes:
        kept = list(self._items)
        if not self._left_out:
            return b"[" + b",".join(kept) + b"]"
        kept.append(_capture.dumps(f"… {self._left_out:,} more"))
        cut = _capture.Cut(b"[" + b",".join(kept) + b"]")
        whole = self._hash.copy()
        whole.update(b"]")
        cut.length, cut.sha256 = self._size - 1, whole.hexdigest()
        return cut

    def end(self, result: Any) -> None:
        """End the span; what the generator returned, if it did, stands beside what it yielded."""
        if result is None:
            self._span.end()
        else:
            self._span.end({"yielded": _capture.loads(self.json()), "returned": result})
