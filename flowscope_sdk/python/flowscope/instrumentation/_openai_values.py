"""What OpenAI's API is asked and answers, in the words of the conventions; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from flowscope.instrumentation import _genai
from flowscope.instrumentation._calls import Reply
from flowscope.instrumentation._serialise import plain

if TYPE_CHECKING:
    from flowscope._span import Span

Metadata = dict[str, Any]


class Endpoint(NamedTuple):
    """A path of the API: what a call of it is."""

    operation: str
    kind: str
    given: tuple[str, ...]
    """The members of a request that are its input."""
    reply: Callable[[], Reply]


class Asked:
    """A request."""

    def __init__(self, url: str, body: Mapping[str, Any]) -> None:
        self._body = body
        self.endpoint = endpoint_of(url)
        model = body.get("model")
        operation = self.endpoint.operation if self.endpoint is not None else ""
        self.operation = f"{operation} {model}" if isinstance(model, str) else operation

    def input(self) -> Any:
        """What the model is given."""
        names = self.endpoint.given if self.endpoint is not None else ()
        return {name: self._body[name] for name in names if self._body.get(name) is not None}

    def about(self) -> Metadata:
        """Operation, model, parameters and tools."""
        body = self._body
        found: Metadata = {"gen_ai.operation.name": self.endpoint.operation if self.endpoint is not None else ""}
        found |= _genai.request(body)
        tools = body.get("tools") or body.get("functions")
        if isinstance(tools, list) and tools:
            found["gen_ai.tool.definitions"] = plain(tools, depth=12)
        conversation = body.get("conversation")
        conversation = _genai.get(conversation, "id") or conversation
        if isinstance(conversation, str):
            found["gen_ai.conversation.id"] = conversation
        shape = _genai.get(body.get("response_format"), "type") or _genai.get(
            _genai.get(body.get("text"), "format"), "type"
        )
        if isinstance(shape, str):
            found["gen_ai.output.type"] = "json" if shape.startswith("json") else "text"
        effort = body.get("reasoning_effort") or _genai.get(body.get("reasoning"), "effort")
        if isinstance(effort, str):
            found["openai.request.reasoning_effort"] = effort
        return found


def server(client: Any) -> Metadata:
    """Whom a client asks: the provider, and where."""
    url = _genai.get(client, "base_url")
    host, port = _genai.get(url, "host"), _genai.get(url, "port")
    azure = any("Azure" in base.__name__ for base in type(client).__mro__)
    found: Metadata = {"gen_ai.provider.name": _genai.provider_at(host, "azure.ai.openai" if azure else "openai")}
    if isinstance(host, str) and host:
        found["server.address"] = host
    if isinstance(port, int):
        found["server.port"] = port
    return found


class ChatReply:
    """/chat/completions and /completions."""

    def __init__(self) -> None:
        self.complete = False
        self.failure: str | None = None
        self._about: Metadata = {}
        self._reasons: dict[int, str] = {}
        self._others: dict[int, list[str]] = {}  # of several answers, all but the first

    def body(self, data: Mapping[str, Any]) -> Any:
        self._note(data)
        for choice in _list(data.get("choices")):
            self._reason(choice)
        return {"choices": data["choices"]} if "choices" in data else dict(data)

    def event(self, data: Mapping[str, Any], span: Span) -> None:
        if data.get("error"):
            self.failure = _error(data["error"])
        self._note(data)
        for choice in _list(data.get("choices")):
            self._reason(choice)
            delta, index = _genai.get(choice, "delta"), _genai.get(choice, "index")
            text = _genai.get(delta, "content") or _genai.get(delta, "refusal") or _genai.get(choice, "text")
            if isinstance(index, int) and index > 0:
                self._others.setdefault(index, []).append(text if isinstance(text, str) else "")
                continue
            # Not OpenAI's own: what others with this API call it.
            thought = _genai.get(delta, "reasoning_content") or _genai.get(delta, "reasoning")
            if isinstance(thought, str) and thought:
                span.stream_reasoning(thought)
            if isinstance(text, str) and text:
                span.stream(text)
            for piece in _list(_genai.get(delta, "tool_calls")):
                function = _genai.get(piece, "function")
                span.stream_tool_call(
                    _genai.get(piece, "index"),
                    _text(_genai.get(function, "arguments")),
                    id=_genai.get(piece, "id"),
                    name=_genai.get(function, "name"),
                )

    def about(self) -> Metadata:
        found = dict(self._about)
        if self._reasons:
            found["gen_ai.response.finish_reasons"] = [self._reasons[index] for index in sorted(self._reasons)]
        return found

    def streamed(self, span: Span) -> Any:
        if not self._others:
            return ...
        texts = {0: span.output} | {index: "".join(pieces) for index, pieces in self._others.items()}
        return {
            "choices": [
                {"index": index, "message": {"role": "assistant", "content": text}} for index, text in texts.items()
            ]
        }

    def _note(self, data: Mapping[str, Any]) -> None:
        for key, name in (("gen_ai.response.id", "id"), ("gen_ai.response.model", "model")):
            if isinstance(data.get(name), str) and data[name]:
                self._about[key] = data[name]
        self._about |= _genai.usage(data.get("usage"))

    def _reason(self, choice: Any) -> None:
        reason = _genai.get(choice, "finish_reason")
        if isinstance(reason, str):
            self.complete = True
            self._reasons[_genai.get(choice, "index") or 0] = reason


class ResponsesReply:
    """/responses."""

    def __init__(self) -> None:
        self.complete = False
        self.failure: str | None = None
        self._about: Metadata = {}
        self._output: Any = ...
        self._calls: dict[Any, Any] = {}

    def body(self, data: Mapping[str, Any]) -> Any:
        self._note(data)
        return {"output": data["output"]} if "output" in data else dict(data)

    def event(self, data: Mapping[str, Any], span: Span) -> None:
        kind, delta = data.get("type"), _text(data.get("delta"))
        if kind in ("response.output_text.delta", "response.refusal.delta"):
            span.stream(delta)
        elif kind in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
            span.stream_reasoning(delta)
        elif kind in ("response.function_call_arguments.delta", "response.custom_tool_call_input.delta"):
            span.stream_tool_call(data.get("output_index"), delta)
        elif kind == "response.output_item.added":
            item = data.get("item")
            if _genai.get(item, "type") in ("function_call", "custom_tool_call"):
                span.stream_tool_call(
                    data.get("output_index"), id=_genai.get(item, "call_id"), name=_genai.get(item, "name")
                )
        elif kind == "error":
            self.failure = _error(data)
        whole = data.get("response")
        if isinstance(whole, Mapping):
            self._note(whole)
            if kind in ("response.completed", "response.incomplete", "response.failed"):
                self.complete = True
                if whole.get("output"):
                    self._output = {"output": whole["output"]}
                if kind == "response.failed":
                    self.failure = _error(whole.get("error"))

    def about(self) -> Metadata:
        return self._about

    def streamed(self, span: Span) -> Any:
        return self._output

    def _note(self, data: Mapping[str, Any]) -> None:
        for key, name in (("gen_ai.response.id", "id"), ("gen_ai.response.model", "model")):
            if isinstance(data.get(name), str) and data[name]:
                self._about[key] = data[name]
        reason = _genai.get(data.get("incomplete_details"), "reason") or data.get("status")
        if isinstance(reason, str) and reason not in ("in_progress", "queued"):
            self._about["gen_ai.response.finish_reasons"] = [reason]
        conversation = _genai.get(data.get("conversation"), "id")
        if isinstance(conversation, str):
            self._about["gen_ai.conversation.id"] = conversation
        self._about |= _genai.usage(data.get("usage"))


class EmbeddingsReply:
    """/embeddings: how many vectors of which size, not the numbers."""

    complete = True
    failure: str | None = None

    def __init__(self) -> None:
        self._about: Metadata = {}

    def body(self, data: Mapping[str, Any]) -> Any:
        if isinstance(data.get("model"), str):
            self._about["gen_ai.response.model"] = data["model"]
        self._about |= _genai.usage(data.get("usage"))
        vectors = _list(data.get("data"))
        if not vectors:
            return dict(data)
        return {"embeddings": len(vectors), "dimensions": _dimensions(_genai.get(vectors[0], "embedding"))}

    def event(self, data: Mapping[str, Any], span: Span) -> None: ...

    def about(self) -> Metadata:
        return self._about

    def streamed(self, span: Span) -> Any:
        return ...


class PlainReply(EmbeddingsReply):
    """What other paths answer: pictures, transcripts, judgements."""

    def body(self, data: Mapping[str, Any]) -> Any:
        for key, name in (("gen_ai.response.id", "id"), ("gen_ai.response.model", "model")):
            if isinstance(data.get(name), str):
                self._about[key] = data[name]
        self._about |= _genai.usage(data.get("usage"))
        return dict(data)

    def event(self, data: Mapping[str, Any], span: Span) -> None:
        piece = data.get("delta")
        if isinstance(piece, str) and piece:
            span.stream(piece)
        self._about |= _genai.usage(data.get("usage"))


_ENDPOINTS: dict[str, Endpoint] = {
    "chat/completions": Endpoint("chat", "llm", ("messages", "prediction"), ChatReply),
    "completions": Endpoint("text_completion", "llm", ("prompt", "suffix"), ChatReply),
    "responses": Endpoint("chat", "llm", ("instructions", "prompt", "input", "previous_response_id"), ResponsesReply),
    "embeddings": Endpoint("embeddings", "embedding", ("input",), EmbeddingsReply),
    "moderations": Endpoint("moderation", "llm", ("input",), PlainReply),
    "images/generations": Endpoint("generate_content", "llm", ("prompt",), PlainReply),
    "images/edits": Endpoint("generate_content", "llm", ("prompt",), PlainReply),
    "audio/speech": Endpoint("generate_content", "llm", ("input", "instructions"), PlainReply),
    "audio/transcriptions": Endpoint("generate_content", "llm", ("prompt",), PlainReply),
    "audio/translations": Endpoint("generate_content", "llm", ("prompt",), PlainReply),
}


def endpoint_of(url: str) -> Endpoint | None:
    """What stands at a path of the API; None for what asks no model (files, lists, a response got again)."""
    return _ENDPOINTS.get(url.partition("?")[0].strip("/"))


def _dimensions(vector: Any) -> int:
    if isinstance(vector, str):  # base64 of 32-bit floats, which is what the client asks for by itself
        return (len(vector) * 3 // 4 - vector.count("=", -2)) // 4
    return len(vector) if isinstance(vector, list) else 0


def _error(said: Any) -> str:
    text = _genai.get(said, "message") or _genai.get(said, "code") or said
    return text if isinstance(text, str) else str(plain(text))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
