"""Chat messages out of the many shapes that frameworks and providers record them in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from flowscope_app.spans.documents import Document, documents_in
from flowscope_app.spans.parts import MAX_DEPTH, Part, first, json_text, parts_of, text, tool_call, tool_result

MAX_MESSAGES = 20_000

_ROLES = {
    "human": "user",
    "humanmessage": "user",
    "humanmessagechunk": "user",
    "ai": "assistant",
    "aimessage": "assistant",
    "aimessagechunk": "assistant",
    "model": "assistant",
    "chatbot": "assistant",
    "bot": "assistant",
    "systemmessage": "system",
    "systemmessagechunk": "system",
    "toolmessage": "tool",
    "toolmessagechunk": "tool",
    "function": "tool",
    "functionmessage": "tool",
    "chatmessage": "user",
}
_KNOWN = {"system", "developer", "user", "assistant", "tool", *_ROLES}
_CONTENTS = ("content", "parts", "blocks", "contents", "tool_calls")
_WRAPPERS = ("messages", "input", "chat_history", "history", "contents", "input_messages", "new_messages")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: `role` is system, developer, user, assistant, tool or what the program called it."""

    role: str
    parts: tuple[Part, ...]
    name: str = ""
    tokens: int | None = None  # what the program reported for this message, None if it did not


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a span said and was told. `sent` messages went in, `received` ones came out of it."""

    sent: tuple[Message, ...] = ()
    received: tuple[Message, ...] = ()
    query: str = ""
    documents: tuple[Document, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.sent or self.received or self.documents)


def conversation(kind: str, given: Any, result: Any, metadata: Mapping[str, Any]) -> Conversation:
    """The chat in a span's decoded input, output and metadata; empty when there is none.

    `kind` is the span's kind ("llm", "retriever", ...): only for a model's call is bare text a message.
    """
    if kind in ("retriever", "reranker"):
        found = documents_in(result) or documents_in(metadata.get("gen_ai.retrieval.documents"))
        if found:
            return Conversation(query=_query(given), documents=tuple(found))
    if kind == "tool":
        return _tool_run(given, result)
    is_llm = kind == "llm"
    sent = sent_messages(given, bare=is_llm) or _from_metadata(metadata, "input")
    received = received_messages(result, bare=is_llm) or _from_metadata(metadata, "output")
    if sent and received[: len(sent)] == sent:  # a graph's state comes back whole: show what was added
        received = received[len(sent) :]
    if not is_llm and not sent and not any(m.role in ("user", "assistant", "tool") for m in received):
        return Conversation()
    return Conversation(tuple(_named(sent)), tuple(_named(received, sent)))


def _tool_run(given: Any, result: Any) -> Conversation:
    """A tool's own span: a chat only when what it gave back is a message, as LangChain's tools do."""
    received = [message for message in received_messages(result, bare=False) if message.role == "tool"]
    if not received:
        return Conversation()
    arguments = () if given is None else (Message("arguments", (Part("data", json_text(given)),)),)
    return Conversation(arguments, tuple(received))


def sent_messages(value: Any, *, bare: bool = True) -> list[Message]:
    """The messages of an input. With `bare`, plain text and lists of prompts are messages of the user too."""
    if isinstance(value, str):
        return [Message("user", (Part("text", value),))] if bare and value else []
    if not isinstance(value, Mapping):
        return _message_list(value)
    system = first(value, "system", "system_prompt", "system_instruction", "systemInstruction", "instructions")
    head = [Message("system", tuple(_content(system)))] if system and not isinstance(system, bool) else []
    for key in _WRAPPERS:
        inner = value.get(key)
        found = _message_list(inner) if isinstance(inner, (list, Mapping)) else []
        if found:
            return head + found
    if _is_message(value):
        return [_message(value)]
    prompts = first(value, "prompts", "prompt", "formatted_prompt", "input", "contents") if bare else None
    if isinstance(prompts, str):
        prompts = [prompts]
    if isinstance(prompts, list) and prompts and all(isinstance(prompt, str) for prompt in prompts):
        return head + [Message("user", (Part("text", prompt),)) for prompt in prompts[:MAX_MESSAGES]]
    return head if bare else []


def received_messages(value: Any, *, bare: bool = True) -> list[Message]:
    """The messages of an output: generations, choices, candidates, a message, a list of them or plain text."""
    if isinstance(value, str):
        return [Message("assistant", (Part("text", value),))] if bare and value else []
    if isinstance(value, list):
        return _message_list(value, "assistant")
    if not isinstance(value, Mapping):
        return []
    if isinstance(value.get("generations"), list):
        return list(_generations(value["generations"]))
    for key in ("choices", "candidates"):
        if isinstance(value.get(key), list):
            return [found for choice in value[key] for found in _choice(choice)]
    if _is_message(value) or isinstance(value.get("blocks"), list):
        return [_message(value, "assistant")]
    for key in ("message", "messages", "output", "response", "chat_history"):
        inner = value.get(key)
        found = received_messages(inner, bare=bare) if isinstance(inner, (list, Mapping)) else []
        if found:
            return found
    said = first(value, "text", "content", "completion", "output_text", "response", "generated_text") if bare else None
    return [Message("assistant", tuple(_content(said)))] if said else []


def _message_list(value: Any, role: str = "user") -> list[Message]:
    while isinstance(value, list) and value and isinstance(value[0], list):  # a batch of conversations
        value = [item for batch in value if isinstance(batch, list) for item in batch]
    if isinstance(value, Mapping):
        return [_message(value, role)] if _is_message(value) else []
    if not isinstance(value, list) or not value:
        return []
    items = value[:MAX_MESSAGES]
    if not all(_is_message(item) for item in items if isinstance(item, Mapping)):
        return []
    if not any(isinstance(item, Mapping) for item in items):
        return []
    return [_message(item, role) for item in items]


def _is_message(value: Any) -> bool:
    """Whether an object is a message, by its role, type or constructor, not merely an object with a text."""
    if not isinstance(value, Mapping):
        return False
    if value.get("lc") == 1:
        return "message" in _class_name(value)
    if isinstance(value.get("message"), Mapping) and len(value) <= 3:
        return _is_message(value["message"])
    if "message.role" in value or isinstance(value.get("role"), str):
        return "message.role" in value or any(key in value for key in _CONTENTS)
    kind = text(value.get("type")).lower()
    if kind in _KNOWN and "content" in value:
        return True
    return kind in ("function_call", "function_call_output", "reasoning") and ("call_id" in value or "summary" in value)


def _class_name(value: Mapping[str, Any]) -> str:
    """The class that LangChain's constructor shape names, in lower case."""
    path = value.get("id")
    return text(path[-1]).lower() if isinstance(path, list) and path else ""


def _message(value: Any, role: str = "user", depth: int = 0) -> Message:
    if not isinstance(value, Mapping):
        return Message(role, tuple(_content(value)))
    if depth < MAX_DEPTH:
        if value.get("lc") == 1 and isinstance(value.get("kwargs"), Mapping):
            kwargs = dict(value["kwargs"])
            kwargs.setdefault("type", _class_name(value))
            return _message(kwargs, role, depth + 1)
        if isinstance(value.get("message"), Mapping):
            return _message(value["message"], role, depth + 1)
    kind = text(value.get("type")).lower()
    if kind in ("function_call", "function_call_output", "reasoning"):  # items of OpenAI's Responses
        result = kind == "function_call_output"
        return Message("tool" if result else "assistant", (tool_result(value),) if result else tuple(parts_of(value)))
    said = text(first(value, "role", "message.role")) or (kind if kind in _KNOWN else "")
    role = _ROLES.get(said.lower(), said.lower()) or role
    parts = list(_message_parts(value))
    if role == "tool" and not any(part.kind == "tool_result" for part in parts):
        parts = [tool_result({**value, "content": value.get("content", [p.text for p in parts])})]
    usage = value.get("usage_metadata") or value.get("usage")
    tokens = first(usage, "output_tokens", "completion_tokens") if isinstance(usage, Mapping) else None
    name = text(first(value, "name", "message.name"))
    return Message(role, tuple(parts), name, tokens if isinstance(tokens, int) and role == "assistant" else None)


def _message_parts(value: Mapping[str, Any]) -> Iterator[Part]:
    extra = value.get("additional_kwargs")
    extra = extra if isinstance(extra, Mapping) else {}
    reasoning = first(value, "reasoning_content", "reasoning") or extra.get("reasoning_content")
    if isinstance(reasoning, str) and reasoning:
        yield Part("reasoning", reasoning)
    content = first(value, "content", "parts", "blocks", "message.content", "message.contents", "contents")
    seen = set()
    for part in _content(content):
        if part.kind == "tool_call":
            seen.add(part.call_id)
        yield part
    if isinstance(value.get("refusal"), str) and value["refusal"]:
        yield Part("text", value["refusal"])
    calls = first(value, "tool_calls", "message.tool_calls") or extra.get("tool_calls") or []
    invalid = value.get("invalid_tool_calls")
    for call in (*_list(calls), *_list(invalid)):
        part = tool_call(call)
        if not part.call_id or part.call_id not in seen:  # Anthropic through LangChain says each call twice
            seen.add(part.call_id)
            yield part
    function = first(value, "function_call", "message.function_call") or extra.get("function_call")
    if isinstance(function, Mapping):
        yield tool_call(function)


def _content(content: Any) -> Sequence[Part]:
    if isinstance(content, Mapping) and "parts" in content:
        content = content["parts"]
    return parts_of(content)


def _generations(generations: list[Any]) -> Iterator[Message]:
    for batch in generations:
        for one in batch if isinstance(batch, list) else [batch]:
            if isinstance(one, Mapping) and isinstance(one.get("kwargs"), Mapping):  # LangChain's constructor
                one = one["kwargs"]
            if not isinstance(one, Mapping):
                yield Message("assistant", tuple(_content(one)))
            elif isinstance(one.get("message"), Mapping):
                yield _message(one["message"], "assistant")
            else:
                yield Message("assistant", tuple(_content(one.get("text"))))


def _choice(choice: Any) -> Iterator[Message]:
    if not isinstance(choice, Mapping):
        return
    inner = first(choice, "message", "delta", "content")
    if isinstance(inner, Mapping):
        yield _message({"role": "assistant", **inner}, "assistant")
    elif inner is not None or "text" in choice:
        yield Message("assistant", tuple(_content(inner if inner is not None else choice["text"])))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if isinstance(value, Mapping) else []


def _query(given: Any) -> str:
    if isinstance(given, Mapping):
        said = first(given, "query", "query_str", "input", "question", "str_or_query_bundle", "query_bundle", "text")
        return _query(said) if isinstance(said, Mapping) else json_text(given if said is None else said)
    return "" if given is None else json_text(given)


def _from_metadata(metadata: Mapping[str, Any], way: str) -> list[Message]:
    """Messages that OpenTelemetry or OpenInference attributes hold, when the record itself has none."""
    said = metadata.get(f"gen_ai.{way}.messages")
    if isinstance(said, str):
        try:
            said = orjson.loads(said)
        except orjson.JSONDecodeError:
            said = [{"role": "user" if way == "input" else "assistant", "content": said}]
    found = _message_list(said, "user" if way == "input" else "assistant")
    if not found:
        found = _message_list(_unflatten(metadata, f"llm.{way}_messages."), "user" if way == "input" else "assistant")
    if not found:
        found = _message_list(_unflatten(metadata, "gen_ai.prompt." if way == "input" else "gen_ai.completion."))
    system = metadata.get("gen_ai.system_instructions")
    if way == "input" and system and not any(message.role == "system" for message in found):
        found.insert(0, Message("system", tuple(_content(system))))
    return found


def _unflatten(metadata: Mapping[str, Any], prefix: str) -> list[Any]:
    """`prefix + "0.message.role": "user"` and its like, as nested objects and lists."""
    tree: dict[str, Any] = {}
    for key, value in metadata.items():
        if not key.startswith(prefix):
            continue
        node = tree
        *path, last = key[len(prefix) :].split(".")[:16]
        for step in path:
            inner = node.setdefault(step, {})
            if not isinstance(inner, dict):
                break
            node = inner
        else:
            node[last] = value
    nested = _lists(tree)
    return nested if isinstance(nested, list) else []


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(key.isdecimal() for key in node):
        return [_lists(node[key]) for key in sorted(node, key=int)]
    return {key: _lists(inner) for key, inner in node.items()}


def _named(messages: Sequence[Message], before: Sequence[Message] = ()) -> Iterator[Message]:
    """Tool results get the name of the call that they answer."""
    names = {p.call_id: p.name for m in (*before, *messages) for p in m.parts if p.kind == "tool_call" and p.call_id}
    for message in messages:
        if any(p.kind == "tool_result" and not p.name for p in message.parts):
            parts = tuple(
                replace(p, name=names.get(p.call_id, message.name)) if p.kind == "tool_result" and not p.name else p
                for p in message.parts
            )
            message = replace(message, parts=parts)
        yield message
