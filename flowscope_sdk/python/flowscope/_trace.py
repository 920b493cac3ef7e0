"""flowscope.trace: one name for a context manager, an async context manager and a decorator of any kind of function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from sys import _getframe
from time import monotonic_ns
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, overload

from flowscope import _context
from flowscope._context import Attachment, detach, get_attachment, set_attachment
from flowscope._runtime import CURRENT, begin
from flowscope._span import NOOP, Span
from flowscope._wrap import Options, finish, wrap

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

# CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR: frames that are left and come back.
_SUSPENDED = 0x20 | 0x80 | 0x200


class Trace:
    """What trace("name") returns: use it in `with`, in `async with`, or as a decorator."""

    # No __init__: one is made for every block.
    __slots__ = ("_entered", "_options", "_outer")
    _options: Options
    # The span under way, attached; where one Trace is entered again inside itself, the outer ones.
    _entered: _context.Token | None
    _outer: list[_context.Token] | None

    def __enter__(self) -> Span:
        frame = _getframe(1)
        operation, kind, framework, session_id, given, metadata, parent = self._options
        span = begin(operation or frame.f_code.co_name, kind, framework, parent, given, metadata, session_id)
        token = Attachment()  # attach() in short
        token.span = span
        token.previous = get_attachment()
        token.live = True
        token.frame = None
        try:
            set_attachment(token)
            if frame.f_code.co_flags & _SUSPENDED:
                _context.leave_with(token, frame.f_back if frame.f_code is _AENTER else frame)
            if self._entered is not None:
                if self._outer is None:
                    self._outer = []
                self._outer.append(self._entered)
            self._entered = token
        except BaseException:  # a signal handler's, in between: the block is not entered, so nobody will leave it
            detach(token)
            span.end()
            raise
        return span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        token = self._entered
        if token is None:
            return
        try:
            self._entered = None if self._outer is None else (self._outer.pop() if self._outer else None)
            previous = token.previous
            if get_attachment() is token and token.frame is None and (previous is None or previous.live):
                set_attachment(previous)  # detach() in short
            else:
                detach(token)
            span = token.span
            if error is not None:
                finish(span, error)
            elif span.__class__ is Span and span.end_ns is None and span.status == "pending":
                # end() in short; the end goes last, for the background thread may look at any time
                span.status = "success"
                span.end_ns = span.start_ns + monotonic_ns() - span._clock
                if not span._queued:
                    span._requeue()
            else:
                span.end()
        except BaseException:  # a signal handler's: the block is left all the same
            detach(token)
            token.span.end(error=error)
            raise

    async def __aenter__(self) -> Span:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: F) -> F:
        """Decorate `function`: each call is a span with its arguments as input and its result as output."""
        wrapped: F = wrap(function, self._options)
        return wrapped


_AENTER = Trace.__aenter__.__code__


@overload
def trace(operation: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def trace(
    operation: str | None = None,
    /,
    *,
    kind: str = ...,
    framework: str = ...,
    session_id: str | None = ...,
    input: Any = ...,
    metadata: Mapping[str, Any] | None = ...,
    parent: Span | None = ...,
) -> Trace: ...


def trace(
    operation: Callable[P, R] | str | None = None,
    /,
    *,
    kind: str = "custom",
    framework: str = "custom",
    session_id: str | None = None,
    input: Any = ...,
    metadata: Mapping[str, Any] | None = None,
    parent: Any = CURRENT,
) -> Callable[P, R] | Trace:
    """Record a span around a block or a function.

    `with trace("name") as span:`, `async with trace("name") as span:`, `@trace`, `@trace("name")`. The decorator takes
    functions, methods, coroutines, generators and async generators. `session_id` holds for the span and all below it;
    `parent` is the current span unless given (None: a root; a Span; what extract() returns).
    """
    if operation is None or isinstance(operation, str):
        block = Trace()
        block._options = operation, kind, framework, session_id, input, metadata, parent
        block._entered = block._outer = None
        return block
    decorated: Callable[P, R] = wrap(operation, (None, kind, framework, session_id, input, metadata, parent))
    return decorated


class suppressed:  # noqa: N801  used as a function
    """`with flowscope.suppressed():` nothing inside is recorded."""

    def __enter__(self) -> None:
        self._token = _context.attach(NOOP)

    def __exit__(self, *_: object) -> None:
        _context.detach(self._token)
