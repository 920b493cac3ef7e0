"""LangChain's callbacks as spans: one span a run, keyed by its run id."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flowscope import _context, _runtime
from flowscope.instrumentation import _langchain_values as values
from flowscope.instrumentation import _nesting
from flowscope.instrumentation._usage import Around

if TYPE_CHECKING:
    from flowscope._span import Span

FRAMEWORK = "langchain"
GRAPH_FRAMEWORK = "langgraph"
# Runs that ended lately are still parents of what a background task starts under them.
_REMEMBERED = 1024
UNSET = object()


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

    def end(self, run_id: UUID, output: Any, *, metadata: dict[str, Any] | None = None, given: Any = UNSET) -> None:
        """Close the span of a run with its output; `given` replaces an input that was known only at the end."""
        span = self._take(run_id, metadata)
        if span is None:
            return
        if given is not UNSET:
            span.input = given
        span.end(output=output)

    def fail(
        self,
        run_id: UUID,
        error: BaseException,
        *,
        metadata: dict[str, Any] | None = None,
        given: Any = UNSET,
        **output: Any,
    ) -> None:
        """Close the span of a run that raised; what only steers the program (an interrupted graph) is no failure."""
        span = self._take(run_id, metadata)
        if span is None:
            return
        if given is not UNSET:
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
