"""google-genai: content and embeddings, at the API client that all of its modules send through."""

from __future__ import annotations

import inspect
import weakref
from typing import Any

import orjson

from flowscope import _runtime
from flowscope._guard import guarded
from flowscope._runtime import CURRENT
from flowscope.instrumentation import _google_genai_values as values
from flowscope.instrumentation import _pieces
from flowscope.instrumentation._calls import Call
from flowscope.instrumentation._patches import Method, Patches

_patches = Patches()


def install(module: Any) -> None:
    """Instrument `google.genai._api_client`. A second time does nothing."""
    client = module.BaseApiClient
    _patches.replace(client, "request", _request)
    _patches.replace(client, "async_request", _arequest)
    _patches.replace(client, "request_streamed", _streamed)
    _patches.replace(client, "async_request_streamed", _astreamed)


def uninstall() -> None:
    """Take everything back that install() did."""
    _patches.undo()


@guarded
def _begin(client: Any, path: Any, body: Any, parent: Any = CURRENT) -> Call | None:
    asked = values.asked(path)
    if asked is None or not isinstance(body, dict):
        return None
    operation, model = asked
    span = _runtime.start_span(
        f"{operation} {model}",
        kind="embedding" if operation == "embeddings" else "llm",
        framework="google-genai",
        parent=parent,
        input=values.given(body),
        metadata=values.about(operation, model, body) | values.server(client),
    )
    return Call(span, values.ContentReply()) if span.is_recording else None


def _decoded(response: Any) -> Any:
    if isinstance(response, dict):  # up to 1.20
        return response
    body = getattr(response, "body", None)
    try:
        return orjson.loads(body) if body else {}
    except ValueError:
        return {}


def _request(original: Method) -> Method:
    def request(self: Any, http_method: Any, path: Any, request_dict: Any, *args: Any, **kwargs: Any) -> Any:
        call = _begin(self, path, request_dict)
        if call is None:
            return original(self, http_method, path, request_dict, *args, **kwargs)
        with call:
            response = original(self, http_method, path, request_dict, *args, **kwargs)
        call.body(_decoded(response))
        return response

    return request


def _arequest(original: Method) -> Method:
    async def request(self: Any, http_method: Any, path: Any, request_dict: Any, *args: Any, **kwargs: Any) -> Any:
        call = _begin(self, path, request_dict)
        if call is None:
            return await original(self, http_method, path, request_dict, *args, **kwargs)
        with call:
            response = await original(self, http_method, path, request_dict, *args, **kwargs)
        call.body(_decoded(response))
        return response

    return request


def _streamed(original: Method) -> Method:
    def request(self: Any, http_method: Any, path: Any, request_dict: Any, *args: Any, **kwargs: Any) -> Any:
        pieces = original(self, http_method, path, request_dict, *args, **kwargs)
        if not inspect.isgenerator(pieces):
            return pieces
        parent = _pieces.caller()
        return _pieces.reading(pieces, lambda: _begin(self, path, request_dict, parent), _decoded)

    return request


def _astreamed(original: Method) -> Method:
    async def request(self: Any, http_method: Any, path: Any, request_dict: Any, *args: Any, **kwargs: Any) -> Any:
        call = _begin(self, path, request_dict)
        if call is None:
            return await original(self, http_method, path, request_dict, *args, **kwargs)
        with call:
            pieces = await original(self, http_method, path, request_dict, *args, **kwargs)
        if not inspect.isasyncgen(pieces):
            call.ended()
            return pieces
        read = _pieces.areading(pieces, lambda: call, _decoded)
        weakref.finalize(read, call.ended)  # it may never be begun
        return read

    return request
