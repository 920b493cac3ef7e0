"""Requests that leave the program tell the other side which span they belong to.

They make no spans themselves, and outside of any span nothing is sent. Nor is anything sent to the public hosts of
model providers: who calls them is none of their business, and they would not join in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flowscope import _propagate
from flowscope._guard import failed
from flowscope.instrumentation import _genai

NAMES = frozenset(("traceparent", "tracestate", "baggage"))


def to_send(host: object, present: Iterable[object]) -> dict[str, str]:
    """The headers to add to a request for `host` that has the headers `present`; never one that it has already."""
    try:
        mine = _propagate.outgoing()
        if not mine or _genai.provider_at(host, ""):
            return {}
        there = {_name(name) for name in present} & NAMES
        if "traceparent" in there:
            return {}
        return {name: value for name, value in mine.items() if name not in there}
    except Exception as error:
        failed("propagating", error)
        return {}


def pairs(headers: Any) -> list[tuple[Any, Any]]:
    """Headers in any of the forms that clients take, as pairs."""
    if headers is None:
        return []
    return list(headers.items()) if isinstance(headers, Mapping) or hasattr(headers, "items") else list(headers)


def _name(name: object) -> str:
    return name.decode("latin-1").lower() if isinstance(name, bytes) else str(name).lower()


def add(request: Any) -> list[str]:
    """Add what to_send() says to an httpx request; the names that remove() takes off again."""
    try:
        headers = request.headers
        mine = to_send(request.url.host, headers.keys())
        for name, value in mine.items():
            headers[name] = value
        return list(mine)
    except Exception as error:
        failed("propagating", error)
        return []


def remove(request: Any, names: list[str]) -> None:
    """Leave a request, which is the program's and may be sent again, as it was."""
    try:
        for name in names:
            del request.headers[name]
    except Exception as error:
        failed("propagating", error)


def patch_httpx(patches: Any, module: Any) -> None:
    """Patch `send` of both clients in httpx's `_client`, or in that of its kin."""
    patches.replace(module.Client, "send", _send)
    patches.replace(module.AsyncClient, "send", _asend)


def _send(original: Any) -> Any:
    def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        names = add(request)
        try:
            return original(self, request, *args, **kwargs)
        finally:
            if names:
                remove(request, names)

    return send


def _asend(original: Any) -> Any:
    async def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        names = add(request)
        try:
            return await original(self, request, *args, **kwargs)
        finally:
            if names:
                remove(request, names)

    return send
