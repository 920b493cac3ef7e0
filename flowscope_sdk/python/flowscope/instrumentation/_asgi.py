"""ASGI applications: one span a request, whatever is mounted in what; bodies pass by, websockets are not touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowscope.instrumentation import _http_server
from flowscope.instrumentation._http_server import Served
from flowscope.instrumentation._patches import Method

_SEEN = "flowscope"
"""In the scope of a request that has its span: an application that is mounted in another makes none of its own."""


def wrap(original: Method, framework_of: Callable[[Any], str]) -> Method:
    """`original` is an application's `__call__(self, scope, receive, send)`."""

    async def call(self: Any, scope: Any, receive: Any, send: Any) -> Any:
        if scope.get("type") != "http" or _SEEN in scope:
            return await original(self, scope, receive, send)
        served = _http_server.begin(
            framework_of(self),
            str(scope.get("method", "")),
            str(scope.get("path", "")),
            bytes(scope.get("query_string", b"")).decode("latin-1"),
            scope.get("headers", ()),
        )
        scope[_SEEN] = True
        served.open = True
        with served:
            await original(self, scope, receive, _sender(send, served, scope))
        served.end(left=served.open)
        return None

    return call


def _sender(send: Any, served: Served, scope: Any) -> Any:
    async def sending(message: Any) -> None:
        kind = message.get("type")
        if kind == "http.response.start":
            served.answered(message.get("status", 0))
            served.route(_route(scope))
        await send(message)
        if kind == "http.response.body" and not message.get("more_body"):
            served.open = False
            if served.status < 500:  # after that the program may still raise what it was that failed
                served.end()

    return sending


def _route(scope: Any) -> Any:
    route = scope.get("route")
    path = getattr(route, "path_format", None) or getattr(route, "path", None)
    return f"{scope.get('root_path', '')}{path}" if isinstance(path, str) else None
