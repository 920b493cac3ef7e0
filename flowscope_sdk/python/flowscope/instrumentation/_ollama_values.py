"""What Ollama's API is asked and answers, in the words of the conventions; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flowscope.instrumentation import _genai
from flowscope.instrumentation._serialise import plain

if TYPE_CHECKING:
    from flowscope._span import Span

Metadata = dict[str, Any]

_OPERATIONS = {
    "/api/chat": "chat",
    "/api/generate": "text_completion",
    "/api/embed": "embeddings",
    "/api/embeddings": "embeddings",
}
_GIVEN = ("system", "messages", "prompt", "suffix", "images", "input")


def operation_of(url: Any) -> str | None:
    """The conventions' operation at a path of the API; None for what asks no model (pulling, listing, showing)."""
    return _OPERATIONS.get(url) if isinstance(url, str) else None


def given(body: Mapping[str, Any]) -> Any:
    """What the model is given."""
    return {name: body[name] for name in _GIVEN if body.get(name)}


def about(operation: str, body: Mapping[str, Any]) -> Metadata:
    """Operation, model, parameters and tools."""
    options = body.get("options")
    params = {**(options if isinstance(options, Mapping) else {}), "model": body.get("model")}
    if body.get("stream"):
        params["stream"] = True
    found: Metadata = {"gen_ai.operation.name": operation, **_genai.request(params)}
    tools = body.get("tools")
    if isinstance(tools, list) and tools:
        found["gen_ai.tool.definitions"] = plain(tools, depth=12)
    if body.get("format"):
        found["gen_ai.output.type"] = "json"
    return found


def server(client: Any) -> Metadata:
    """Whom a client asks, and where."""
    url = _genai.get(_genai.get(client, "_client"), "base_url")
    host, port = _genai.get(url, "host"), _genai.get(url, "port")
    found: Metadata = {"gen_ai.provider.name": "ollama"}
    if isinstance(host, str) and host:
        found["server.address"] = host
    if isinstance(port, int):
        found["server.port"] = port
    return found


def piece(part: Any) -> Any:
    """A piece of a stream, which the client has made a model of, as it came."""
    return part.model_dump(exclude_none=True) if hasattr(part, "model_dump") else part


class OllamaReply:
    """What all of them answer."""

    def __init__(self) -> None:
        self.complete = False
        self.failure: str | None = None
        self._about: Metadata = {}
        self._calls = 0

    def body(self, data: Mapping[str, Any]) -> Any:
        self._note(data)
        vectors = data.get("embeddings")
        if isinstance(vectors, list) and vectors:
            return {"embeddings": len(vectors), "dimensions": len(vectors[0])}
        if isinstance(data.get("embedding"), list):
            return {"embeddings": 1, "dimensions": len(data["embedding"])}
        found = {name: data[name] for name in ("message", "response", "thinking") if data.get(name)}
        return found or dict(data)

    def event(self, data: Mapping[str, Any], span: Span) -> None:
        self._note(data)
        message = data.get("message")
        thought = _genai.get(message, "thinking") or data.get("thinking")
        text = _genai.get(message, "content") or data.get("response")
        if isinstance(thought, str) and thought:
            span.stream_reasoning(thought)
        if isinstance(text, str) and text:
            span.stream(text)
        for call in _genai.get(message, "tool_calls") or ():
            function = _genai.get(call, "function")
            arguments = json.dumps(_genai.get(function, "arguments"), default=str)
            span.stream_tool_call(self._calls, arguments, name=_genai.get(function, "name"))
            self._calls += 1

    def about(self) -> Metadata:
        return self._about

    def streamed(self, span: Span) -> Any:
        return ...

    def _note(self, data: Mapping[str, Any]) -> None:
        if isinstance(data.get("model"), str):
            self._about["gen_ai.response.model"] = data["model"]
        if isinstance(data.get("done_reason"), str):
            self._about["gen_ai.response.finish_reasons"] = [data["done_reason"]]
        self.complete = self.complete or data.get("done") is True
        self._about |= _genai.usage(data)
