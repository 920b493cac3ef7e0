"""What Google's Gemini API is asked and answers, in the words of the conventions; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flowscope.instrumentation import _genai
from flowscope.instrumentation._serialise import plain

if TYPE_CHECKING:
    from flowscope._span import Span

Metadata = dict[str, Any]

_OPERATIONS = {
    "generateContent": "generate_content",
    "streamGenerateContent": "generate_content",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
    "predict": "generate_content",
}
_PARAMETERS = {
    "temperature": "temperature",
    "topP": "top_p",
    "topK": "top_k",
    "maxOutputTokens": "max_tokens",
    "stopSequences": "stop_sequences",
    "seed": "seed",
    "candidateCount": "n",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}
_GIVEN = ("systemInstruction", "contents", "content", "requests", "instances")
_USAGE = {
    "promptTokenCount": "gen_ai.usage.input_tokens",
    "candidatesTokenCount": "gen_ai.usage.output_tokens",
    "cachedContentTokenCount": "gen_ai.usage.cache_read.input_tokens",
    "thoughtsTokenCount": "gen_ai.usage.reasoning.output_tokens",
}


def asked(path: Any) -> tuple[str, str] | None:
    """The conventions' operation and the model, from `models/MODEL:METHOD`; None for what asks no model."""
    if not isinstance(path, str):
        return None
    where, _, method = path.partition("?")[0].rpartition(":")
    operation = _OPERATIONS.get(method)
    return None if operation is None else (operation, where.rpartition("/")[2])


def given(body: Mapping[str, Any]) -> Any:
    """What the model is given."""
    return {name: body[name] for name in _GIVEN if body.get(name)}


def about(operation: str, model: str, body: Mapping[str, Any]) -> Metadata:
    """Operation, model, parameters and tools."""
    config = body.get("generationConfig")
    config = config if isinstance(config, Mapping) else {}
    params = {name: config[key] for key, name in _PARAMETERS.items() if config.get(key) is not None}
    found: Metadata = {"gen_ai.operation.name": operation, **_genai.request({**params, "model": model})}
    tools = body.get("tools")
    if isinstance(tools, list) and tools:
        found["gen_ai.tool.definitions"] = plain(tools, depth=12)
    if config.get("responseMimeType") == "application/json":
        found["gen_ai.output.type"] = "json"
    budget = _genai.get(config.get("thinkingConfig"), "thinkingBudget")
    if isinstance(budget, int):
        found["google.request.thinking_budget"] = budget
    return found


def server(client: Any) -> Metadata:
    """Whom a client asks, and where."""
    found: Metadata = {"gen_ai.provider.name": "gcp.vertex_ai" if _genai.get(client, "vertexai") else "gcp.gemini"}
    url = _genai.get(_genai.get(client, "_http_options"), "base_url")
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        if parts.hostname:
            found["server.address"] = parts.hostname
        if parts.port:
            found["server.port"] = parts.port
    except ValueError:
        pass
    return found


class ContentReply:
    """Content, and embeddings."""

    def __init__(self) -> None:
        self.complete = False
        self.failure: str | None = None
        self._about: Metadata = {}
        self._calls = 0

    def body(self, data: Mapping[str, Any]) -> Any:
        self._note(data)
        vectors = data.get("embeddings") or ([data["embedding"]] if data.get("embedding") else None)
        if isinstance(vectors, list) and vectors:
            values = _genai.get(vectors[0], "values")
            return {"embeddings": len(vectors), "dimensions": len(values) if isinstance(values, list) else 0}
        return {"candidates": data["candidates"]} if "candidates" in data else dict(data)

    def event(self, data: Mapping[str, Any], span: Span) -> None:
        self._note(data)
        for candidate in data.get("candidates") or ():
            if _genai.get(candidate, "index"):
                continue
            for part in _genai.get(_genai.get(candidate, "content"), "parts") or ():
                self._part(part, span)

    def about(self) -> Metadata:
        return self._about

    def streamed(self, span: Span) -> Any:
        return ...

    def _part(self, part: Any, span: Span) -> None:
        text, call = _genai.get(part, "text"), _genai.get(part, "functionCall")
        if isinstance(text, str) and text:
            if _genai.get(part, "thought"):
                span.stream_reasoning(text)
            else:
                span.stream(text)
        if call is not None:
            arguments = json.dumps(_genai.get(call, "args"), default=str)
            span.stream_tool_call(self._calls, arguments, id=_genai.get(call, "id"), name=_genai.get(call, "name"))
            self._calls += 1

    def _note(self, data: Mapping[str, Any]) -> None:
        for key, name in (("gen_ai.response.id", "responseId"), ("gen_ai.response.model", "modelVersion")):
            if isinstance(data.get(name), str):
                self._about[key] = data[name]
        reasons = [_genai.get(each, "finishReason") for each in data.get("candidates") or ()]
        if any(isinstance(reason, str) for reason in reasons):
            self.complete = True
            self._about["gen_ai.response.finish_reasons"] = [each for each in reasons if isinstance(each, str)]
        said = data.get("usageMetadata")
        for name, key in _USAGE.items():
            count = _genai.get(said, name)
            if isinstance(count, int):
                self._about[key] = count
        thought = _genai.get(said, "thoughtsTokenCount")
        if isinstance(thought, int) and isinstance(_genai.get(said, "candidatesTokenCount"), int):
            self._about["gen_ai.usage.output_tokens"] += thought  # the conventions count them as output
