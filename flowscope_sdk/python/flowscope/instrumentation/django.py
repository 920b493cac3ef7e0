"""Django: every request is a span, under WSGI and ASGI."""

from __future__ import annotations

from typing import Any

from flowscope.instrumentation import _asgi, _http_server, _wsgi
from flowscope.instrumentation._patches import Method, Patches

_patches = Patches()


def install(module: Any) -> None:
    """Instrument one of Django's modules, as the registry lists them. A second time does nothing."""
    if hasattr(module, "WSGIHandler"):
        _patches.replace(module.WSGIHandler, "__call__", lambda original: _wsgi.wrap(original, "django"))
    elif hasattr(module, "ASGIHandler"):
        _patches.replace(module.ASGIHandler, "__call__", lambda original: _asgi.wrap(original, lambda _: "django"))
    elif hasattr(module, "BaseHandler"):
        _patches.replace(module.BaseHandler, "resolve_request", _resolved)
    elif hasattr(module, "response_for_exception"):
        _patches.replace(module, "response_for_exception", _raised)


def uninstall() -> None:
    """Take everything back that install() did."""
    _patches.undo()


def _raised(original: Method) -> Method:
    def response_for_exception(request: Any, exc: Any, *args: Any, **kwargs: Any) -> Any:
        served = _http_server.current()
        if served is not None:
            served.error = exc
        return original(request, exc, *args, **kwargs)

    return response_for_exception


def _resolved(original: Method) -> Method:
    def resolve_request(self: Any, *args: Any, **kwargs: Any) -> Any:
        match = original(self, *args, **kwargs)
        served = _http_server.current()
        if served is not None:
            served.route(getattr(match, "route", None))
        return match

    return resolve_request
