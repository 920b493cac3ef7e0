"""urllib3, and with it requests: requests made inside a span carry it to the other side."""

from __future__ import annotations

from typing import Any

from flowscope.instrumentation import _http_client
from flowscope.instrumentation._patches import Method, Patches

_patches = Patches()


def install(module: Any) -> None:
    """Instrument `urllib3.connectionpool`. A second time does nothing."""
    _patches.replace(module.HTTPConnectionPool, "urlopen", _urlopen)


def uninstall() -> None:
    """Take everything back that install() did."""
    _patches.undo()


def _urlopen(original: Method) -> Method:
    def urlopen(self: Any, method: Any, url: Any, body: Any = None, headers: Any = None, *more: Any, **kw: Any) -> Any:
        given = headers if headers is not None else getattr(self, "headers", None) or {}
        mine = _http_client.to_send(getattr(self, "host", None), given)
        if mine:
            # A copy, of the same kind where it may hold several values a name. The caller's stays as it is.
            headers = given.copy() if hasattr(given, "copy") else dict(given)
            headers.update(mine)
        return original(self, method, url, body, headers, *more, **kw)

    return urlopen
