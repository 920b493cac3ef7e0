"""LlamaIndex's arguments, results and events as what a person reads, without the machinery around it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from flowscope.instrumentation import _genai
from flowscope.instrumentation._serialise import mro_names, plain

Metadata = dict[str, Any]

_DEPTH = 8
_ITEMS = 500
# A longer list of numbers is an embedding: its size says more than its numbers.
_VECTOR = 32
_QUERY_NAMES = frozenset(("str_or_query_bundle", "query_bundle", "query"))
_MODEL_CALLS = frozenset(
    prefix + name for prefix in ("", "a") for name in ("chat", "complete", "stream_chat", "stream_complete")
)
_KINDS = (
    ("BaseRetriever", "retriever"),
    ("BaseImageRetriever", "retriever"),
    ("BaseEmbedding", "embedding"),
    ("BaseSparseEmbedding", "embedding"),
    ("BaseTool", "tool"),
    ("BaseOutputParser", "parser"),
)


def kind(instance: Any, method: str, bound: inspect.BoundArguments) -> str:
    """The kind of a span by what is called; a model's call is made sure of by the event that it sends."""
    names = mro_names(instance)
    if instance is None:
        # A workflow's step is called as a function.
        return "task" if any("Event" in mro_names(value) for value in bound.arguments.values()) else "chain"
    if "Workflow" in names:
        if method != "run":
            return "task"
        return "agent" if names & {"BaseWorkflowAgent", "AgentWorkflow"} else "workflow"
    if "BaseLLM" in names or "MultiModalLLM" in names:
        return "llm" if method in _MODEL_CALLS else "chain"
    if "BaseNodePostprocessor" in names:
        return "reranker" if "rerank" in type(instance).__name__.lower() else "chain"
    return next((kind for name, kind in _KINDS if name in names), "chain")


def about(instance: Any, kind: str) -> Metadata:
    """What a tool or an agent says of itself."""
    if kind == "tool":
        told = _genai.get(instance, "metadata")
        found = {
            "gen_ai.tool.name": _genai.get(told, "name"),
            "gen_ai.tool.description": _genai.get(told, "description"),
        }
        return {"gen_ai.operation.name": "execute_tool", **{key: value for key, value in found.items() if value}}
    if kind == "agent":
        name = _genai.get(instance, "name") or type(instance).__name__
        return {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": str(name)}
    return {}


def call_input(bound: inspect.BoundArguments) -> Any:
    """The arguments of a call by name; a query stands under `query` whatever the parameter is called."""
    found: dict[str, Any] = {}
    if "start_event" in bound.arguments:  # a workflow's run; its other arguments are the machinery's
        return readable(bound.arguments["start_event"])
    for name, value in bound.arguments.items():
        if name in _QUERY_NAMES:
            found["query"] = query_text(value)
        elif name in ("kwargs", "kwds") and isinstance(value, Mapping):
            found |= {str(key): readable(item) for key, item in value.items()}
        else:
            found[name] = readable(value)
    return found


def query_text(query: Any) -> Any:
    """The text of a query, which may be a QueryBundle."""
    text = _genai.get(query, "query_str")
    return text if isinstance(text, str) else readable(query)


def readable(value: Any, depth: int = _DEPTH) -> Any:
    """`value` without what only LlamaIndex needs: nodes as documents, messages as role and content, vectors by size."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if depth <= 0:
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping):
        return {str(key): readable(item, depth - 1) for key, item in list(value.items())[:_ITEMS]}
    if isinstance(value, list | tuple | set | frozenset):
        items = list(value)
        if len(items) > _VECTOR and isinstance(items[0], float):
            return {"dimensions": len(items)}
        return [readable(item, depth - 1) for item in items[:_ITEMS]]
    names = mro_names(value)
    for name, convert in _CONVERT.items():
        if name in names:
            return convert(value)
    ours = type(value).__module__.partition(".")[0] in ("llama_index", "workflows", "llama_index_instrumentation")
    if not ours and "Event" not in names:
        # A value of the program's own: the snapshot looks into it, but must not run a generator.
        return f"<{type(value).__name__}>" if hasattr(value, "__next__") or hasattr(value, "__anext__") else value
    if "BaseModel" in names and "BaseComponent" not in names:
        # A workflow's event keeps what is not declared in _data.
        fields = vars(value) | (_genai.get(value, "_data") or {})
        if "StopEvent" in names:
            fields["result"] = _genai.get(value, "result")
        return {key: readable(item, depth - 1) for key, item in fields.items()}
    return f"<{type(value).__name__}>"


def document(node: Any) -> Metadata:
    """A node, with or without its score, as a retrieved document."""
    inner = _genai.get(node, "node") or node
    found: Metadata = {
        "id": _genai.get(inner, "node_id"),
        "content": _genai.get(inner, "text") or "",
        "metadata": plain(_genai.get(inner, "metadata") or {}),
    }
    score = _genai.get(node, "score")
    if score is not None:
        found["score"] = float(score)
    return found


def message(said: Any) -> Metadata:
    """A ChatMessage as role, content and tool calls."""
    role = _genai.get(said, "role")
    extra = dict(_genai.get(said, "additional_kwargs") or {})
    calls = list(extra.pop("tool_calls", None) or [])
    parts: list[Any] = []
    for block in _genai.get(said, "blocks") or ():
        block_type = _genai.get(block, "block_type")
        if block_type == "tool_call":
            calls.append(block)
        elif block_type == "text":
            parts.append({"type": "text", "text": _genai.get(block, "text")})
        else:
            parts.append({"type": str(block_type), **_block(block)})
    found: Metadata = {"role": str(getattr(role, "value", role))}
    if all(part["type"] == "text" for part in parts):
        # Before 0.12 a message had a content and no blocks.
        found["content"] = "".join(str(part["text"]) for part in parts) if parts else _genai.get(said, "content")
    else:
        found["content"] = parts
    named = [call for call in map(_genai.tool_call, calls) if call is not None]
    if named:
        found["tool_calls"] = [{**call, "arguments": readable(call["arguments"])} for call in named]
    if extra:
        found |= {key: readable(item) for key, item in extra.items() if key not in found}
    return found


def chat_output(response: Any) -> Any:
    """A ChatResponse as the message that came."""
    return None if response is None else {"message": message(response.message)}


def completion_output(response: Any) -> Any:
    """A CompletionResponse as its text."""
    return None if response is None else {"text": _genai.get(response, "text")}


def reasoning_delta(response: Any) -> str:
    """The piece of reasoning in a piece of an answer."""
    piece = _genai.get(_genai.get(response, "additional_kwargs"), "thinking_delta")
    return piece if isinstance(piece, str) else ""


def response_metadata(response: Any) -> Metadata:
    """What a model said of its answer: model, finish reason and tokens, from where the provider put them."""
    raw, extra = _genai.get(response, "raw"), _genai.get(response, "additional_kwargs")
    found: Metadata = dict(
        _genai.usage(
            _genai.get(raw, "usage"), _genai.get(raw, "usage_metadata"), extra, _genai.get(extra, "usage"), raw
        )
    )
    model = _genai.get(raw, "model") or _genai.get(raw, "model_name")
    if isinstance(model, str):
        found["gen_ai.response.model"] = model
    answer = _genai.get(raw, "id")
    if isinstance(answer, str):
        found["gen_ai.response.id"] = answer
    choices = _genai.get(raw, "choices")
    first = choices[0] if isinstance(choices, list | tuple) and choices else raw
    reason = _genai.get(first, "finish_reason") or _genai.get(first, "stop_reason")
    if isinstance(reason, str):
        found["gen_ai.response.finish_reasons"] = [reason]
    return found


def model_metadata(event: Any, instance: Any, operation: str) -> Metadata:
    """What was asked of a model or embedding: the conventions' operation, provider, model and parameters."""
    told = _genai.get(event, "model_dict")
    params = {name: _genai.get(instance, name) for name in ("temperature", "top_p", "max_tokens", "seed")}
    params |= told if isinstance(told, Mapping) else {}
    params |= _genai.get(event, "additional_kwargs") or {}
    found: Metadata = {"gen_ai.operation.name": operation, **_genai.request(params)}
    if "gen_ai.request.model" not in found:
        model = _genai.get(_genai.get(instance, "metadata"), "model_name")
        if isinstance(model, str) and model != "unknown":
            found["gen_ai.request.model"] = model
    # llama_index.llms.openai.base -> openai
    path = type(instance).__module__.split(".")
    if path[:2] in (["llama_index", "llms"], ["llama_index", "embeddings"]) and len(path) > 2:
        name = _genai.provider(path[2])
        if name:
            found["gen_ai.provider.name"] = name
    tools = params.get("tools")
    if isinstance(tools, list | tuple) and tools:
        found["gen_ai.tool.definitions"] = plain(tools, depth=12)
    return found


def retrieval_metadata(nodes: Any) -> Metadata:
    """Which documents were found, with their scores; their text stands in the output."""
    listed = [document(node) for node in nodes] if isinstance(nodes, list | tuple) else []
    return {
        "gen_ai.retrieval.documents": [{key: each[key] for key in ("id", "score") if key in each} for each in listed]
    }


def embedding_output(vectors: Any) -> Any:
    """How many vectors of which size."""
    if isinstance(vectors, list | tuple) and vectors and isinstance(vectors[0], float | int):
        vectors = [vectors]
    if not isinstance(vectors, list | tuple):
        return readable(vectors)
    return {"embeddings": len(vectors), "dimensions": len(vectors[0]) if vectors else 0}


def control_flow(error: BaseException | None) -> Metadata | None:
    """The metadata of an exception that only steers (a workflow done or waiting, a stream left); None of a failure."""
    if error is None:
        return {}
    if isinstance(error, GeneratorExit):
        return {"flowscope.stream.abandoned": True}
    names = {base.__name__ for base in type(error).__mro__}
    if names & {"WorkflowDone", "WaitingForEvent", "WorkflowCancelledByUser"}:
        return {"llamaindex.control": type(error).__name__}
    return None


def _block(block: Any) -> Metadata:
    fields = block.model_dump(exclude_none=True) if hasattr(block, "model_dump") else {}
    return {key: plain(item) for key, item in fields.items() if key != "block_type"}


def _response(response: Any) -> Metadata:
    text = _genai.get(response, "response")
    if text is None:
        text = _genai.get(response, "response_txt")
    found: Metadata = {"response": readable(text)}
    nodes = _genai.get(response, "source_nodes")
    if nodes:
        found["source_nodes"] = [document(node) for node in nodes]
    return found


def _template(prompt: Any) -> Any:
    inner = _genai.get(prompt, "default_template") or prompt
    messages = _genai.get(inner, "message_templates")
    if messages:
        return {"messages": [message(each) for each in messages]}
    return {"template": _genai.get(inner, "template")}


def _tool_output(output: Any) -> Metadata:
    return {
        "tool_name": _genai.get(output, "tool_name"),
        "content": _genai.get(output, "content"),
        "input": readable(_genai.get(output, "raw_input")),
        "is_error": _genai.get(output, "is_error"),
    }


# By the name of a class or of one of its bases.
_CONVERT = {
    "QueryBundle": query_text,
    "NodeWithScore": document,
    "BaseNode": document,
    "ChatMessage": message,
    "BasePromptTemplate": _template,
    "ChatResponse": chat_output,
    "CompletionResponse": completion_output,
    "Response": _response,
    "StreamingResponse": _response,
    "AsyncStreamingResponse": _response,
    "PydanticResponse": _response,
    "AgentChatResponse": _response,
    "StreamingAgentChatResponse": _response,
    "ToolOutput": _tool_output,
}
