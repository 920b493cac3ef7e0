"""One call of a model by its provider's own client: the span, what the answer says, and whose tokens count."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from flowscope import _context
from flowscope._guard import guarded
from flowscope.instrumentation._usage import Around

if TYPE_CHECKING:
    from flowscope._span import Span

LEFT = "flowscope.stream.abandoned"


class Reply(Protocol):
    """What a provider answers, taken apart; one object a call."""

    complete: bool
    """The answer's last piece is here."""
    failure: str | None
    """The error that stands in a stream."""

    def body(self, data: Mapping[str, Any]) -> Any:
        """Take a whole answer; returns what the span's output is, `...` for none."""

    def event(self, data: Mapping[str, Any], span: Span) -> None:
        """Take one event of a stream; the span's output grows by it."""

    def about(self) -> dict[str, Any]:
        """Metadata as known so far."""

    def streamed(self, span: Span) -> Any:
        """The output of a stream that is over; `...` for what has grown."""


_current: ContextVar[Call | None] = ContextVar("flowscope_model_call", default=None)
current = _current.get
"""The call that is being made here."""


class Call:
    """One call, from the request to the last piece of the answer.

    As a context manager around what the client does for it: its span is current there, and fails with what is raised.
    """

    __slots__ = ("_around", "_attached", "_reset", "over", "reply", "response", "retries", "span", "watched")

    def __init__(self, span: Span, reply: Reply) -> None:
        self.span = span
        self.reply = reply
        self.over = False
        self.watched = False  # the answer comes later, through what reads it
        self.response: Any = None  # an answer that is here already, for when the client has taken it
        self.retries: list[float] = []
        self._around = Around(span)
        self._attached: _context.Token | None = None
        self._reset: Token[Call | None] | None = None

    def __enter__(self) -> Call:
        self._reset = _current.set(self)
        self._attached = _context.attach(self.span)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._attached is not None:
            _context.detach(self._attached)
        if self._reset is not None:
            _context.put_back(_current, self._reset)
        self._attached = self._reset = None
        if error is not None:
            self.fail(error)

    @guarded
    def retry(self, delay: float) -> None:
        """The client will try again after `delay` seconds."""
        self.retries.append(delay)
        self.span.set_metadata({"flowscope.retries": len(self.retries), "flowscope.retry.delays": self.retries})

    @guarded
    def event(self, data: Any) -> None:
        """One event of a stream, decoded."""
        if not self.over and isinstance(data, Mapping):
            self.reply.event(data, self.span)
            self._around.tell(self.reply.about())

    @guarded
    def body(self, data: Any) -> None:
        """The whole answer, decoded; the call is over."""
        if self.over:
            return
        output = self.reply.body(data) if isinstance(data, Mapping) else data
        self._end(output)

    @guarded
    def ended(self) -> None:
        """The stream is read to its end, or closed."""
        if self.over:
            return
        failure = self.reply.failure
        if not (self.reply.complete or failure):
            self.span.set(LEFT, True)
        output = self.reply.streamed(self.span)
        if failure is None:
            self._end(output)
        else:
            self.span.status, self.span.error = "error", failure
            self._end(output)

    @guarded
    def fail(self, error: BaseException) -> None:
        """The client raised; the end of a stream is none."""
        if self.over:
            return
        if isinstance(error, GeneratorExit | StopIteration | StopAsyncIteration):
            self.ended()
            return
        status = getattr(error, "status_code", None)
        self.span.set("error.type", str(status) if isinstance(status, int) else type(error).__name__)
        if isinstance(status, int):
            self.span.set("http.response.status_code", status)
        self.over = True
        self.span.set_metadata(self._about())
        self.span.end(error=error)

    def _end(self, output: Any) -> None:
        self.over = True
        self.span.set_metadata(self._about())
        self.span.end(output)

    def _about(self) -> dict[str, Any]:
        about = self.reply.about()
        self._around.tell(about)
        return about
