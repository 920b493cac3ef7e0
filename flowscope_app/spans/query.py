"""The filter language: `status:error -kind:llm duration>400ms model:gpt* "refund"`, every term must hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from flowscope_app.spans.kinds import Kind

FieldType = Literal["choice", "exact", "name", "duration", "tokens", "time"]
TokenType = Literal["field", "operator", "value", "text", "negation", "error"]

STATUSES = {"pending": 0, "success": 1, "error": 2, "abandoned": 3}
_STATUS_ALIASES = {"running": "pending", "ok": "success", "failed": "error", "fail": "error"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field that can be searched: how its values are compared, and what it is in a few words."""

    name: str
    type: FieldType
    help: str
    example: str


FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("status", "choice", "success, error, pending or abandoned", "status:error"),
        Field("kind", "choice", "llm, tool, retriever, chain, …", "kind:llm"),
        Field("op", "name", "the operation's name, or a part of it", "op:lookup*"),
        Field("model", "name", "the model's name, or a part of it", "model:gpt*"),
        Field("framework", "exact", "langchain, llamaindex, …", "framework:langchain"),
        Field("language", "exact", "python, javascript, …", "language:python"),
        Field("program", "name", "the program or thread", "program:app.py"),
        Field("duration", "duration", "how long it took", "duration>400ms"),
        Field("tokens", "tokens", "input and output tokens", "tokens>1k"),
        Field("tokens_in", "tokens", "input tokens", "tokens_in>1k"),
        Field("tokens_out", "tokens", "output tokens", "tokens_out>100"),
        Field("start", "time", "after the session's start, or by the clock", "start>1.5s"),
    )
}
_EXPECTED: dict[FieldType, str] = {
    "duration": "a time like 400ms",
    "tokens": "a number like 500 or 1.5k",
    "time": "a time like 1.5s or 09:41",
}
_NS = {"ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "min": 60e9, "h": 3600e9}
_FIELD = re.compile(r"([^\W\d][\w.]*)(>=|<=|:|>|<|=)")
_QUANTITY = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([^\W\d]*)")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?")


class QueryError(ValueError):
    """A query that means nothing; `position` is the 0-based character where, `length` how much of it."""

    def __init__(self, term: str, message: str, position: int, length: int = 1) -> None:
        self.position = position
        self.length = max(1, length)
        super().__init__(f"{term}: {message} at character {position + 1}")


@dataclass(frozen=True, slots=True)
class Value:
    """One alternative of a term: `text` as written, casefolded; `number` in ns or tokens where one is meant."""

    text: str
    quoted: bool = False
    number: float = 0
    clock: bool = False  # `number` is ns since midnight, not since the session's start


@dataclass(frozen=True, slots=True)
class Term:
    """`field operator value,value` or, with an empty field, a text to look for."""

    field: str
    operator: str
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query: every term must hold."""

    terms: tuple[Term, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The free texts in it, which the store looks for in inputs, outputs and errors too."""
        return tuple(dict.fromkeys(t.values[0].text for t in self.terms if not t.field))

    def __bool__(self) -> bool:
        return bool(self.terms)


@dataclass(frozen=True, slots=True)
class Token:
    """A stretch of a query's text, for colouring and completion."""

    start: int
    length: int
    type: TokenType


@dataclass(frozen=True, slots=True)
class _Raw:
    """A term as it stands in the text, not judged yet; positions are 0-based characters."""

    start: int
    end: int
    negated: bool
    field: str
    operator: str
    value_start: int
    open_quote: int = -1


def term(field: str, value: str, *, negated: bool = False) -> str:
    """The text of a term that matches exactly `value`, whatever characters are in it."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{"-" if negated else ""}{field}="{quoted}"'


def parse(text: str) -> Query:
    """Parse a query; raises QueryError saying where it makes no sense. Nothing but spaces matches all."""
    return Query(tuple(_term(text, raw) for raw in _scan(text)))


def tokens(text: str) -> list[Token]:
    """The parts of a query in order; never raises: what is wrong is marked `error`."""
    found: list[Token] = []
    for raw in _scan(text):
        at = raw.start
        if raw.negated:
            found.append(Token(at, 1, "negation"))
            at += 1
        if raw.field:
            known = raw.field.casefold() in FIELDS
            found.append(Token(at, len(raw.field), "field" if known else "error"))
            found.append(Token(at + len(raw.field), len(raw.operator), "operator"))
        if raw.end > raw.value_start:
            kind: TokenType = "value" if raw.field else "text"
            try:
                _term(text, raw)
            except QueryError as wrong:
                if wrong.position >= raw.value_start:
                    kind = "error"
            found.append(Token(raw.value_start, raw.end - raw.value_start, kind))
    return found


def _scan(text: str) -> list[_Raw]:
    found = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        start = at
        negated = text[at] == "-" and at + 1 < len(text) and not text[at + 1].isspace()
        at += negated
        match = _FIELD.match(text, at)
        field, operator = match.groups() if match else ("", "")
        value_start = at = match.end() if match else at
        open_quote = -1
        while at < len(text) and not text[at].isspace():
            if text[at] == '"':
                close = _closing(text, at)
                if close < 0:
                    open_quote, at = at, len(text)
                    break
                at = close
            at += 1
        found.append(_Raw(start, at, negated, field, operator, value_start, open_quote))
    return found


def _closing(text: str, quote: int) -> int:
    at = quote + 1
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == '"':
            return at
        at += 1
    return -1


def _term(text: str, raw: _Raw) -> Term:
    shown = text[raw.start : raw.end]
    if raw.open_quote >= 0:
        raise QueryError(shown, "this quote is not closed", raw.open_quote, raw.end - raw.open_quote)
    if not raw.field:
        said = _unquote(text[raw.value_start : raw.end])
        return Term("", "", (Value(said.casefold(), quoted=True),), raw.negated)
    field = FIELDS.get(raw.field.casefold())
    if field is None:
        where = raw.start + raw.negated
        raise QueryError(shown, f"no field “{raw.field}”; quote it to search for the text", where, len(raw.field))
    if raw.end == raw.value_start:
        raise QueryError(shown, f"expected {_expected(field)}", raw.value_start)
    counted = field.type in _EXPECTED
    if counted and raw.operator == ":":
        hint = f"write > or < as in {field.example}"
        raise QueryError(shown, hint, raw.value_start - 1)
    if not counted and raw.operator not in (":", "="):
        raise QueryError(shown, f"write : as in {field.example}", raw.value_start - len(raw.operator))
    values = tuple(_value(field, part, start, shown) for part, start in _alternatives(text, raw.value_start, raw.end))
    return Term(field.name, raw.operator, values, raw.negated)


def _alternatives(text: str, start: int, end: int) -> list[tuple[str, int]]:
    """The comma-separated values with where each begins; commas in quotes are part of a value."""
    found = []
    at = begin = start
    while at <= end:
        if at == end or text[at] == ",":
            if at > begin:
                found.append((text[begin:at], begin))
            begin = at + 1
        elif text[at] == '"':
            at = _closing(text, at)
        at += 1
    return found or [(text[start:end], start)]


def _value(field: Field, part: str, position: int, shown: str) -> Value:
    quoted = part.startswith('"')
    said = _unquote(part).casefold()
    if field.type == "choice" and not _is_choice(field, said):
        raise QueryError(shown, f"expected {_expected(field)}", position, len(part))
    if field.name == "status":
        said = _STATUS_ALIASES.get(said, said)
    if field.type not in _EXPECTED:
        return Value(said, quoted)
    number, clock = _number(field.type, said)
    if number is None:
        raise QueryError(shown, f"expected {_expected(field)}", position, len(part))
    return Value(said, quoted, number, clock)


def _is_choice(field: Field, said: str) -> bool:
    if "*" in said or "?" in said:
        return True
    if field.name == "status":
        return said in STATUSES or said in _STATUS_ALIASES
    return any(said == kind.label for kind in Kind) or Kind.of(said) is not Kind.OTHER


def _expected(field: Field) -> str:
    if field.name == "status":
        return "success, error, pending or abandoned"
    if field.name == "kind":
        return "a kind like llm, tool or retriever"
    return _EXPECTED.get(field.type, "a value")


def _number(kind: FieldType, said: str) -> tuple[float | None, bool]:
    clock = _CLOCK.fullmatch(said) if kind == "time" else None
    if clock:
        hours, minutes, seconds = clock.groups()
        return (int(hours) * 3600 + int(minutes) * 60 + float(seconds or 0)) * 1e9, True
    match = _QUANTITY.fullmatch(said)
    if match is None:
        return None, False
    figure, unit = float(match[1]), match[2]
    if kind == "tokens":
        scale = {"": 1.0, "k": 1e3, "m": 1e6}.get(unit)
    else:
        scale = float(_NS[unit]) if unit in _NS else 0.0 if unit == "" and figure == 0 else None
    return (None if scale is None else figure * scale), False


def _unquote(said: str) -> str:
    if len(said) >= 2 and said[0] == '"' and said[-1] == '"':
        return re.sub(r"\\(.)", r"\1", said[1:-1])
    return said
