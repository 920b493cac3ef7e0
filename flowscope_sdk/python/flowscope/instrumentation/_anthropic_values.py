"""What Anthropic's API is asked and answers, in the words of the conventions; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flowscope.instrumentation import _genai
from flowscope.instrumentation._serialise import plain

if TYPE_CHECKING:
    from flowscope._span import Span

Metadata = dict[str, Any]

_OPERATIONS = {"v1/messages": "chat", "v1/complete": "text_completion"}
_GIVEN = ("system", "messages", "prompt")
_CLOUDS = {"Bedrock": "aws.bedrock", "Vertex": "gcp.vertex_ai", "Foundry": "azure.ai.inference"}


def operation_of(url: str) -> str | None:
    """The conventions' operation at a path of the API; None for what asks no model (batches, files, token counts)."""
    return _OPERATIONS.get(url.partition("?")[0].strip("/"))


def span_name(operation: str, body: Mapping[str, Any]) -> str:
    """`chat MODEL`."""
    model = body.get("model")
    return f"{operation} {model}" if isinstance(model, str) else operation


def given(body: Mapping[str, Any]) -> Any:
    """What the model is given."""
    return {name: body[name] for name in _GIVEN if body.get(name) is not None}


def about(operation: str, body: Mapping[str, Any]) -> Metadata:
    """Operation, model, parameters and tools."""
    params = {**body, "max_tokens": body.get("max_tokens") or body.get("max_tokens_to_sample")}
    found: Metadata = {"gen_ai.operation.name": operation, **_genai.request(params)}
    tools = body.get("tools")
    if isinstance(tools, list) and tools:
        found["gen_ai.tool.definitions"] = plain(tools, depth=12)
    budget = _genai.get(body.get("thinking"), "budget_tokens")
    if isinstance(budget, int):
        found["anthropic.request.thinking_budget"] = budget
    return found


def server(client: Any) -> Metadata:
    """Whom a client asks: the provider, and where."""
    url = _genai.get(client, "base_url")
    host, port = _genai.get(url, "host"), _genai.get(url, "port")
    names = " ".join(base.__name__ for base in type(client).__mro__)
    default = next((provider for cloud, provider in _CLOUDS.items() if cloud in names), "anthropic")
    found: Metadata = {"gen_ai.provider.name": default}
    if isinstance(host, str) and host:
        found["server.address"] = host
    if isinstance(port, int):
        found["server.port"] = port
    return found


def usage(said: Any) -> dict[str, int]:
    """Anthropic counts what was read from and written to its cache beside the input; the conventions within it."""
    found = _genai.usage(said)
    if "gen_ai.usage.input_tokens" in found:
        found["gen_ai.usage.input_tokens"] += found.get("gen_ai.usage.cache_read.input_tokens", 0)
        found["gen_ai.usage.input_tokens"] += found.get("gen_ai.usage.cache_creation.input_tokens", 0)
    return found


class MessageReply:
    """/v1/messages and /v1/complete."""

    def __init__(self) -> None:
        self.complete = False
        self.failure: str | None = None
        self._about: Metadata = {}
        self._usage: dict[str, Any] = {}

    def body(self, data: Mapping[str, Any]) -> Any:
        self._note(data)
        if "content" in data:
            return {name: data[name] for name in ("role", "content", "stop_reason") if data.get(name) is not None}
        return dict(data)

    def event(self, data: Mapping[str, Any], span: Span) -> None:
        kind = data.get("type")
        if kind == "message_start" and isinstance(data.get("message"), Mapping):
            self._note(data["message"])
        elif kind == "content_block_start":
            block = data.get("content_block")
            if str(_genai.get(block, "type")).endswith("tool_use"):
                span.stream_tool_call(data.get("index"), id=_genai.get(block, "id"), name=_genai.get(block, "name"))
        elif kind == "content_block_delta":
            self._delta(data, span)
        elif kind == "message_delta":
            self._note({**(data.get("delta") or {}), "usage": data.get("usage")})
        elif kind == "message_stop":
            self.complete = True
        elif kind == "completion":  # of /v1/complete, in no block
            span.stream(str(data.get("completion") or ""))
            self._note(data)
            self.complete = data.get("stop_reason") is not None
        elif kind == "error":
            error = data.get("error")
            self.failure = str(_genai.get(error, "message") or _genai.get(error, "type") or "error")

    def about(self) -> Metadata:
        return self._about | usage(self._usage)

    def streamed(self, span: Span) -> Any:
        return ...

    def _delta(self, data: Mapping[str, Any], span: Span) -> None:
        delta = data.get("delta")
        text, thought, piece = (_genai.get(delta, name) for name in ("text", "thinking", "partial_json"))
        if isinstance(text, str):
            span.stream(text)
        elif isinstance(thought, str):
            span.stream_reasoning(thought)
        elif isinstance(piece, str):
            span.stream_tool_call(data.get("index"), piece)

    def _note(self, data: Mapping[str, Any]) -> None:
        for key, name in (("gen_ai.response.id", "id"), ("gen_ai.response.model", "model")):
            if isinstance(data.get(name), str):
                self._about[key] = data[name]
        if isinstance(data.get("stop_reason"), str):
            self._about["gen_ai.response.finish_reasons"] = [data["stop_reason"]]
        said = data.get("usage")
        if isinstance(said, Mapping):  # a stream's end repeats some of what its beginning said
            self._usage |= {name: count for name, count in said.items() if count is not None}
