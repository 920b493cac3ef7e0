"""LlamaIndex: a span handler and an event handler on the root dispatcher, and streams that keep their spans open."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from flowscope._guard import guarded
from flowscope.instrumentation import _llamaindex_values as values
from flowscope.instrumentation import _nesting
from flowscope.instrumentation._llamaindex_calls import Call
from flowscope.instrumentation._llamaindex_spans import Calls

_root: Any = None
_handlers: tuple[Any, Any] | None = None
_calls: Calls | None = None


def install(module: Any) -> None:
    """Instrument LlamaIndex; `module` has `get_dispatcher`. A second time, or its other name, does nothing."""
    global _root, _handlers, _calls
    root = module.get_dispatcher("root")
    if _handlers is not None and any(handler is _handlers[0] for handler in root.span_handlers):
        return
    if _calls is None or _handlers is None:
        _calls = Calls(importlib.import_module(f"{module.__name__}.span").active_span_id)
        _handlers = _span_handler(module, _calls), _event_handler(module, _calls)
    _root = root
    root.add_span_handler(_handlers[0])
    root.add_event_handler(_handlers[1])
    _nesting.add_source("llamaindex", _calls.current)


def uninstall() -> None:
    """Take everything back that install() did."""
    if _root is not None and _handlers is not None:
        _root.span_handlers = [each for each in _root.span_handlers if each is not _handlers[0]]
        _root.event_handlers = [each for each in _root.event_handlers if each is not _handlers[1]]
    _nesting.remove_source("llamaindex")


def _span_handler(module: Any, calls: Calls) -> Any:
    base = importlib.import_module(f"{module.__name__}.span_handlers").BaseSpanHandler

    class FlowScopeSpanHandler(base):  # type: ignore[misc, valid-type]
        """Tells FlowScope of every span; keeps none itself."""

        @classmethod
        def class_name(cls) -> str:
            return "FlowScopeSpanHandler"

        @guarded
        def span_enter(
            self,
            id_: str,
            bound_args: inspect.BoundArguments,
            instance: Any = None,
            parent_id: str | None = None,
            tags: Any = None,
            **kwargs: Any,
        ) -> None:
            calls.enter(id_, bound_args, instance, parent_id, tags)

        @guarded
        def span_exit(self, id_: str, bound_args: Any, instance: Any = None, result: Any = None, **kwargs: Any) -> None:
            calls.leave(id_, instance, result)

        @guarded
        def span_drop(
            self, id_: str, bound_args: Any, instance: Any = None, err: BaseException | None = None, **kwargs: Any
        ) -> None:
            calls.drop(id_, instance, err)

        def new_span(self, *args: Any, **kwargs: Any) -> None:
            return None

        def prepare_to_exit_span(self, *args: Any, **kwargs: Any) -> None:
            return None

        def prepare_to_drop_span(self, *args: Any, **kwargs: Any) -> None:
            return None

    return FlowScopeSpanHandler()


def _event_handler(module: Any, calls: Calls) -> Any:
    base = importlib.import_module(f"{module.__name__}.event_handlers").BaseEventHandler

    class FlowScopeEventHandler(base):  # type: ignore[misc, valid-type]
        """Tells FlowScope what a model, an embedding or a retriever says of its call."""

        @classmethod
        def class_name(cls) -> str:
            return "FlowScopeEventHandler"

        @guarded
        def handle(self, event: Any, **kwargs: Any) -> None:
            tell = _EVENTS.get(event.class_name())
            if tell is not None:
                call = calls.find(event.span_id)
                if call is not None:
                    tell(calls, call, event)

    return FlowScopeEventHandler()


def _chat_start(calls: Calls, call: Call, event: Any) -> None:
    call.span.input = {"messages": [values.message(each) for each in event.messages]}
    call.asks(values.model_metadata(event, call.instance, "chat"))


def _completion_start(calls: Calls, call: Call, event: Any) -> None:
    call.span.input = {"prompt": event.prompt}
    call.asks(values.model_metadata(event, call.instance, "text_completion"))


def _progress(calls: Calls, call: Call, event: Any) -> None:
    reasoning = values.reasoning_delta(event.response)
    if reasoning:
        call.span.stream_reasoning(reasoning)
    delta = event.response.delta
    if isinstance(delta, str) and delta:
        call.span.stream(delta)
    elif not reasoning:
        call.span.first_token()


def _chat_piece(calls: Calls, call: Call, event: Any) -> None:
    calls.chat_piece(call, event.delta)


def _chat_end(calls: Calls, call: Call, event: Any) -> None:
    _answered(calls, call, event, values.chat_output(event.response))


def _completion_end(calls: Calls, call: Call, event: Any) -> None:
    _answered(calls, call, event, values.completion_output(event.response))


def _answered(calls: Calls, call: Call, event: Any, output: Any) -> None:
    if output is not None:
        call.output = output
        about = values.response_metadata(event.response)
        if call.counted:  # a model that hands on to a model: the tokens are counted where they were spent
            about = {key: value for key, value in about.items() if not key.startswith("gen_ai.usage.")}
        elif any(key.startswith("gen_ai.usage.") for key in about):
            call.count(about)
        call.span.set_metadata(about)
    if call.returned:
        calls.end_streamed(call)


def _embedding_start(calls: Calls, call: Call, event: Any) -> None:
    call.span.kind = "embedding"
    about = values.model_metadata(event, call.instance, "embeddings")
    model = event.model_dict.get("model_name")
    if isinstance(model, str) and model != "unknown":
        about["gen_ai.request.model"] = model
    call.span.set_metadata(about)


def _retrieval_start(calls: Calls, call: Call, event: Any) -> None:
    call.span.kind = "retriever"
    query = values.query_text(event.str_or_query_bundle)
    call.span.set_metadata({"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.query.text": query})


def _rerank_start(calls: Calls, call: Call, event: Any) -> None:
    call.span.kind = "reranker"
    call.span.set_metadata({"gen_ai.request.model": event.model_name, "gen_ai.request.top_k": event.top_n})


def _exception(calls: Calls, call: Call, event: Any) -> None:
    if call.returned:
        calls.end_streamed(call, error=event.exception)


_EVENTS: dict[str, Callable[[Calls, Call, Any], None]] = {
    "LLMChatStartEvent": _chat_start,
    "LLMChatInProgressEvent": _progress,
    "StreamChatDeltaReceivedEvent": _chat_piece,
    "LLMChatEndEvent": _chat_end,
    "LLMCompletionStartEvent": _completion_start,
    "LLMCompletionInProgressEvent": _progress,
    "LLMCompletionEndEvent": _completion_end,
    "EmbeddingStartEvent": _embedding_start,
    "SparseEmbeddingStartEvent": _embedding_start,
    "RetrievalStartEvent": _retrieval_start,
    "ReRankStartEvent": _rerank_start,
    "ExceptionEvent": _exception,
}
