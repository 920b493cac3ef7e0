"""flowscope.trace: one name for a context manager, an async context manager and a decorator of any kind of function."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, overload

from flowscope import _context
from flowscope._context import attach, detach
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

    # No __init__, and what is seldom needed in the class: one is made for every block.
    _options: Options
    # The span under way, attached; where one Trace is entered again inside itself, the outer ones.
    _entered: _context.Token | None = None
    _outer: list[_context.Token] | None = None

    def __enter__(self) -> Span:
        frame = sys._getframe(1)
        operation, kind, framework, session_id, given, metadata, parent = self._options
        span = begin(operation or frame.f_code.co_name, kind, framework, parent, given, metadata, session_id)
        token = attach(span)
        if frame.f_code.co_flags & _SUSPENDED:
            _context.leave_with(token, frame.f_back if frame.f_code is _AENTER else frame)
        if self._entered is not None:
            if self._outer is None:
                self._outer = []
            self._outer.append(self._entered)
        self._entered = token
        return span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        token = self._entered
        if token is None:
            return
        self._entered = self._outer.pop() if self._outer else None
        detach(token)
        if error is None:
            token.span.end()
        else:
            finish(token.span, error)

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
        return block
    decorated: Callable[P, R] = wrap(operation, (None, kind, framework, session_id, input, metadata, parent))
    return decorated


class suppressed:  # noqa: N801  used as a function
    """`with flowscope.suppressed():` nothing inside is recorded."""

    def __enter__(self) -> None:
        self._token = _context.attach(NOOP)

    def __exit__(self, *_: object) -> None:
        _context.detach(self._token)
