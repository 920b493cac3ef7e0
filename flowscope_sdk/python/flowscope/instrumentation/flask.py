"""Flask: every request is a span."""

from __future__ import annotations

from typing import Any

from flowscope.instrumentation import _http_server, _wsgi
from flowscope.instrumentation._patches import Method, Patches

_patches = Patches()


def install(module: Any) -> None:
    """Instrument `flask.app`. A second time does nothing."""
    _patches.replace(module.Flask, "__call__", lambda original: _wsgi.wrap(original, "flask"))
    _patches.replace(module.Flask, "handle_exception", _handled)
    _patches.replace(module.Flask, "dispatch_request", _dispatched)


def uninstall() -> None:
    """Take everything back that install() did."""
    _patches.undo()


def _handled(original: Method) -> Method:
    def handle_exception(self: Any, *args: Any, **kwargs: Any) -> Any:
        served = _http_server.current()
        if served is not None:
            served.error = next((each for each in [*args, *kwargs.values()] if isinstance(each, BaseException)), None)
        return original(self, *args, **kwargs)

    return handle_exception


def _dispatched(original: Method) -> Method:
    def dispatch_request(self: Any, *args: Any, **kwargs: Any) -> Any:
        served = _http_server.current()
        if served is not None:
            served.route(_rule())
        return original(self, *args, **kwargs)

    return dispatch_request


def _rule() -> Any:
    import sys

    request = getattr(sys.modules.get("flask"), "request", None)
    try:
        return getattr(getattr(request, "url_rule", None), "rule", None)
    except Exception:
        return None
