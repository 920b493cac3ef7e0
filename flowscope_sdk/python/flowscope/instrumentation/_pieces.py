"""Generators of a client that yield an answer's pieces: read along as the program reads them.

What is handed out is a generator as it was, and does not begin before the program reads it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from flowscope import _context
from flowscope._runtime import CURRENT
from flowscope.instrumentation._calls import Call

Begin = Callable[[], Call | None]
Decode = Callable[[Any], Any]


def caller() -> Any:
    """The parent of a call that is made here, whoever reads its pieces later."""
    span = _context.current()
    return CURRENT if span is None else span


def reading(pieces: Generator[Any, Any, Any], begin: Begin, decode: Decode) -> Generator[Any, Any, Any]:
    """`pieces`, each told to the call that `begin` starts when the first one is asked for."""
    call = begin()
    if call is None:
        return (yield from pieces)
    try:
        while True:
            with call:  # current while the client works, not in whoever reads
                try:
                    piece = next(pieces)
                except StopIteration as stop:
                    call.ended()
                    return stop.value
            call.event(decode(piece))
            yield piece
    except BaseException as error:
        call.fail(error)
        raise
    finally:
        pieces.close()


async def areading(pieces: AsyncGenerator[Any, Any], begin: Begin, decode: Decode) -> AsyncGenerator[Any, Any]:
    """The same, asynchronous."""
    call = begin()
    try:
        while True:
            with call or contextlib.nullcontext():
                try:
                    piece = await anext(pieces)
                except StopAsyncIteration:
                    if call is not None:
                        call.ended()
                    return
            if call is not None:
                call.event(decode(piece))
            yield piece
    except BaseException as error:
        if call is not None:
            call.fail(error)
        raise
    finally:
        # A loop that ends closes all generators at once, so that one may be being closed already.
        with contextlib.suppress(RuntimeError):
            await pieces.aclose()
