"""Watching the body of an httpx response as the program reads it: nothing is read, kept or delayed on our account.

What is shadowed stands on the one response object and goes again when its body is over, so that streams, raw responses
and whatever else a client makes of it keep their identity and type. httpx and httpx2 are alike in all that is used.
"""

from __future__ import annotations

import base64
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import orjson

from flowscope import _capture
from flowscope._guard import failed, guarded
from flowscope.instrumentation._calls import Call

_SHADOWED = ("iter_bytes", "aiter_bytes", "close", "aclose")
# A line longer than this is not looked at: one event of a stream is a few hundred bytes, a picture some megabytes.
_LONGEST = 32 << 20


def watch(response: Any, call: Call) -> None:
    """Tell `call` what comes out of `response`, an httpx response whose body has not been read."""
    body = _body_of(response, call)
    call.watched = True
    ref = weakref.ref(response)
    kind = type(response)

    def iter_bytes(*args: Any, **kwargs: Any) -> Iterator[bytes]:
        return _Chunks(kind.iter_bytes(ref(), *args, **kwargs), body)

    def aiter_bytes(*args: Any, **kwargs: Any) -> AsyncIterator[bytes]:
        return _AsyncChunks(kind.aiter_bytes(ref(), *args, **kwargs), body)

    def close() -> None:
        response = ref()
        if response is not None:
            kind.close(response)
        body.closed()

    async def aclose() -> None:
        response = ref()
        if response is not None:
            await kind.aclose(response)
        body.closed()

    for name, shadow in zip(_SHADOWED, (iter_bytes, aiter_bytes, close, aclose), strict=True):
        setattr(response, name, shadow)
    body.release = lambda: _unshadow(ref())
    weakref.finalize(response, body.end)


@guarded
def take(response: Any, call: Call) -> None:
    """Tell `call` what stands in `response`, whose body has been read."""
    call.body(_decoded(response.content))


def is_read(response: Any) -> bool:
    """Whether the body is there already."""
    try:
        return response.content is not None
    except Exception:  # httpx's ResponseNotRead
        return False


def _body_of(response: Any, call: Call) -> Body:
    kind = str(response.headers.get("content-type", ""))
    if kind.startswith("text/event-stream"):
        return Events(call)
    if "amazon.eventstream" in kind:
        return AmazonEvents(call)
    return Lines(call) if "ndjson" in kind else Whole(call)


def _unshadow(response: Any) -> None:
    if response is not None:
        for name in _SHADOWED:
            vars(response).pop(name, None)


def _decoded(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except ValueError:  # audio, a file, an error page
        return {"bytes": len(data)}


class _Chunks:
    """What httpx's own generator gives, each piece looked at as it passes.

    No generator itself: one more to be closed would change in which order, and by whom, the others are.
    """

    def __init__(self, chunks: Iterator[bytes], body: Body) -> None:
        self._chunks = chunks
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        body = self._body
        body.busy = True
        try:
            chunk = next(self._chunks)
        except StopIteration:
            body.end()
            raise
        except BaseException as error:
            body.fail(error)
            raise
        finally:
            body.busy = False
        body.feed(chunk)
        return chunk

    def close(self) -> None:
        self._chunks.close()  # type: ignore[attr-defined]


class _AsyncChunks:
    """The same, asynchronous."""

    def __init__(self, chunks: AsyncIterator[bytes], body: Body) -> None:
        self._chunks = chunks
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        body = self._body
        body.busy = True
        try:
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            body.end()
            raise
        except BaseException as error:
            body.fail(error)
            raise
        finally:
            body.busy = False
        body.feed(chunk)
        return chunk

    async def aclose(self) -> None:
        await self._chunks.aclose()  # type: ignore[attr-defined]


class Body:
    """A body that is being read."""

    busy = False
    """The program waits for the next piece: a close in the meantime is httpx's own."""
    release: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, call: Call) -> None:
        self.call = call

    def feed(self, chunk: bytes) -> None:
        """One piece of the body, as the program gets it."""
        if not self.call.over:
            try:
                self._feed(chunk)
            except Exception as error:
                failed("reading along", error)

    @guarded
    def fail(self, error: BaseException) -> None:
        """Reading broke off."""
        self.call.fail(error)
        self.release()

    @guarded
    def closed(self) -> None:
        """The program closes the response; or httpx, when all of it is read."""
        if not self.busy:
            self.end()

    @guarded
    def end(self) -> None:
        """The body is over, or left, or forgotten."""
        self._over()
        self.release()

    def _feed(self, chunk: bytes) -> None:
        raise NotImplementedError

    def _over(self) -> None:
        self.call.ended()


class Lines(Body):
    """One JSON object a line."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._rest = bytearray()

    def _feed(self, chunk: bytes) -> None:
        rest = self._rest
        rest += chunk
        if b"\n" not in chunk:
            if len(rest) > _LONGEST:
                rest.clear()
            return
        *lines, last = bytes(rest).split(b"\n")
        self._rest = bytearray(last)
        for line in lines:
            self._line(line.rstrip(b"\r"))

    def _line(self, line: bytes) -> None:
        if line:
            self.call.event(_decoded(line))

    def _over(self) -> None:
        if self._rest and not self.call.over:
            self._line(bytes(self._rest))
        super()._over()


class Events(Lines):
    """Server-sent events with JSON in them."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._data: list[bytes] = []

    def _line(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            self._data.append(line[5:].lstrip(b" "))
        elif not line and self._data:
            data, self._data = b"\n".join(self._data), []
            if data.strip() == b"[DONE]":
                self.call.reply.complete = True
            else:
                self.call.event(_decoded(data))

    def _over(self) -> None:
        if not self.call.over:
            self._line(b"")
        super()._over()


class AmazonEvents(Body):
    """Amazon's binary event stream, as Bedrock answers: in each message JSON, in that the event as base64.

    A message is its whole length and its headers' length (4 bytes each, big-endian), a checksum of these (4), headers,
    payload and a checksum (4).
    """

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._rest = b""

    def _feed(self, chunk: bytes) -> None:
        rest = self._rest + chunk
        while len(rest) >= 12:
            length, headers = int.from_bytes(rest[:4], "big"), int.from_bytes(rest[4:8], "big")
            if not 16 + headers <= length <= _LONGEST:
                rest = b""  # not what it says it is
            elif len(rest) < length:
                break
            else:
                self._message(rest[12 + headers : length - 4])
                rest = rest[length:]
        self._rest = rest

    def _message(self, payload: bytes) -> None:
        event = _decoded(payload)
        inner = event.get("bytes") if isinstance(event, dict) else None
        self.call.event(_decoded(base64.b64decode(inner)) if isinstance(inner, str) else event)


class Whole(Body):
    """One JSON value, read in pieces."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._chunks: list[bytes] = []
        self._size = 0

    def _feed(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= max(_LONGEST, 2 * _capture.limit):
            self._chunks.append(chunk)

    def _over(self) -> None:
        if self.call.over:
            return
        if not self._chunks:
            super()._over()
        elif self._size > max(_LONGEST, 2 * _capture.limit):
            self.call.body({"bytes": self._size})
        else:
            self.call.body(_decoded(b"".join(self._chunks)))
        self._chunks.clear()
