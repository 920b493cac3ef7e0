"""The callback handler that LangChain tells of its runs."""

from __future__ import annotations

import os
from typing import Any
from uuid import UUID

from flowscope._guard import guarded
from flowscope.instrumentation import _langchain_values as values
from flowscope.instrumentation._langchain_runs import FRAMEWORK, GRAPH_FRAMEWORK, UNSET, Runs


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
            given = UNSET if inputs is None else values.chain_inputs(inputs)
            runs.end(run_id, values.chain_outputs(outputs), given=given)

        @guarded
        def on_chain_error(self, error: BaseException, *, run_id: UUID, inputs: Any = None, **kwargs: Any) -> None:
            runs.fail(run_id, error, given=UNSET if inputs is None else values.chain_inputs(inputs))

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


def _installed_handler() -> Any:
    from flowscope.instrumentation import langchain

    return langchain.handler()
