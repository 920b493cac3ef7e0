"""Outputs that come in pieces: kept bounded, and seen while they grow."""

from __future__ import annotations

import hashlib
from io import StringIO
from typing import TYPE_CHECKING, Any, Protocol

from flowscope import _capture
from flowscope._guard import failed

if TYPE_CHECKING:
    from flowscope._span import Span


class Stream(Protocol):
    """An output that is still growing."""

    size: int
    """About its length so far, in characters: a long one is shown anew less often."""

    def json(self) -> bytes:
        """What there is so far. Called on the background thread while the program adds to it."""


class _Part:
    """One part of an answer; its text is kept in a buffer, for tokens as objects of their own would take much more."""

    __slots__ = ("id", "kind", "name", "text")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.id: str | None = None
        self.name: str | None = None
        self.text = StringIO()

    def plain(self) -> dict[str, Any]:
        if self.kind == "tool_call":
            return {"type": "tool_call", "id": self.id, "name": self.name, "arguments": self.text.getvalue()}
        return {"type": self.kind, "content": self.text.getvalue()}


class Answer:
    """A model's answer in pieces: text, reasoning and tool calls, in the order in which they began."""

    def __init__(self) -> None:
        self.size = 0
        self._parts: dict[Any, _Part] = {}
        self._last: _Part | None = None

    def add(self, kind: str, piece: str) -> None:
        """Continue the text or the reasoning; a new part if something else came between."""
        part = self._last
        if part is None or part.kind != kind:
            part = self._last = self._parts[len(self._parts), kind] = _Part(kind)
        self._write(part, piece)

    def add_call(self, key: object, piece: str, id: str | None, name: str | None) -> None:
        """Continue the tool call that the model numbers or names `key`."""
        part = self._parts.get(("call", key))
        if part is None:
            part = self._last = self._parts["call", key] = _Part("tool_call")
        part.id = id or part.id
        part.name = name or part.name
        self._write(part, piece)

    def _write(self, part: _Part, piece: str) -> None:
        self.size += len(piece)
        # What is over the limit is cut anyway: enough is kept to see that it is.
        if self.size <= 2 * _capture.limit:
            part.text.write(piece)

    def json(self) -> bytes:
        """Bare text, if that is all there is; else a message with its parts."""
        parts = list(self._parts.values())
        if len(parts) == 1 and parts[0].kind == "text":
            return _capture.snapshot(parts[0].text.getvalue())
        return _capture.snapshot({"role": "assistant", "parts": [part.plain() for part in parts]})


class Items:
    """What a traced generator yields, as the array that is its span's output."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._items: list[bytes] = []
        self.size = 2
        self._left_out = 0
        self._hash: Any = None

    def add(self, item: Any) -> None:
        """Keep one item, as it is now."""
        span = self._span
        if not span.is_recording:
            return
        try:
            if self.size == 2:
                span.first_token()
                if span._level != 1:
                    span._stream = self
            if span._level == 1:
                self.size += 1
                return
            data = _capture.snapshot(item)
            self.size += len(data) + 1
            if self.size <= _capture.limit:
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
        cut.length, cut.sha256 = self.size - 1, whole.hexdigest()
        return cut

    def end(self, result: Any) -> None:
        """End the span; what the generator returned, if it did, stands beside what it yielded."""
        if result is None:
            self._span.end()
        else:
            self._span.end({"yielded": _capture.loads(self.json()), "returned": result})
