"""aiohttp: requests made inside a span carry it to the other side, and those that come in are spans."""

from __future__ import annotations

from typing import Any

from flowscope.instrumentation import _http_client, _http_server
from flowscope.instrumentation._patches import Method, Patches

_patches = Patches()


def install(module: Any) -> None:
    """Instrument `aiohttp.client` or `aiohttp.web_app`. A second time does nothing."""
    if hasattr(module, "ClientSession"):
        _patches.replace(module.ClientSession, "_request", _request)
    else:
        _patches.replace(module.Application, "_handle", _handle)


def uninstall() -> None:
    """Take everything back that install() did."""
    _patches.undo()


def _request(original: Method) -> Method:
    async def request(self: Any, method: Any, url: Any, *args: Any, **kwargs: Any) -> Any:
        given = _http_client.pairs(kwargs.get("headers"))
        if given:
            kwargs["headers"] = given  # it may be read only once
        host = getattr(url, "host", None) or getattr(_parsed(str(url)), "hostname", None)
        mine = _http_client.to_send(host, [name for name, _ in [*given, *_http_client.pairs(self.headers)]])
        if mine:
            kwargs["headers"] = [*given, *mine.items()]
        return await original(self, method, url, *args, **kwargs)

    return request


def _parsed(url: str) -> Any:
    from urllib.parse import urlsplit

    try:
        return urlsplit(url)
    except ValueError:
        return None


def _handle(original: Method) -> Method:
    async def handle(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        if request.headers.get("upgrade", "").lower() == "websocket":
            return await original(self, request, *args, **kwargs)
        served = _http_server.begin("aiohttp", request.method, request.path, request.query_string, request.headers)
        with served:
            response = await original(self, request, *args, **kwargs)
            served.answered(getattr(response, "status", 0))
            resource = getattr(getattr(request, "match_info", None), "route", None)
            served.route(getattr(getattr(resource, "resource", None), "canonical", None))
        return response

    return handle
