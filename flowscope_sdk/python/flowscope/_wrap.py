"""The decorator's wrappers: they change nothing of what a function is, takes, returns, yields or raises."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any, TypeAlias

from flowscope._context import attach, detach
from flowscope._guard import warn_once
from flowscope._runtime import begin
from flowscope._span import Span
from flowscope._streams import Items

Options: TypeAlias = tuple[str | None, str, str, str | None, Any, Mapping[str, Any] | None, Any]
"""What was given to trace(): operation, kind, framework, session id, input, metadata, parent."""


def finish(span: Span, error: BaseException) -> None:
    """End a span that an exception left. A generator that is closed and an exit with status 0 are no failures."""
    if isinstance(error, GeneratorExit) or (isinstance(error, SystemExit) and error.code in (None, 0)):
        span.end()
    else:
        span.end(error=error)


_set_traceback = BaseException.__dict__["__traceback__"].__set__  # past any __setattr__ of the exception's own


def _step_out(error: BaseException) -> None:
    """Take our frame off the traceback: a bare `raise` does not put it there again."""
    trace = error.__traceback__
    if trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        _set_traceback(error, trace.tb_next)


def wrap(function: Any, options: Options) -> Any:
    """`function` with each call a span."""
    if isinstance(function, staticmethod | classmethod):
        return type(function)(wrap(function.__func__, options))
    if isinstance(function, type) or not callable(function):
        warn_once(f"@trace decorates functions; {function!r} is left as it is")
        return function
    start = _Begin(function, options)
    if inspect.isasyncgenfunction(function):
        return _async_generator(function, start)
    if inspect.isgeneratorfunction(function):
        return _generator(function, start)
    if inspect.iscoroutinefunction(function):
        return _coroutine(function, start)
    return _plain(function, start)


class _Begin:
    """Starts the span of one call, with the arguments by name as its input."""

    def __init__(self, function: Any, options: Options) -> None:
        name: str = getattr(function, "__qualname__", None) or type(function).__qualname__
        operation, self._kind, self._framework, self._session_id, self._input, self._metadata, self._parent = options
        self._operation = operation or name.rpartition("<locals>.")[2]
        code = getattr(inspect.unwrap(function), "__code__", None)
        names: tuple[str, ...] = code.co_varnames[: code.co_argcount] if code is not None else ()
        # The object a method belongs to is not its input.
        self._skip = names[:1] in (("self",), ("cls",)) and "." in name
        self._names = names[self._skip :]
        self._rest = "args"
        if code is not None and code.co_flags & inspect.CO_VARARGS:
            self._rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span:
        given = self._input
        if given is ...:
            if self._skip:
                args = args[1:]
            given = dict(zip(self._names, args))  # noqa: B905  strict= would be most of what this costs
            if len(args) > len(self._names):
                given[self._rest] = args[len(self._names) :]
            if kwargs:
                given.update(kwargs)
        return begin(
            self._operation, self._kind, self._framework, self._parent, given, self._metadata, self._session_id
        )


def _plain(function: Any, start: _Begin) -> Any:
    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Any:
        span = start(args, kwargs)
        token = attach(span)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            detach(token)
            finish(span, error)
            _step_out(error)
            raise
        detach(token)
        span.end(... if result is None else result)
        return result

    return traced


def _coroutine(function: Any, start: _Begin) -> Any:
    @functools.wraps(function)
    async def traced(*args: Any, **kwargs: Any) -> Any:
        span = start(args, kwargs)
        token = attach(span)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            detach(token)
            finish(span, error)
            _step_out(error)
            raise
        detach(token)
        span.end(... if result is None else result)
        return result

    return traced


def _generator(function: Any, start: _Begin) -> Any:
    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Any:
        span = start(args, kwargs)
        items = Items(span)
        sent, thrown = None, None
        try:
            generator = function(*args, **kwargs)
            while True:
                # The span is current while the body runs, not in whoever consumes what it yields.
                token = attach(span)
                try:
                    item = generator.send(sent) if thrown is None else generator.throw(thrown)
                except StopIteration as stop:
                    result = stop.value
                    break
                finally:
                    detach(token)
                    thrown = None
                items.add(item)
                try:
                    sent = yield item
                except GeneratorExit:
                    _close(generator, span)
                    raise
                except BaseException as error:
                    sent, thrown = None, error
        except BaseException as error:
            finish(span, error)
            _step_out(error)
            raise
        items.end(result)
        return result

    return traced


def _close(generator: Any, span: Span) -> None:
    token = attach(span)
    try:
        generator.close()
    finally:
        detach(token)


def _async_generator(function: Any, start: _Begin) -> Any:
    @functools.wraps(function)
    async def traced(*args: Any, **kwargs: Any) -> Any:
        span = start(args, kwargs)
        items = Items(span)
        sent, thrown = None, None
        try:
            generator = function(*args, **kwargs)
            while True:
                token = attach(span)
                try:
                    item = await (generator.asend(sent) if thrown is None else generator.athrow(thrown))
                except StopAsyncIteration:
                    break
                finally:
                    detach(token)
                    thrown = None
                items.add(item)
                try:
                    sent = yield item
                except GeneratorExit:
                    await _aclose(generator, span)
                    raise
                except BaseException as error:
                    sent, thrown = None, error
        except BaseException as error:
            finish(span, error)
            _step_out(error)
            raise
        items.end(None)

    return traced


async def _aclose(generator: Any, span: Span) -> None:
    token = attach(span)
    try:
        await generator.aclose()
    finally:
        detach(token)
