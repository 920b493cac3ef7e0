"""What is known of a call that LlamaIndex reports, and of a stream that calls have returned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flowscope.instrumentation._usage import Around

if TYPE_CHECKING:
    from flowscope._span import Span


class Call:
    """One call that LlamaIndex reports, and the private calls that are part of it."""

    __slots__ = ("above", "around", "counted", "group", "ids", "instance", "method", "output", "returned", "span")

    def __init__(self, span: Span, id_: str, above: Call | None, instance: Any, method: str) -> None:
        self.span = span
        self.ids = [id_]
        self.above = above
        self.instance = instance
        self.method = method
        self.output: Any = ...  # set by an event that knows it better than the return value
        self.returned = False  # the call is over, its stream is not
        self.around: Around | None = None  # of a model's call
        self.counted = False  # a call below it has told the tokens that this one would tell again
        self.group: Stream | None = None

    def asks(self, about: Mapping[str, Any]) -> None:
        """Say that the call is one of a model, of which `about` is known."""
        self.span.kind = "llm"
        self.span.set_metadata(about)
        self.around = Around(self.span)

    def count(self, about: Mapping[str, Any]) -> None:
        """The tokens of this call are told, by `about`."""
        if self.around is not None:
            self.around.tell(about)
        above = self.above
        while above is not None and not above.counted:
            above.counted = True
            above = above.above


class Stream:
    """The calls that returned one and the same stream: they end when it does."""

    __slots__ = ("__weakref__", "calls", "pieces", "watched", "writing")

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.pieces: list[str] = []
        self.watched = False  # its pieces pass through _read or _aread
        self.writing = False  # a chat's answer is being written to the engine's memory


class Streamed:
    """The output of a call that returned a stream: what it was, and the text that came."""

    def __init__(self, group: Stream, output: Any) -> None:
        self._group = group
        self._output = output

    def whole(self) -> Any:
        if isinstance(self._output, dict):
            return {**self._output, "response": "".join(self._group.pieces)}
        return "".join(self._group.pieces)
