"""LangChain's runs in FlowScope's words: names, inputs, outputs and metadata, as LangChain's tracer records them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flowscope.instrumentation import _genai
from flowscope.instrumentation._serialise import plain

if TYPE_CHECKING:
    from flowscope._span import Span

Metadata = dict[str, Any]

# What LangGraph writes into a run's metadata, and the name under which a span keeps it.
_LANGGRAPH = {
    "langgraph_node": "langgraph.node",
    "langgraph_step": "langgraph.step",
    "langgraph_triggers": "langgraph.triggers",
    "langgraph_path": "langgraph.path",
    "langgraph_checkpoint_ns": "langgraph.checkpoint_ns",
    "checkpoint_ns": "langgraph.checkpoint_ns",
    "checkpoint_id": "langgraph.checkpoint_id",
}

# Where embedding models keep their name, and packages that hold those of many providers.
_MODEL_NAMES = ("model", "model_name", "model_id")
_NO_PROVIDERS = frozenset(("langchain_core", "langchain_classic", "langchain_community", "langchain_tests"))


def run_name(name: object, serialized: Any, default: str = "Unnamed") -> str:
    """The name that LangChain's tracer gives a run: its own, else what is run, else `default`."""
    if isinstance(name, str) and name:
        return name
    if isinstance(serialized, Mapping):
        known = serialized.get("name")
        if isinstance(known, str) and known:
            return known
        path = serialized.get("id")
        if isinstance(path, Sequence) and path and isinstance(path[-1], str):
            return path[-1]
    return default


def chain_inputs(inputs: Any) -> Any:
    """`Run.inputs` of a chain."""
    return inputs if isinstance(inputs, dict) else {"input": inputs}


def chain_outputs(outputs: Any) -> Any:
    """`Run.outputs` of a chain."""
    return outputs if isinstance(outputs, dict) else {"output": outputs}


def chat_inputs(messages: Sequence[Sequence[Any]]) -> Any:
    """`Run.inputs` of a chat model: each batch's messages in LangChain's own serialised form."""
    from langchain_core.load import dumpd

    return {"messages": [[dumpd(message) for message in batch] for batch in messages]}


def llm_outputs(response: Any) -> Any:
    """`Run.outputs` of a model: the `LLMResult`'s fields, messages in LangChain's own serialised form."""
    from langchain_core.load import dumpd

    def fields(generation: Any) -> dict[str, Any]:
        found = dict(vars(generation))
        if "message" in found:
            found["message"] = dumpd(found["message"])
        return found

    outputs = dict(vars(response))
    outputs["generations"] = [[fields(each) for each in batch] for batch in response.generations]
    return outputs


def run_metadata(run_id: UUID, tags: Sequence[str] | None, metadata: Mapping[str, Any] | None) -> Metadata:
    """What any run says of itself: its id, tags, place in a graph, and the user's own metadata."""
    found: Metadata = {"langchain.run_id": str(run_id)}
    if tags:
        found["langchain.tags"] = list(tags)
    rest: Metadata = {}
    for key, value in (metadata or {}).items():
        if key in _LANGGRAPH:
            found[_LANGGRAPH[key]] = plain(value)
        elif key == "thread_id":
            found["gen_ai.conversation.id"] = str(value)
        elif not key.startswith("__"):
            rest[key] = plain(value)
    if rest:
        found["langchain.metadata"] = rest
    return found


def model_metadata(metadata: Mapping[str, Any] | None, params: Any, operation: str) -> Metadata:
    """What was asked of a model: the conventions' operation, provider, model and parameters."""
    ls = metadata or {}
    invocation = params if isinstance(params, Mapping) else {}
    known = {
        "temperature": ls.get("ls_temperature"),
        "max_tokens": ls.get("ls_max_tokens"),
        "stop": ls.get("ls_stop"),
        "model": ls.get("ls_model_name"),
    }
    found: Metadata = {"gen_ai.operation.name": operation}
    found |= _genai.request({**invocation, **{key: value for key, value in known.items() if value is not None}})
    name = _genai.provider(ls.get("ls_provider") or invocation.get("_type"))
    if name:
        found["gen_ai.provider.name"] = name
    tools = invocation.get("tools") or invocation.get("functions")
    if isinstance(tools, list | tuple) and tools:
        found["gen_ai.tool.definitions"] = plain(tools, depth=12)
    return found


def text_in(content: Any) -> str:
    """The text of a message's content: itself, or that of its text blocks."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "".join(block if isinstance(block, str) else _genai.get(block, "text") or "" for block in blocks)


def reasoning_in(message: Any) -> Iterator[str]:
    """The pieces of reasoning in a message (or in a piece of one), where the providers put them."""
    said = _genai.get(message, "additional_kwargs")
    if said and isinstance(said.get("reasoning_content"), str):
        yield said["reasoning_content"]
    content = _genai.get(message, "content")
    for block in content if isinstance(content, list) else ():
        if isinstance(block, Mapping) and block.get("type") in ("thinking", "reasoning"):
            piece = block.get("thinking") or block.get("reasoning")
            if isinstance(piece, str):
                yield piece


def stream_tool_call(span: Span, index: Any, piece: Mapping[str, Any]) -> None:
    """Let a span's answer grow by a piece of a tool call."""
    key = index if index is not None else piece.get("id")
    span.stream_tool_call(key, piece.get("args") or "", id=piece.get("id"), name=piece.get("name"))


def response_metadata(response: Any) -> Metadata:
    """What a model said of its answer: model, id, finish reasons and the tokens used."""
    found: Metadata = {}
    total: dict[str, int] = {}
    reasons: list[str] = []
    generations = [each for batch in response.generations for each in batch]
    for generation in generations:
        message = _genai.get(generation, "message")
        info = _genai.get(generation, "generation_info") or {}
        said = _genai.get(message, "response_metadata") or {}
        for key, names in (
            ("gen_ai.response.model", ("model_name", "model", "model_id")),
            ("gen_ai.response.id", ("id", "request_id")),
        ):
            value = next((said[name] for name in names if isinstance(said.get(name), str)), None)
            if value:
                found.setdefault(key, value)
        reason = _finish_reason(info) or _finish_reason(said)
        if reason:
            reasons.append(reason)
        _genai.add_usage(total, _genai.usage(_genai.get(message, "usage_metadata")))
    summary = response.llm_output if isinstance(response.llm_output, Mapping) else {}
    model = summary.get("model_name") or summary.get("model")
    if isinstance(model, str):
        found.setdefault("gen_ai.response.model", model)
    if reasons:
        found["gen_ai.response.finish_reasons"] = reasons
    return found | (total or _genai.usage(summary.get("token_usage"), summary.get("usage")))


def tool_metadata(name: str, serialized: Any, call_id: Any) -> Metadata:
    """What a tool is and which of a model's calls it answers."""
    found: Metadata = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.type": "function",
    }
    description = _genai.get(serialized, "description")
    if isinstance(description, str) and description:
        found["gen_ai.tool.description"] = description
    if isinstance(call_id, str) and call_id:
        found["gen_ai.tool.call.id"] = call_id
    return found


def retrieval_metadata(query: str, metadata: Mapping[str, Any] | None) -> Metadata:
    """What is searched, and with which store and embedding model where LangChain says so."""
    found: Metadata = {"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.query.text": query}
    store = (metadata or {}).get("ls_vector_store_provider")
    if isinstance(store, str):
        found["gen_ai.data_source.id"] = store
    model = (metadata or {}).get("ls_embedding_model")
    if isinstance(model, str):
        found["gen_ai.request.model"] = model
    return found


def embedding_metadata(model: Any) -> Metadata:
    """What an embedding model says of itself: its name and, by the package it comes from, its provider."""
    found: Metadata = {"gen_ai.operation.name": "embeddings"}
    name = next((name for name in (_genai.get(model, key) for key in _MODEL_NAMES) if isinstance(name, str)), "")
    if name:
        found["gen_ai.request.model"] = name
    package = str(type(model).__module__).partition(".")[0]  # langchain_openai -> openai
    if package.startswith("langchain_") and package not in _NO_PROVIDERS:
        found["gen_ai.provider.name"] = _genai.provider(package.removeprefix("langchain_"))
    return found


def embedding_output(vectors: Any) -> Any:
    """How many vectors of which size; not the numbers."""
    if isinstance(vectors, list | tuple) and vectors and isinstance(vectors[0], float | int):
        vectors = [vectors]
    if not isinstance(vectors, list | tuple):
        return f"<{type(vectors).__name__}>"
    return {"embeddings": len(vectors), "dimensions": len(vectors[0]) if vectors else 0}


def document_metadata(documents: Any) -> Metadata:
    """Which documents a retriever found, best first; their text stands in the output."""
    listed: list[Metadata] = []
    for document in documents if isinstance(documents, list | tuple) else []:
        about = _genai.get(document, "metadata") or {}
        entry: Metadata = {"id": _genai.get(document, "id") or about.get("id") or about.get("source")}
        for name in ("score", "relevance_score", "_score"):
            if isinstance(about.get(name), int | float):
                entry["score"] = float(about[name])
                break
        listed.append(entry)
    return {"gen_ai.retrieval.documents": listed}


def control_flow(error: BaseException) -> Metadata | None:
    """The metadata of an exception that only steers (a graph interrupted, a stream left early); None of a failure."""
    if isinstance(error, GeneratorExit):
        return {"flowscope.stream.abandoned": True}
    bases = [base for base in type(error).__mro__ if base.__module__.startswith("langgraph")]
    names = {base.__name__ for base in bases}
    if names & {"GraphInterrupt", "NodeInterrupt"}:
        interrupts = error.args[0] if error.args and isinstance(error.args[0], list | tuple) else error.args
        return {"langgraph.interrupts": [plain(_genai.get(each, "value")) for each in interrupts]}
    if "ParentCommand" in names:
        return {"langgraph.parent_command": True}
    if "GraphBubbleUp" in names:
        return {"langgraph.control": type(error).__name__}
    return None


def _finish_reason(said: Any) -> str | None:
    for name in ("finish_reason", "stop_reason", "done_reason"):
        reason = _genai.get(said, name)
        if isinstance(reason, str) and reason:
            return reason
    return None
