"""What a chat message is made of: text, reasoning, tool calls, tool results and media, out of many shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

PartKind = Literal["text", "reasoning", "tool_call", "tool_result", "media", "data"]

MAX_DEPTH = 8  # content inside tool results inside content ...: deeper is shown as JSON
MAX_PARTS = 10_000  # one message; more is not read by anyone and would only cost time

_TEXT = {"text", "input_text", "output_text", "text_delta", "refusal", "summary_text", "text-plain"}
_REASONING = {"reasoning", "thinking", "reasoning_content", "reasoning_text", "redacted_thinking"}
_CALL = {"tool_call", "tool_use", "function_call", "server_tool_use", "mcp_call", "server_tool_call"}
_RESULT = {
    "tool_result",
    "tool_call_response",
    "function_call_output",
    "web_search_tool_result",
    "function_response",
}
_MEDIA = {
    "image",
    "image_url",
    "input_image",
    "audio",
    "input_audio",
    "video",
    "file",
    "input_file",
    "document",
}
_MEDIA |= {"blob", "uri", "media", "video_url", "image-url", "citable"}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message. `name`: the tool's name, or the mime type of media. `text` is plain text or JSON."""

    kind: PartKind
    text: str
    name: str = ""
    call_id: str = ""
    error: bool = False


def json_text(value: Any) -> str:
    """A value as a person reads it: a string verbatim, else JSON on one line, or indented when it is long."""
    if isinstance(value, str):
        return value
    try:
        line = json.dumps(value, ensure_ascii=False, default=str)
        return line if len(line) <= 60 else json.dumps(value, ensure_ascii=False, default=str, indent=2)
    except (RecursionError, ValueError):
        return "(nested too deeply to show here; see Raw)"


def parts_of(content: Any, depth: int = 0) -> list[Part]:
    """The parts of a message's content: a string, a block, or a list of either."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [Part("text", content)]
    if depth > MAX_DEPTH:
        return [Part("data", json_text(content))]
    if isinstance(content, list):
        return [part for block in content[:MAX_PARTS] for part in parts_of(block, depth + 1)]
    if isinstance(content, Mapping):
        return list(_block(content, depth))
    return [Part("data", json_text(content))]


def tool_call(call: Any) -> Part:
    """A call out of OpenAI's, LangChain's, LlamaIndex's, OpenInference's or the conventions' shape."""
    if not isinstance(call, Mapping):
        return Part("tool_call", json_text(call))
    call = _inner(call, "tool_call")
    function = call.get("function") if isinstance(call.get("function"), Mapping) else call
    arguments = first(function, "arguments", "args", "input", "tool_kwargs", "kwargs", "partial_json")
    return Part(
        "tool_call",
        "" if arguments is None else json_text(arguments),
        name=text(first(function, "name", "tool_name")),
        call_id=text(first(call, "id", "call_id", "tool_call_id")),
        error=call.get("type") == "invalid_tool_call",
    )


def first(mapping: Any, *keys: str) -> Any:
    """The first of `keys` that is there and not None."""
    return next((mapping[key] for key in keys if mapping.get(key) is not None), None)


def text(value: Any) -> str:
    """A name or an id as text; nothing for None."""
    return "" if value is None else value if isinstance(value, str) else json_text(value)


def _inner(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = mapping.get(key)
    return inner if isinstance(inner, Mapping) else mapping


def _block(block: Mapping[str, Any], depth: int) -> Iterator[Part]:
    if isinstance(block.get("message_content"), Mapping):  # OpenInference wraps each block
        block = block["message_content"]
    kind = text(first(block, "type", "block_type", "message_content.type")).lower()
    if kind in _TEXT:
        yield Part("text", text(first(block, "text", "content", "refusal", "message_content.text")))
    elif kind in _REASONING:
        yield from _reasoning(block)
    elif kind in _CALL or "function_call" in block or "functionCall" in block:
        yield tool_call(first(block, "function_call", "functionCall") or block)
    elif kind in _RESULT or "function_response" in block or "functionResponse" in block:
        yield tool_result(first(block, "function_response", "functionResponse") or block, depth)
    elif kind in _MEDIA or "inline_data" in block or "inlineData" in block or "file_data" in block:
        yield _media(block, kind)
    elif not kind and isinstance(block.get("text"), str):  # google-genai's parts have no type
        yield Part("reasoning" if block.get("thought") is True else "text", block["text"])
    else:
        yield Part("data", json_text(block))


def _reasoning(block: Mapping[str, Any]) -> Iterator[Part]:
    said = first(block, "thinking", "reasoning", "text", "content", "summary", "reasoning_content")
    if isinstance(said, list):
        said = "\n".join(part.text for part in parts_of(said) if part.text)
    said = text(said)
    if said:
        yield Part("reasoning", said)
    elif block.get("type") == "redacted_thinking" or block.get("encrypted_content"):
        yield Part("reasoning", "(hidden by the provider)")


def tool_result(block: Any, depth: int = 0) -> Part:
    """What a tool gave back, from a block of a message."""
    content = first(block, "content", "response", "result", "output")
    inner = parts_of(content, depth + 1) if isinstance(content, list) else []
    plain = inner and all(part.kind in ("text", "media") for part in inner)
    return Part(
        "tool_result",
        "\n".join(part.text for part in inner) if plain else "" if content is None else json_text(content),
        name=text(first(block, "name", "tool_name")),
        call_id=text(first(block, "tool_use_id", "tool_call_id", "call_id", "id")),
        error=block.get("is_error") is True or block.get("status") == "error" or bool(block.get("error")),
    )


def _media(block: Mapping[str, Any], kind: str) -> Part:
    source = block
    for key in (
        "source",
        "image_url",
        "input_audio",
        "inline_data",
        "inlineData",
        "file_data",
        "file",
        "image",
        "video_url",
    ):
        if isinstance(block.get(key), Mapping):
            source = block[key]
            break
    mime = text(
        first(
            source,
            "media_type",
            "mime_type",
            "mimeType",
            "mimetype",
            "image_mimetype",
            "format",
            "document_mimetype",
        )
    )
    data = first(source, "data", "content", "base64", "file_data", "url", "uri", "image_url", "image", "audio", "path")
    name = text(first(block, "filename", "title", "name", "modality", "file_id"))
    what = name or mime.partition("/")[0] or kind.replace("input_", "").replace("_url", "") or "file"
    if isinstance(data, str) and data.startswith("data:"):
        mime = mime or data[5:60].partition(";")[0].partition(",")[0]
        return Part("media", f"{what}, {_bytes(len(data) * 3 // 4)}", name=mime)
    if isinstance(data, str) and "://" in data[:12]:
        return Part("media", data[:500], name=mime or what)
    size = f", {_bytes(len(data) * 3 // 4)}" if isinstance(data, str) and data else ""
    return Part("media", f"{what}{size}", name=mime)


def _bytes(count: int) -> str:
    return (
        f"{count} bytes" if count < 1000 else f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"
    )
