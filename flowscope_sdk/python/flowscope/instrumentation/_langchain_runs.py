"""LangChain's callbacks as spans: one span a run, keyed by its run id."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flowscope import _context, _runtime
from flowscope._guard import guarded
from flowscope.instrumentation import _langchain_values as values
from flowscope.instrumentation import _nesting
from flowscope.instrumentation._usage import Around

if TYPE_CHECKING:
    from flowscope._span import Span

FRAMEWORK = "langchain"
GRAPH_FRAMEWORK = "langgraph"
# Runs that ended lately are still parents of what a background task starts under them.
_REMEMBERED = 1024
_UNSET = object()


class Runs:
    """The spans of LangChain's runs, open and lately ended."""

    def __init__(self) -> None:
        self._open: dict[UUID, Span] = {}
        self._ended: OrderedDict[UUID, Span] = OrderedDict()
        self._around: dict[UUID, Around] = {}
        self.on_start: Callable[[str, Span], None] = lambda kind, span: None

    def span(self, run_id: UUID | None) -> Span | None:
        """The span of a run that has not ended yet."""
        return self._open.get(run_id) if run_id is not None else None

    def known(self, run_id: UUID | None) -> Span | None:
        """The span of a run that is open or ended lately."""
        return None if run_id is None else self.span(run_id) or self._ended.get(run_id)

    def start(
        self,
        run_id: UUID,
        parent_run_id: UUID | None,
        operation: str,
        kind: str,
        *,
        given: Any,
        metadata: dict[str, Any],
        framework: str = FRAMEWORK,
        start_ns: int | None = None,
    ) -> None:
        """Open the span of a run; a second start of the same run says nothing new."""
        if run_id in self._open:
            return
        span = _runtime.start_span(
            operation,
            kind=kind,
            framework=framework,
            parent=self._parent(parent_run_id),
            input=given,
            metadata=metadata,
            start_ns=start_ns,
        )
        self._open[run_id] = span
        if kind == "llm":
            self._around[run_id] = Around(span)
        self.on_start(kind, span)

    def end(self, run_id: UUID, output: Any, *, metadata: dict[str, Any] | None = None, given: Any = _UNSET) -> None:
        """Close the span of a run with its output; `given` replaces an input that was known only at the end."""
        span = self._take(run_id, metadata)
        if span is None:
            return
        if given is not _UNSET:
            span.input = given
        span.end(output=output)

    def fail(
        self,
        run_id: UUID,
        error: BaseException,
        *,
        metadata: dict[str, Any] | None = None,
        given: Any = _UNSET,
        **output: Any,
    ) -> None:
        """Close the span of a run that raised; what only steers the program (an interrupted graph) is no failure."""
        span = self._take(run_id, metadata)
        if span is None:
            return
        if given is not _UNSET:
            span.input = given
        steering = values.control_flow(error)
        if steering is None:
            span.end(error=error, **output)
        else:
            span.set_metadata(steering)
            span.end(**output)

    def piece(self, run_id: UUID, token: Any, message: Any) -> None:
        """A piece of a streamed answer is there: the output grows by it, and the first one's time is kept."""
        span = self._open.get(run_id)
        if span is None:
            return
        if message is None:
            if token:
                span.stream(token)
            return
        for reasoning in values.reasoning_in(message):
            span.stream_reasoning(reasoning)
        text = token if isinstance(token, str) else values.text_in(token)
        if text:
            span.stream(text)
        for call in getattr(message, "tool_call_chunks", None) or ():
            values.stream_tool_call(span, call.get("index"), call)

    def event(self, run_id: UUID, event: Any) -> None:
        """A piece of an answer that is streamed as events of LangChain's protocol."""
        span = self._open.get(run_id)
        if span is None or event.get("event") not in ("content-block-start", "content-block-delta"):
            return
        piece = event.get("delta") or event.get("content") or {}
        if piece.get("type") == "text-delta":
            span.stream(piece.get("text") or "")
        elif piece.get("type") == "reasoning-delta":
            span.stream_reasoning(piece.get("reasoning") or "")
        elif piece.get("type") in ("tool_call_chunk", "tool-call-delta"):
            values.stream_tool_call(span, event.get("index"), piece)

    def mark_graph(self, run_id: UUID | None) -> None:
        """A run that has a graph's node under it is the graph."""
        span = self.span(run_id)
        if span is not None and span.framework != GRAPH_FRAMEWORK:
            span.framework = GRAPH_FRAMEWORK
            span.kind = "agent"
            span.set_metadata({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": span.operation})

    def _take(self, run_id: UUID, metadata: dict[str, Any] | None) -> Span | None:
        """The span of a run that is over, with what was known at its end."""
        span = self._open.pop(run_id, None)
        around = self._around.pop(run_id, None)
        if span is not None:
            if metadata:
                span.set_metadata(metadata)
                if around is not None:
                    around.tell(metadata)
            self._ended[run_id] = _nesting.remember(span)
            while len(self._ended) > _REMEMBERED:
                self._ended.popitem(last=False)
        return span

    def _parent(self, parent_run_id: UUID | None) -> Span | None:
        """LangChain's parent if that run is ours, or what a user opened under it; else what is current."""
        span = self.known(parent_run_id)
        if span is None:
            return _context.current()
        inner = _nesting.current_but("langchain")
        return inner if inner is not None and _nesting.is_inner(inner, span) else span


def handler_class(runs: Runs) -> type[Any]:
    """The callback handler's class; made when LangChain is there, for it derives from LangChain's own tracer.

    As a tracer it gets what a graph's `TracePolicy` wants recorded; every callback of the base is replaced.
    """
    from langchain_core.tracers.base import BaseTracer

    class FlowScopeHandler(BaseTracer):  # type: ignore[misc]
        """Tells FlowScope of every run."""

        name = "flowscope"
        run_inline = True  # else every async callback takes a thread, and the span that thread's name

        @property
        def raise_error(self) -> bool:
            return os.environ.get("FLOWSCOPE_RAISE") == "1"

        def __deepcopy__(self, memo: Any) -> FlowScopeHandler:
            return self

        def __copy__(self) -> FlowScopeHandler:
            return self

        def __reduce__(self) -> tuple[Any, ...]:
            return (_installed_handler, ())

        def _persist_run(self, run: Any) -> None:
            return None

        @guarded
        def on_chain_start(
            self,
            serialized: Any,
            inputs: Any,
            *,
            run_id: UUID,
            tags: list[str] | None = None,
            parent_run_id: UUID | None = None,
            metadata: dict[str, Any] | None = None,
            run_type: str | None = None,
            name: str | None = None,
            **kwargs: Any,
        ) -> None:
            framework = FRAMEWORK
            for tag in tags or ():
                if tag.startswith("graph:step:"):
                    framework = GRAPH_FRAMEWORK
                    runs.mark_graph(parent_run_id)
            operation = values.run_name(name, serialized)
            kind = (
                run_type if run_type in ("prompt", "parser") else "agent" if operation == "AgentExecutor" else "chain"
            )
            about = values.run_metadata(run_id, tags, metadata)
            given = values.chain_inputs(inputs)
            runs.start(run_id, parent_run_id, operation, kind, given=given, metadata=about, framework=framework)

        @guarded
        def on_chain_end(self, outputs: Any, *, run_id: UUID, inputs: Any = None, **kwargs: Any) -> None:
            given = _UNSET if inputs is None else values.chain_inputs(inputs)
            runs.end(run_id, values.chain_outputs(outputs), given=given)

        @guarded
        def on_chain_error(self, error: BaseException, *, run_id: UUID, inputs: Any = None, **kwargs: Any) -> None:
            runs.fail(run_id, error, given=_UNSET if inputs is None else values.chain_inputs(inputs))

        @guarded
        def on_chat_model_start(
            self,
            serialized: Any,
            messages: Any,
            *,
            run_id: UUID,
            tags: list[str] | None = None,
            parent_run_id: UUID | None = None,
            metadata: dict[str, Any] | None = None,
            name: str | None = None,
            **kwargs: Any,
        ) -> None:
            about = values.run_metadata(run_id, tags, metadata)
            about |= values.model_metadata(metadata, kwargs.get("invocation_params"), "chat")
            given = values.chat_inputs(messages)
            runs.start(run_id, parent_run_id, values.run_name(name, serialized), "llm", given=given, metadata=about)

        @guarded
        def on_llm_start(
            self,
            serialized: Any,
            prompts: list[str],
            *,
            run_id: UUID,
            tags: list[str] | None = None,
            parent_run_id: UUID | None = None,
            metadata: dict[str, Any] | None = None,
            name: str | None = None,
            start_ns: int | None = None,
            **kwargs: Any,
        ) -> None:
            about = values.run_metadata(run_id, tags, metadata)
            about |= values.model_metadata(metadata, kwargs.get("invocation_params"), "text_completion")
            operation = values.run_name(name, serialized)
            given = {"prompts": prompts}
            runs.start(run_id, parent_run_id, operation, "llm", given=given, metadata=about, start_ns=start_ns)

        @guarded
        def on_llm_new_token(self, token: Any, *, chunk: Any = None, run_id: UUID, **kwargs: Any) -> None:
            runs.piece(run_id, token, getattr(chunk, "message", None))

        @guarded
        def on_stream_event(self, event: Any, *, run_id: UUID, **kwargs: Any) -> None:
            runs.event(run_id, event)

        @guarded
        def on_llm_end(self, response: Any, *, run_id: UUID, **kwargs: Any) -> None:
            runs.end(run_id, values.llm_outputs(response), metadata=values.response_metadata(response))

        @guarded
        def on_llm_error(self, error: BaseException, *, run_id: UUID, response: Any = None, **kwargs: Any) -> None:
            if response is None or not response.generations:
                runs.fail(run_id, error)
            else:
                about = values.response_metadata(response)
                runs.fail(run_id, error, metadata=about, output=values.llm_outputs(response))

        @guarded
        def on_retry(self, retry_state: Any, *, run_id: UUID, **kwargs: Any) -> None:
            span = runs.span(run_id)
            if span is not None:
                span.set("langchain.retries", span.metadata.get("langchain.retries", 0) + 1)

        @guarded
        def on_tool_start(
            self,
            serialized: Any,
            input_str: str,
            *,
            run_id: UUID,
            tags: list[str] | None = None,
            parent_run_id: UUID | None = None,
            metadata: dict[str, Any] | None = None,
            name: str | None = None,
            inputs: Any = None,
            **kwargs: Any,
        ) -> None:
            operation = values.run_name(name, serialized)
            about = values.run_metadata(run_id, tags, metadata)
            about |= values.tool_metadata(operation, serialized, kwargs.get("tool_call_id"))
            given = inputs if isinstance(inputs, dict) else {"input": input_str}
            runs.start(run_id, parent_run_id, operation, "tool", given=given, metadata=about)

        @guarded
        def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
            call_id = getattr(output, "tool_call_id", None)
            about = {"gen_ai.tool.call.id": call_id} if isinstance(call_id, str) else None
            runs.end(run_id, {"output": output}, metadata=about)

        @guarded
        def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
            runs.fail(run_id, error)

        @guarded
        def on_retriever_start(
            self,
            serialized: Any,
            query: str,
            *,
            run_id: UUID,
            tags: list[str] | None = None,
            parent_run_id: UUID | None = None,
            metadata: dict[str, Any] | None = None,
            name: str | None = None,
            **kwargs: Any,
        ) -> None:
            about = values.run_metadata(run_id, tags, metadata) | values.retrieval_metadata(query, metadata)
            operation = name or "Retriever"  # LangChain's tracer asks no further
            runs.start(run_id, parent_run_id, operation, "retriever", given={"query": query}, metadata=about)

        @guarded
        def on_retriever_end(self, documents: Any, *, run_id: UUID, **kwargs: Any) -> None:
            runs.end(run_id, {"documents": documents}, metadata=values.document_metadata(documents))

        @guarded
        def on_retriever_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
            runs.fail(run_id, error)

    return FlowScopeHandler


def now_ns() -> int:
    """Nanoseconds since the epoch."""
    return time.time_ns()


def _installed_handler() -> Any:
    from flowscope.instrumentation import langchain

    return langchain.handler()
