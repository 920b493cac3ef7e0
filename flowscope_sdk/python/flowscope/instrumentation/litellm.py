"""litellm: completion, text_completion and embedding, whichever provider they go to."""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any

from flowscope import _runtime
from flowscope._guard import guarded
from flowscope.instrumentation import _genai, _openai_values
from flowscope.instrumentation._calls import Call
from flowscope.instrumentation._patches import Method, Patches
from flowscope.instrumentation._serialise import plain

_patches = Patches()
_streams: weakref.WeakKeyDictionary[Any, Call] = weakref.WeakKeyDictionary()
_FUNCTIONS = {
    "completion": ("chat", "llm", "messages"),
    "text_completion": ("text_completion", "llm", "prompt"),
    "embedding": ("embeddings", "embedding", "input"),
}
# By these an asynchronous function marks the synchronous one that it is made of.
_INNER = ("acompletion", "atext_completion", "aembedding")


def install(module: Any) -> None:
    """Instrument `litellm` or its streaming handler. A second time does nothing."""
    if hasattr(module, "CustomStreamWrapper") and not hasattr(module, "completion"):
        _patches.replace(module.CustomStreamWrapper, "__next__", _next)
        _patches.replace(module.CustomStreamWrapper, "__anext__", _anext)
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
    operation, kind, given = _FUNCTIONS[name]
    names = ("prompt", "model") if name == "text_completion" else ("model", given)
    asked = {**dict(zip(names, args, strict=False)), **kwargs}
    model = asked.get("model")
    about: dict[str, Any] = {"gen_ai.operation.name": operation, **_genai.request(asked)}
    prefix = model.partition("/")[0] if isinstance(model, str) and "/" in model else asked.get("custom_llm_provider")
    provider = _genai.provider(prefix)
    if provider:
        about["gen_ai.provider.name"] = provider
    tools = asked.get("tools") or asked.get("functions")
    if isinstance(tools, list) and tools:
        about["gen_ai.tool.definitions"] = plain(tools, depth=12)
    span = _runtime.start_span(
        f"{operation} {model}", kind=kind, framework="litellm", input={given: asked.get(given)}, metadata=about
    )
    reply = _openai_values.EmbeddingsReply() if kind == "embedding" else _openai_values.ChatReply()
    return Call(span, reply) if span.is_recording else None


@guarded
def _returned(call: Call, result: Any) -> None:
    provider = _genai.provider(_genai.get(_genai.get(result, "_hidden_params"), "custom_llm_provider"))
    if provider:
        call.span.set("gen_ai.provider.name", provider)
    if hasattr(type(result), "__next__") or hasattr(type(result), "__anext__"):
        if type(result).__name__ == "CustomStreamWrapper":
            _streams[result] = call
            weakref.finalize(result, call.ended)
            return
        call.reply.complete = True  # a stream around one that is a call of its own
        call.ended()
        return
    call.body(_plain(result))


def _plain(model: Any) -> Any:
    return model.model_dump() if hasattr(model, "model_dump") else model


def _function(name: str, original: Method) -> Method:
    def function(*args: Any, **kwargs: Any) -> Any:
        call = _begin(name, args, kwargs)
        if call is None:
            return original(*args, **kwargs)
        try:
            with call:
                result = original(*args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        _returned(call, result)
        return result

    return function


def _afunction(name: str, original: Method) -> Method:
    async def function(*args: Any, **kwargs: Any) -> Any:
        call = _begin(name, args, kwargs)
        if call is None:
            return await original(*args, **kwargs)
        try:
            with call:
                result = await original(*args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        _returned(call, result)
        return result

    return function


@guarded
def _piece(call: Call, piece: Any) -> None:
    call.event(_plain(piece))


def _next(original: Method) -> Method:
    def following(self: Any) -> Any:
        call = _streams.get(self)
        if call is None or call.over:
            return original(self)
        try:
            with call:
                piece = original(self)
        except StopIteration:
            call.ended()
            raise
        except BaseException as error:
            call.fail(error)
            raise
        _piece(call, piece)
        return piece

    return following


def _anext(original: Method) -> Method:
    async def following(self: Any) -> Any:
        call = _streams.get(self)
        if call is None or call.over:
            return await original(self)
        try:
            with call:
                piece = await original(self)
        except StopAsyncIteration:
            call.ended()
            raise
        except BaseException as error:
            call.fail(error)
            raise
        _piece(call, piece)
        return piece

    return following
