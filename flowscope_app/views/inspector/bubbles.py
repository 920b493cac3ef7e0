"""A conversation as the list of cards that the chat shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import orjson

from flowscope_app.base import format as fmt
from flowscope_app.spans.documents import Document
from flowscope_app.spans.messages import Message
from flowscope_app.spans.parts import Part
from flowscope_app.spans.pretty import indented
from flowscope_app.views.inspector.details import Details

Style = Literal["plain", "tool", "error", "reasoning", "media", "document"]
Tone = Literal["dim", "error", "success"]

CURSOR = "▍"
_LINE = 60  # characters of JSON that are read well on one line
_PACKED = 50_000  # characters of JSON that are worth unfolding
_ERROR_NAME = re.compile(r"\b(?:[1-5]\d\d )?[A-Z]\w*(?:Error|Exception|Timeout|Exceeded)\b")


@dataclass(frozen=True, slots=True)
class Bubble:
    """One card: who says it on the left, a figure on the right, and the text."""

    who: str
    text: str
    style: Style = "plain"
    figure: str = ""
    figure_tone: Tone = "dim"
    figure_help: str = ""
    mono: bool = False
    streaming: bool = False


def bubbles(details: Details) -> list[Bubble]:
    """The cards of a span's chat in order; the last one streams while the span is pending."""
    chat, facts = details.chat, details.facts
    found: list[Bubble] = []
    if chat.documents:
        if chat.query:
            found.append(Bubble("query", chat.query))
        found += [_document(number, document) for number, document in enumerate(chat.documents, 1)]
        return found
    shares = _shares(chat.sent, facts.tokens_in)
    for message, share in zip(chat.sent, shares, strict=True):
        found += _bubbles_of(message, share)
    only = len(chat.received) == 1
    received: list[Bubble] = []
    for message in chat.received:
        tokens = message.tokens if message.tokens is not None else facts.tokens_out if only else 0
        received += _bubbles_of(message, fmt.tokens(tokens) if tokens else "")
    if facts.pending and facts.kind.label == "llm":
        received = received or [Bubble("assistant", "")]
        last = received[-1]
        received[-1] = replace(last, streaming=True, figure_tone="success", figure=(last.figure + CURSOR).strip())
    return found + received


def _shares(messages: tuple[Message, ...], tokens: int) -> list[str]:
    """Each message's tokens: exact for one alone, else its share of the input's, by length."""
    if tokens <= 0:
        return [""] * len(messages)
    if len(messages) == 1:
        return [fmt.tokens(tokens)]
    lengths = [sum(len(part.text) + len(part.name) for part in message.parts) + 8 for message in messages]
    total = sum(lengths)
    return [f"≈ {fmt.tokens(max(1, round(tokens * length / total)))}" for length in lengths]


def _bubbles_of(message: Message, figure: str) -> Iterator[Bubble]:
    help_text = ""
    if figure.startswith("≈"):
        help_text = "its share of the reported input tokens, by length"
    first = True
    for bubble in _merged(message):
        if first and not bubble.figure:
            bubble = replace(bubble, figure=figure, figure_help=help_text)
        first = False
        yield bubble
    if first:
        yield Bubble(_who(message), "(empty)", "media", figure, figure_help=help_text)


def _merged(message: Message) -> Iterator[Bubble]:
    """Text next to text is one card."""
    text: list[str] = []
    for part in message.parts:
        if part.kind == "text":
            text.append(part.text)
            continue
        if text:
            yield Bubble(_who(message), "\n\n".join(text))
            text = []
        yield _part(message, part)
    if text:
        yield Bubble(_who(message), "\n\n".join(text))


def _who(message: Message) -> str:
    named = f"{message.role} · {message.name}" if message.name and message.name != message.role else message.role
    return fmt.one_line(named, 80)


def _part(message: Message, part: Part) -> Bubble:
    if part.kind == "tool_call":
        who = fmt.one_line(f"{message.role} → tool {part.name}", 120)
        return Bubble(who, _opened(part.text) or "{}", "tool", mono=True)
    if part.kind == "tool_result":
        who = fmt.one_line(f"tool {part.name}".strip(), 120)
        if not part.error:
            return Bubble(who, _opened(part.text) or "(nothing)", "tool", mono=True)
        named = _ERROR_NAME.search(part.text[:400])
        figure = named[0] if named else "error"
        return Bubble(who, part.text or "(no message)", "error", figure, "error", mono=True)
    if part.kind == "reasoning":
        return Bubble(f"{_who(message)} · reasoning", part.text, "reasoning")
    if part.kind == "media":
        return Bubble(fmt.one_line(f"{_who(message)} · {part.name or 'file'}", 80), part.text, "media")
    return Bubble(_who(message), part.text, mono=True)


def _opened(text: str) -> str:
    """JSON that somebody packed into one long line, on several; any other text as it is."""
    if not (_LINE < len(text) < _PACKED and text[0] in "{[" and text[-1] in "}]" and "\n" not in text):
        return text
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return indented(text)


def _document(number: int, document: Document) -> Bubble:
    who = f"{number}  {document.source}" if document.source else str(number)
    score = "" if document.score is None else f"{document.score:.3f}"
    return Bubble(fmt.one_line(who, 200), document.text, "document", score, figure_help="score" if score else "")
