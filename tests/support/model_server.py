"""Model providers on the loopback: an HTTP server that speaks their wire formats, streams included."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from patience import PATIENCE

OPENAI_USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 64},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
RESPONSES_USAGE = {
    "input_tokens": 100,
    "output_tokens": 20,
    "total_tokens": 120,
    "input_tokens_details": {"cached_tokens": 64},
    "output_tokens_details": {"reasoning_tokens": 5},
}
ANTHROPIC_USAGE = {
    "input_tokens": 30,
    "output_tokens": 20,
    "cache_read_input_tokens": 64,
    "cache_creation_input_tokens": 6,
}
GEMINI_USAGE = {
    "promptTokenCount": 100,
    "candidatesTokenCount": 15,
    "thoughtsTokenCount": 5,
    "cachedContentTokenCount": 64,
    "totalTokenCount": 120,
}
WORDS = ["Twelve", " degrees", " and", " clear."]
TEXT = "".join(WORDS)
ARGUMENTS = '{"city": "Oslo"}'


class ModelServer:
    """Answers as the providers do. What it should do otherwise is set before a request."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.failures: list[tuple[int, dict[str, str]]] = []
        """Status and headers with which the next requests fail, one each."""
        self.breaks = False
        """Streams end in the middle, without a word."""
        self.gate: threading.Event | None = None
        """What a stream waits for after its first piece of text."""

    def headers(self) -> dict[str, str]:
        """Those of the last request."""
        return self.requests[-1][1]

    @contextmanager
    def held(self) -> Iterator[threading.Event]:
        """Streams wait after their first piece of text until the event is set."""
        self.gate = threading.Event()
        try:
            yield self.gate
        finally:
            self.gate.set()
            self.gate = None


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """A server on a free port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as http:
        http.daemon_threads = True
        server = ModelServer(f"http://127.0.0.1:{http.server_address[1]}")
        http.models = server  # type: ignore[attr-defined]
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None: ...

    def do_GET(self) -> None:
        self._answer({"object": "list", "data": []})

    def do_POST(self) -> None:
        server: ModelServer = self.server.models  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        server.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        if server.failures:
            status, headers = server.failures.pop(0)
            self._answer({"error": {"type": "server_error", "message": "not today"}}, status, headers)
            return
        path = self.path.partition("?")[0]
        for end, answer in _PATHS.items():
            if path.endswith(end):
                found = answer(body)
                break
        else:
            self._answer({"error": {"message": f"no {path} here"}}, 404)
            return
        if isinstance(found, dict):
            self._answer(found)
        else:
            kind = "application/x-ndjson" if path.startswith("/api/") else "text/event-stream"
            self._stream(server, kind, found)

    def _answer(self, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {
            "content-type": "application/json",
            "content-length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, server: ModelServer, kind: str, events: Iterator[Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        spoken = 0
        try:
            for event in events:
                data = _encoded(event)
                self._chunk(data)
                if WORDS[0].encode() in data:
                    spoken += 1
                    if server.breaks:
                        self.close_connection = True
                        return
                    if server.gate is not None and spoken == 1:
                        server.gate.wait(PATIENCE)
            self._chunk(b"")
        except (BrokenPipeError, ConnectionResetError):  # the client has left
            self.close_connection = True

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()


def _encoded(event: Any) -> bytes:
    if isinstance(event, bytes):
        return event
    if isinstance(event, tuple):
        return f"event: {event[0]}\ndata: {json.dumps(event[1])}\n\n".encode()
    return f"data: {json.dumps(event)}\n\n".encode()


# OpenAI


def _chat(body: Any) -> Any:
    about = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o-2024"}
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}}
    if not body.get("stream"):
        message: dict[str, Any] = {"role": "assistant", "content": TEXT}
        if body.get("tools"):
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
        elif body.get("response_format"):
            message["content"] = ARGUMENTS
        reason = "tool_calls" if body.get("tools") else "stop"
        choices = [{"index": i, "message": message, "finish_reason": reason} for i in range(body.get("n") or 1)]
        return {**about, "object": "chat.completion", "choices": choices, "usage": OPENAI_USAGE}
    return _chat_stream(body, {**about, "object": "chat.completion.chunk"}, call)


def _chat_stream(body: Any, about: dict[str, Any], call: dict[str, Any]) -> Iterator[Any]:
    def chunk(delta: Any, reason: str | None = None, index: int = 0) -> Any:
        return {**about, "choices": [{"index": index, "delta": delta, "finish_reason": reason}]}

    yield chunk({"role": "assistant", "content": ""})
    if body.get("tools"):
        first = {**call, "index": 0, "function": {"name": "weather", "arguments": ""}}
        yield chunk({"tool_calls": [first]})
        for piece in (ARGUMENTS[:7], ARGUMENTS[7:]):
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
        yield chunk({}, "tool_calls")
    else:
        for word in WORDS:
            for index in range(body.get("n") or 1):
                yield chunk({"content": word}, index=index)
        yield chunk({}, "stop")
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**about, "choices": [], "usage": OPENAI_USAGE}
    yield b"data: [DONE]\n\n"


def _responses(body: Any) -> Any:
    part = {"type": "output_text", "text": TEXT, "annotations": []}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    call = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "weather", "arguments": ARGUMENTS}
    whole = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "gpt-4o-2024",
        "output": [call if body.get("tools") else message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": RESPONSES_USAGE,
        "temperature": 1.0,
        "top_p": 1.0,
        "truncation": "disabled",
        "metadata": {},
        "text": {"format": {"type": "text"}},
        "reasoning": {"effort": None, "summary": None},
        **dict.fromkeys(
            ("error", "incomplete_details", "instructions", "max_output_tokens", "previous_response_id", "user")
        ),
    }
    return _responses_stream(whole) if body.get("stream") else whole


def _responses_stream(whole: dict[str, Any]) -> Iterator[Any]:
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    (item,) = whole["output"]
    place = {"output_index": 0, "item_id": item["id"]}
    numbers = iter(range(1000))

    def event(kind: str, **members: Any) -> Any:
        return kind, {"type": kind, "sequence_number": next(numbers), **members}

    yield event("response.created", response=begun)
    if item["type"] == "function_call":
        yield event("response.output_item.added", output_index=0, item={**item, "arguments": ""})
        for piece in (ARGUMENTS[:7], ARGUMENTS[7:]):
            yield event("response.function_call_arguments.delta", delta=piece, **place)
        yield event("response.function_call_arguments.done", arguments=ARGUMENTS, name="weather", **place)
    else:
        yield event("response.output_item.added", output_index=0, item={**item, "content": []})
        empty = {**item["content"][0], "text": ""}
        yield event("response.content_part.added", content_index=0, part=empty, **place)
        for word in WORDS:
            yield event("response.output_text.delta", content_index=0, delta=word, logprobs=[], **place)
        yield event("response.output_text.done", content_index=0, text=TEXT, logprobs=[], **place)
        yield event("response.content_part.done", content_index=0, part=item["content"][0], **place)
    yield event("response.output_item.done", output_index=0, item=item)
    yield event("response.completed", response=whole)


def _embeddings(body: Any) -> Any:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vector: Any = [0.25, 0.5, 0.75]
    if body.get("encoding_format") == "base64":
        vector = "AACAPgAAAD8AAEA/"
    data = [{"object": "embedding", "index": i, "embedding": vector} for i in range(len(texts))]
    usage = {"prompt_tokens": 7, "total_tokens": 7}
    return {"object": "list", "model": "text-embedding-3-small", "data": data, "usage": usage}


# Anthropic


def _messages(body: Any) -> Any:
    text = {"type": "text", "text": TEXT}
    tool = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": json.loads(ARGUMENTS)}
    whole = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-test-2026",
        "content": [{"type": "text", "text": "Let me look."}, tool] if body.get("tools") else [text],
        "stop_reason": "tool_use" if body.get("tools") else "end_turn",
        "stop_sequence": None,
        "usage": ANTHROPIC_USAGE,
    }
    return _messages_stream(whole, bool(body.get("thinking"))) if body.get("stream") else whole


def _messages_stream(whole: dict[str, Any], thinking: bool) -> Iterator[Any]:
    def event(kind: str, **members: Any) -> Any:
        return kind, {"type": kind, **members}

    begun = {**whole, "content": [], "stop_reason": None, "usage": {**ANTHROPIC_USAGE, "output_tokens": 1}}
    yield event("message_start", message=begun)
    yield event("ping")
    blocks = list(whole["content"])
    if thinking:
        blocks.insert(0, {"type": "thinking", "thinking": "Oslo in May.", "signature": "sig"})
    for index, block in enumerate(blocks):
        if block["type"] == "text":
            words = WORDS if block["text"] == TEXT else [block["text"]]
            deltas = [{"type": "text_delta", "text": word} for word in words]
            start = {"type": "text", "text": ""}
        elif block["type"] == "thinking":
            deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}]
            deltas.append({"type": "signature_delta", "signature": "sig"})
            start = {"type": "thinking", "thinking": "", "signature": ""}
        else:
            pieces = (ARGUMENTS[:7], ARGUMENTS[7:])
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
            start = {**block, "input": {}}
        yield event("content_block_start", index=index, content_block=start)
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    stop = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield event("message_delta", delta=stop, usage={"output_tokens": 20})
    yield event("message_stop")


# Ollama


def _ollama_chat(body: Any) -> Any:
    about = {"model": body["model"], "created_at": "2026-11-22T18:00:00Z"}
    end = {"done": True, "done_reason": "stop", "prompt_eval_count": 100, "eval_count": 20, "total_duration": 5}
    call = {"function": {"name": "weather", "arguments": json.loads(ARGUMENTS)}}
    said: dict[str, Any] = {"role": "assistant", "content": TEXT}
    if body.get("tools"):
        said = {"role": "assistant", "content": "", "tool_calls": [call]}
    if not body.get("stream"):
        return {**about, "message": said, **end}
    pieces = [said] if body.get("tools") else [{"role": "assistant", "content": word} for word in WORDS]
    lines = [{**about, "message": piece, "done": False} for piece in pieces]
    lines.append({**about, "message": {"role": "assistant", "content": ""}, **end})
    return (json.dumps(line).encode() + b"\n" for line in lines)


def _ollama_generate(body: Any) -> Any:
    about = {"model": body["model"], "created_at": "2026-11-22T18:00:00Z"}
    end = {"done": True, "done_reason": "stop", "prompt_eval_count": 100, "eval_count": 20}
    if not body.get("stream"):
        return {**about, "response": TEXT, **end}
    lines = [{**about, "response": word, "done": False} for word in WORDS]
    return (json.dumps(line).encode() + b"\n" for line in [*lines, {**about, "response": "", **end}])


def _ollama_embed(body: Any) -> Any:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    return {"model": body["model"], "embeddings": [[0.25, 0.5, 0.75] for _ in texts], "prompt_eval_count": 7}


# Gemini


def _gemini(body: Any) -> Any:
    part: dict[str, Any] = {"text": TEXT}
    if body.get("tools"):
        part = {"functionCall": {"id": "call_1", "name": "weather", "args": json.loads(ARGUMENTS)}}
    content = {"role": "model", "parts": [part]}
    return {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": GEMINI_USAGE,
        "modelVersion": "gemini-2.5-flash-001",
        "responseId": "gem_1",
    }


def _gemini_stream(body: Any) -> Iterator[Any]:
    about = {"modelVersion": "gemini-2.5-flash-001", "responseId": "gem_1"}
    if body.get("tools"):
        yield _gemini(body)
        return
    for word in WORDS:
        yield {"candidates": [{"content": {"role": "model", "parts": [{"text": word}]}, "index": 0}], **about}
    last = {"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP", "index": 0}
    yield {"candidates": [last], "usageMetadata": GEMINI_USAGE, **about}


def _gemini_embed(body: Any) -> Any:
    return {"embeddings": [{"values": [0.25, 0.5, 0.75]} for _ in body.get("requests", [0])]}


_PATHS = {
    "/chat/completions": _chat,
    "/responses": _responses,
    "/embeddings": _embeddings,
    "/messages": _messages,
    "/api/chat": _ollama_chat,
    "/api/generate": _ollama_generate,
    "/api/embed": _ollama_embed,
    ":generateContent": _gemini,
    ":streamGenerateContent": _gemini_stream,
    ":batchEmbedContents": _gemini_embed,
}
