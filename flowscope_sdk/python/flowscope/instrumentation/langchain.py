"""LangChain and LangGraph: a handler in every callback manager, and the bodies that LangChain gives no context.

LangChain says itself what runs where (`var_child_runnable_config`), so nothing is attached in a start callback that
an end callback would have to detach: generators end in other contexts than they began, and would leak. Only models,
retrievers and legacy chains, whose bodies LangChain runs without a context of their own, are wrapped, and embeddings,
of which it tells nothing.
"""

from __future__ import annotations

import copy
import functools
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

from flowscope import _context
from flowscope._guard import guarded
from flowscope.instrumentation import _langchain_embeddings, _langchain_handler, _langchain_runs, _nesting
from flowscope.instrumentation._patches import Method, Patches

if TYPE_CHECKING:
    from flowscope._span import Span

_runs = _langchain_runs.Runs()
_handler: Any = None
_variable: ContextVar[Any] | None = None
_patches = Patches()
_patch = _patches.replace
# The innermost call of a model, retriever or legacy chain that is running in this context.
_body: ContextVar[_Body | None] = ContextVar("flowscope_langchain_body", default=None)


def install(module: Any) -> None:
    """Instrument one of LangChain's modules, as the registry lists them. A second time does nothing."""
    _INSTALL[module.__name__](module)


def uninstall() -> None:
    """Take everything back that install() did."""
    _langchain_embeddings.unhook()
    _patches.undo()
    module = sys.modules.get("langchain_core.tracers.context")
    if module is not None:
        module._configure_hooks[:] = [hook for hook in module._configure_hooks if hook[0] is not _variable]
    _nesting.remove_source("langchain")
    _nesting.remove_source("langchain bodies")


def _hook_managers(module: Any) -> None:
    global _handler, _variable
    if _handler is None:
        _handler = _langchain_handler.handler_class(_runs)()
    if _variable is None:
        # A default is seen in every thread and context; a value set would be seen in this one alone.
        _variable = ContextVar("flowscope_langchain", default=_handler)
    if any(hook[0] is _variable for hook in module._configure_hooks):
        return
    module.register_configure_hook(_variable, True, type(_handler))
    _runs.on_start = _opened
    _nesting.add_source("langchain", _current_run)
    _nesting.add_source("langchain bodies", _running_body)


def handler() -> Any:
    """The one callback handler of this process; None before install()."""
    return _handler


# What runs here, as LangChain knows it


def _current_run() -> Span | None:
    module = sys.modules.get("langchain_core.runnables.config")
    variable = getattr(module, "var_child_runnable_config", None)
    config = variable.get() if variable is not None else None
    if not config:
        return None
    return _runs.known(getattr(config.get("callbacks"), "parent_run_id", None))


class _Body:
    """One call of a model, retriever or legacy chain: its span is current while its body runs, and only then."""

    __slots__ = ("_reset", "kinds", "span")

    def __init__(self, kinds: tuple[str, ...] = (), span: Span | None = None) -> None:
        self.kinds = kinds
        self.span = span  # known once the run that this call makes has begun
        self._reset: Token[_Body | None] | None = None

    def __enter__(self) -> None:
        self._reset = _body.set(self)

    def __exit__(self, *exc: object) -> None:
        if self._reset is not None:
            _context.put_back(_body, self._reset)

    def failed(self, error: BaseException) -> None:
        """LangChain tells of no end if a retriever is interrupted (KeyboardInterrupt, a cancelled task)."""
        if self.span is not None and not isinstance(error, Exception):
            self.span.end(error=error)


def _running_body() -> Span | None:
    body = _body.get()
    return body.span if body is not None else None


@guarded
def _opened(kind: str, span: Span) -> None:
    body = _body.get()
    if body is not None and body.span is None and kind in body.kinds:
        body.span = span


# Bodies that LangChain runs without a context of their own, by the kinds of the spans that their runs may be

_MODEL = ("llm",)
_RETRIEVER = ("retriever",)
_CHAIN = ("chain", "agent")
_TOOL = ("tool",)


def _patch_chat_models(module: Any) -> None:
    model = module.BaseChatModel
    _patch(model, "_generate_with_cache", functools.partial(_in_run, managers=_manager_of))
    _patch(model, "_agenerate_with_cache", functools.partial(_in_run_async, managers=_manager_of))
    _patch(model, "stream", functools.partial(_in_stream, _MODEL))
    _patch(model, "astream", functools.partial(_in_stream_async, _MODEL))


def _patch_text_models(module: Any) -> None:
    model = module.BaseLLM
    _patch(model, "_generate_helper", functools.partial(_in_run, managers=_managers_of))
    _patch(model, "_agenerate_helper", functools.partial(_in_run_async, managers=_managers_of))
    _patch(model, "stream", functools.partial(_in_stream, _MODEL))
    _patch(model, "astream", functools.partial(_in_stream_async, _MODEL))


def _patch_retrievers(module: Any) -> None:
    retriever = module.BaseRetriever
    # Up to 0.1.45 invoke() called get_relevant_documents(), which made the run.
    for name in ("invoke", "get_relevant_documents"):
        _patch(retriever, name, functools.partial(_in_call, _RETRIEVER))
    for name in ("ainvoke", "aget_relevant_documents"):
        _patch(retriever, name, functools.partial(_in_call_async, _RETRIEVER))


def _patch_chains(module: Any) -> None:
    # Up to 0.0.354 invoke() called __call__(), which made the run; later it is the other way round.
    for name in ("invoke", "__call__"):
        _patch(module.Chain, name, functools.partial(_in_call, _CHAIN))
    for name in ("ainvoke", "acall"):
        _patch(module.Chain, name, functools.partial(_in_call_async, _CHAIN))


def _patch_tools(module: Any) -> None:
    tool = vars(module).get("BaseTool")
    if tool is None or tool.__module__ != module.__name__ or hasattr(module, "copy_context"):
        return  # since 0.1.36 LangChain runs a tool in a context of its own
    _patch(tool, "run", functools.partial(_in_call, _TOOL))
    _patch(tool, "arun", functools.partial(_in_call_async, _TOOL))


def _patch_embeddings(module: Any) -> None:
    base = vars(module).get("Embeddings")  # the later package would import it for the asking
    if base is not None:
        _langchain_embeddings.patch(base, _patch)


def _patch_manager(module: Any) -> None:
    _patch(module.AsyncCallbackManager, "on_llm_start", _users_first)


def _manager_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return kwargs.get("run_manager") or (args[3] if len(args) > 3 else None)


def _managers_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    managers = kwargs.get("run_managers") or (args[3] if len(args) > 3 else None)
    return managers[0] if managers else None


def _body_of(manager: Any) -> _Body:
    return _Body((), _runs.known(getattr(manager, "run_id", None)))


def _in_run(original: Method, *, managers: Callable[..., Any]) -> Method:
    def call(*args: Any, **kwargs: Any) -> Any:
        with _body_of(managers(args, kwargs)):
            return original(*args, **kwargs)

    return call


def _in_run_async(original: Method, *, managers: Callable[..., Any]) -> Method:
    async def call(*args: Any, **kwargs: Any) -> Any:
        with _body_of(managers(args, kwargs)):
            return await original(*args, **kwargs)

    return call


def _in_call(kinds: tuple[str, ...], original: Method) -> Method:
    def call(*args: Any, **kwargs: Any) -> Any:
        body = _Body(kinds)
        with body:
            try:
                return original(*args, **kwargs)
            except BaseException as error:
                body.failed(error)
                raise

    return call


def _in_call_async(kinds: tuple[str, ...], original: Method) -> Method:
    async def call(*args: Any, **kwargs: Any) -> Any:
        body = _Body(kinds)
        with body:
            try:
                return await original(*args, **kwargs)
            except BaseException as error:
                body.failed(error)
                raise

    return call


def _in_stream(kinds: tuple[str, ...], original: Method) -> Method:
    def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
        chunks = original(*args, **kwargs)
        body = _Body(kinds)
        try:
            while True:
                with body:
                    try:
                        chunk = next(chunks)
                    except StopIteration:
                        return
                yield chunk
        finally:
            with body:
                chunks.close()

    return stream


def _in_stream_async(kinds: tuple[str, ...], original: Method) -> Method:
    async def stream(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        chunks = original(*args, **kwargs)
        body = _Body(kinds)
        try:
            while True:
                with body:
                    try:
                        chunk = await anext(chunks)
                    except StopAsyncIteration:
                        return
                yield chunk
        finally:
            with body:
                await chunks.aclose()

    return stream


def _users_first(original: Method) -> Callable[..., Coroutine[Any, Any, Any]]:
    """AsyncCallbackManager.on_llm_start tells no other handler once one is inline: tell the others, then ours."""

    async def on_llm_start(self: Any, serialized: Any, prompts: list[str], *run_id: Any, **kwargs: Any) -> Any:
        others = [each for each in self.handlers if each is not _handler]
        if len(others) == len(self.handlers) or all(each.run_inline for each in others):
            return await original(self, serialized, prompts, *run_id, **kwargs)
        start_ns = time.time_ns()
        manager = copy.copy(self)
        manager.handlers = others
        runs = await original(manager, serialized, prompts, *run_id, **kwargs)
        told = {"parent_run_id": self.parent_run_id, "tags": self.tags, "metadata": self.metadata, **kwargs}
        told.pop("run_id", None)
        for run, prompt in zip(runs, prompts, strict=True):
            run.handlers = self.handlers
            _handler.on_llm_start(serialized, [prompt], run_id=run.run_id, start_ns=start_ns, **told)
        return runs

    return on_llm_start


_INSTALL: dict[str, Callable[[Any], None]] = {
    "langchain_core.tracers.context": _hook_managers,
    "langchain_core.callbacks.manager": _patch_manager,
    "langchain_core.language_models.chat_models": _patch_chat_models,
    "langchain_core.language_models.llms": _patch_text_models,
    "langchain_core.retrievers": _patch_retrievers,
    "langchain_core.tools": _patch_tools,
    "langchain_core.embeddings": _patch_embeddings,
    "langchain_core.embeddings.embeddings": _patch_embeddings,
    "langchain.chains.base": _patch_chains,
    "langchain_classic.chains.base": _patch_chains,
}
