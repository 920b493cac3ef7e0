"""LangChain's embeddings, which have no callbacks: the methods of every class that is one make spans of their own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, cast

from flowscope import _context, _runtime
from flowscope._guard import guarded
from flowscope.instrumentation._langchain_values import embedding_metadata, embedding_output

_Method = Callable[..., Any]
_METHODS = ("embed_documents", "embed_query", "aembed_documents", "aembed_query")
# The object whose method makes the span: embed_query() that asks its own embed_documents() is one call.
_inside: ContextVar[Any] = ContextVar("flowscope_langchain_embedding", default=None)


def patch(base: Any, patch_method: Callable[[type, str, Callable[[_Method], _Method]], None]) -> None:
    """Patch the methods of all embeddings there are, and have those to come patched when their class is made."""
    if base in _hooked:
        return
    for cls in _all(base):
        _patch_class(cls, patch_method)

    original = base.__dict__.get("__init_subclass__")

    def made(cls: Any, **kwargs: Any) -> None:
        if original is not None:
            original.__get__(None, cls)(**kwargs)
        else:
            super(base, cls).__init_subclass__(**kwargs)
        if base.__dict__.get("__init_subclass__") is hook:
            _patch_class(cls, patch_method)

    hook = cast("Any", classmethod)(made)
    setattr(base, "__init_subclass__", hook)  # noqa: B010 - to a type checker it is a method
    _hooked[base] = original


_hooked: dict[type, Any] = {}


def unhook() -> None:
    """Leave the classes to come alone."""
    while _hooked:
        base, original = _hooked.popitem()
        if original is None:
            delattr(base, "__init_subclass__")
        else:
            setattr(base, "__init_subclass__", original)  # noqa: B010


def _all(base: Any) -> list[type]:
    found: list[type] = [base]
    for cls in found:
        for each in cast("list[type]", type.__subclasses__(cls)):
            if each not in found:
                found.append(each)
    return found


def _patch_class(cls: type, patch_method: Callable[[type, str, Callable[[_Method], _Method]], None]) -> None:
    for name in _METHODS:
        method = cls.__dict__.get(name)
        if method is not None and not getattr(method, "__isabstractmethod__", False):
            patch_method(cls, name, functools.partial(_embed_async if name.startswith("a") else _embed, name))


def _embed(name: str, original: _Method) -> _Method:
    def embed(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _inside.get() is self:
            return original(self, *args, **kwargs)
        call = _Call(self, name, args, kwargs)
        with call:
            vectors = original(self, *args, **kwargs)
            call.answered(vectors)
            return vectors

    return embed


def _embed_async(name: str, original: _Method) -> _Method:
    async def embed(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _inside.get() is self:
            return await original(self, *args, **kwargs)
        call = _Call(self, name, args, kwargs)
        with call:
            vectors = await original(self, *args, **kwargs)
            call.answered(vectors)
            return vectors

    return embed


class _Call:
    """One call: its span is current inside of it."""

    def __init__(self, model: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        key = "text" if name.endswith("query") else "texts"
        self._model = model
        self._span = _runtime.start_span(
            type(model).__name__,
            kind="embedding",
            framework="langchain",
            input={key: args[0] if args else kwargs.get(key)},
            metadata=embedding_metadata(model),
        )

    def __enter__(self) -> None:
        self._token = _context.attach(self._span)
        self._around = _inside.get()
        _inside.set(self._model)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        _inside.set(self._around)  # no reset(): a coroutine may be closed from another context
        _context.detach(self._token)
        if error is not None:
            self._span.end(error=error)

    @guarded
    def answered(self, vectors: Any) -> None:
        self._span.end(embedding_output(vectors))
