"""MCP clients and servers: a request is a span on either side, and its `_meta` carries the one to the other.

The SDK's second generation sends through dispatchers and serves through a runner; the first has sessions for both.
"""

from __future__ import annotations

from typing import Any

from flowscope.instrumentation import _mcp_requests as requests
from flowscope.instrumentation._patches import Method, Patches

_patches = Patches()


def install(module: Any) -> None:
    """Instrument one of the SDK's modules, as the registry lists them. A second time does nothing."""
    for owner, name, make in (
        ("JSONRPCDispatcher", "send_raw_request", _send),
        ("DirectDispatcher", "send_raw_request", _send),
        ("ServerRunner", "_on_request", _serve),
        ("BaseSession", "send_request", _send_model),
        ("Server", "_handle_request", _serve_model),
    ):
        patched = getattr(module, owner, None)
        if patched is not None:
            _patches.replace(patched, name, make)


def uninstall() -> None:
    """Take everything back that install() did."""
    _patches.undo()


def _send(original: Method) -> Method:
    async def send_raw_request(self: Any, method: Any, params: Any, *args: Any, **kwargs: Any) -> Any:
        with requests.sending(method, params) as request:
            params = request.with_context(params)
            result = await original(self, method, params, *args, **kwargs)
            request.answered(result)
            return result

    return send_raw_request


def _serve(original: Method) -> Method:
    async def on_request(self: Any, dctx: Any, method: Any, params: Any) -> Any:
        with requests.serving(method, params) as request:
            result = await original(self, dctx, method, params)
            request.answered(result)
            return result

    return on_request


def _send_model(original: Method) -> Method:
    async def send_request(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        method, params = requests.of_model(request)
        with requests.sending(method, params) as sent:
            result = await original(self, sent.model_with_context(request), *args, **kwargs)
            sent.answered(requests.plain(result))
            return result

    return send_request


def _serve_model(original: Method) -> Method:
    async def handle_request(self: Any, message: Any, req: Any, *args: Any, **kwargs: Any) -> Any:
        method, params = requests.of_model(req)
        with requests.serving(method, params) as served:
            served.watch(message)
            return await original(self, message, req, *args, **kwargs)

    return handle_request
