"""litellm: completion, text_completion, responses and embedding, whichever provider they go to."""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any

from flowscope import _runtime
from flowscope._guard import guarded
from flowscope.instrumentation import _genai, _openai_values
from flowscope.instrumentation._calls import Call, current
from flowscope.instrumentation._patches import Method, Patches, is_patched

_patches = Patches()
_streams: weakref.WeakKeyDictionary[Any, Call] = weakref.WeakKeyDictionary()
# By function: the path of OpenAI's API that it speaks, and its first parameters.
_FUNCTIONS = {
    "completion": ("chat/completions", ("model", "messages")),
    "text_completion": ("completions", ("prompt", "model")),
    "responses": ("responses", ("input", "model")),
    "embedding": ("embeddings", ("model", "input")),
}
# By these an asynchronous function marks the synchronous one that it is made of.
_INNER = tuple(f"a{name}" for name in _FUNCTIONS)


def install(module: Any) -> None:
    """Instrument `litellm` or a module with streams of its own. A second time does nothing."""
    if not hasattr(module, "completion"):
        for kind in [each for each in vars(module).values() if getattr(each, "__module__", "") == module.__name__]:
            if isinstance(kind, type):
                _patches.replace(kind, "__next__", _next)
                _patches.replace(kind, "__anext__", _anext)
        return
    for owner in (module, getattr(module, "main", None)):
        if owner is not None:
            for name in _FUNCTIONS:
                _patches.replace(owner, name, partial(_function, name))
                _patches.replace(owner, f"a{name}", partial(_afunction, name))


def uninstall() -> None:
    """Take everything back that install() did."""
    _patches.undo()


@guarded
def _begin(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
    if any(kwargs.get(mark) is True for mark in _INNER):
        return None
    path, names = _FUNCTIONS[name]
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    asked = _openai_values.Asked(path, given)
    if asked.endpoint is None:
        return None
    about, model = asked.about(), given.get("model")
    prefix = model.partition("/")[0] if isinstance(model, str) and "/" in model else given.get("custom_llm_provider")
    provider = _genai.provider(prefix)
    if provider:
        about["gen_ai.provider.name"] = provider
    span = _runtime.start_span(
        asked.operation, kind=asked.endpoint.kind, framework="litellm", input=asked.input(), metadata=about
    )
    return Call(span, asked.endpoint.reply()) if span.is_recording else None


@guarded
def _returned(call: Call, result: Any) -> None:
    provider = _genai.provider(_genai.get(_genai.get(result, "_hidden_params"), "custom_llm_provider"))
    if provider:
        call.span.set("gen_ai.provider.name", provider)
    if hasattr(type(result), "__next__") or hasattr(type(result), "__anext__"):
        if is_patched(type(result), "__next__") or is_patched(type(result), "__anext__"):
            _streams[result] = call
            weakref.finalize(result, call.ended)
            return
        call.reply.complete = True  # a stream around one that is a call of its own
        call.ended()
        return
    call.body(_plain(result))


def _plain(model: Any) -> Any:
    # Without pydantic's warnings: litellm itself puts into its models what is not of their types.
    return model.model_dump(warnings=False) if hasattr(model, "model_dump") else model


def _function(name: str, original: Method) -> Method:
    def function(*args: Any, **kwargs: Any) -> Any:
        call = _begin(name, args, kwargs)
        if call is None:
            return original(*args, **kwargs)
        with call:
            result = original(*args, **kwargs)
        _returned(call, result)
        return result

    return function


def _afunction(name: str, original: Method) -> Method:
    async def function(*args: Any, **kwargs: Any) -> Any:
        call = _begin(name, args, kwargs)
        if call is None:
            return await original(*args, **kwargs)
        with call:
            result = await original(*args, **kwargs)
        _returned(call, result)
        return result

    return function


@guarded
def _piece(call: Call, piece: Any) -> None:
    call.event(_plain(piece))


def _next(original: Method) -> Method:
    def following(self: Any) -> Any:
        call = _streams.get(self)
        if call is None or call.over or current() is call:  # the last: it reads on in itself
            return original(self)
        with call:
            piece = original(self)
        _piece(call, piece)
        return piece

    return following


def _anext(original: Method) -> Method:
    async def following(self: Any) -> Any:
        call = _streams.get(self)
        if call is None or call.over or current() is call:
            return await original(self)
        with call:
            piece = await original(self)
        _piece(call, piece)
        return piece

    return following
