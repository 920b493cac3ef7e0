"""ollama: chat, generate and embed, at the client's choke points."""

from __future__ import annotations

import inspect
from typing import Any

from flowscope import _runtime
from flowscope._guard import guarded
from flowscope._runtime import CURRENT
from flowscope.instrumentation import _ollama_values as values
from flowscope.instrumentation import _pieces, _watched
from flowscope.instrumentation._calls import Call
from flowscope.instrumentation._patches import Method, Patches

_patches = Patches()


def install(module: Any) -> None:
    """Instrument `ollama._client`. A second time does nothing."""
    _patches.replace(module.Client, "_request_raw", _raw)
    _patches.replace(module.AsyncClient, "_request_raw", _araw)
    _patches.replace(module.Client, "_request", _request)
    _patches.replace(module.AsyncClient, "_request", _arequest)


def uninstall() -> None:
    """Take everything back that install() did."""
    _patches.undo()


@guarded
def _begin(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any], parent: Any = CURRENT) -> Call | None:
    url = next((each for each in args if isinstance(each, str) and each.startswith("/api/")), kwargs.get("url"))
    operation, body = values.operation_of(url), kwargs.get("json")
    if operation is None or not isinstance(body, dict):
        return None
    span = _runtime.start_span(
        f"{operation} {body.get('model')}",
        kind="embedding" if operation == "embeddings" else "llm",
        framework="ollama",
        parent=parent,
        input=values.given(body),
        metadata=values.about(operation, body) | values.server(client),
    )
    return Call(span, values.OllamaReply()) if span.is_recording else None


def _raw(original: Method) -> Method:
    def request_raw(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = _begin(self, args, kwargs)
        if call is None:
            return original(self, *args, **kwargs)
        with call:
            response = original(self, *args, **kwargs)
        _watched.take(response, call)
        return response

    return request_raw


def _araw(original: Method) -> Method:
    async def request_raw(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = _begin(self, args, kwargs)
        if call is None:
            return await original(self, *args, **kwargs)
        with call:
            response = await original(self, *args, **kwargs)
        _watched.take(response, call)
        return response

    return request_raw


def _request(original: Method) -> Method:
    def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = original(self, *args, **kwargs)
        if kwargs.get("stream") and inspect.isgenerator(answer):
            parent = _pieces.caller()
            return _pieces.reading(answer, lambda: _begin(self, args, kwargs, parent), values.piece)
        return answer

    return request


def _arequest(original: Method) -> Method:
    async def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await original(self, *args, **kwargs)
        if kwargs.get("stream") and inspect.isasyncgen(answer):
            parent = _pieces.caller()
            return _pieces.areading(answer, lambda: _begin(self, args, kwargs, parent), values.piece)
        return answer

    return request
