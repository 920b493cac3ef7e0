"""What the inspector shows of one span, worked out away from the GUI thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from flowscope.protocol import format_time
from flowscope_app.qtmodels.state import ViewState
from flowscope_app.spans import skim, stack
from flowscope_app.spans.kinds import Kind, Status
from flowscope_app.spans.messages import Conversation, conversation
from flowscope_app.spans.pretty import indented
from flowscope_app.spans.rows import Payload
from flowscope_app.spans.stack import Trace

_MANY = 500_000  # bytes of a record up to which its copy is indented


@dataclass(frozen=True)
class SpanFacts:
    """What the table holds of a span; times in ns, `end` None while pending."""

    key: int
    operation: str
    kind: Kind
    status: Status
    framework: str
    language: str
    model: str
    session_id: str
    start: int
    end: int | None
    tokens_in: int
    tokens_out: int
    program: str
    program_detail: str
    parent_key: int | None
    parent_operation: str
    children: int
    after_origin: int

    @property
    def pending(self) -> bool:
        """Whether the span has not ended."""
        return self.status is Status.PENDING


def facts_of(state: ViewState) -> SpanFacts | None:
    """The selected span's facts, None when nothing is selected or it is not loaded yet."""
    row, table = state.selected_row, state.table
    if row < 0 or state.selected is None:
        return None
    names = table.names
    track = table.tracks.get(int(table.track[row]))
    parent = int(table.parent[row])
    return SpanFacts(
        key=state.selected,
        operation=table.op_name(row),
        kind=Kind(int(table.kind[row])),
        status=Status(int(table.status[row])),
        framework=names.get(int(table.framework[row]), ""),
        language=names.get(int(table.language[row]), ""),
        model=names.get(int(table.model[row]), ""),
        session_id=state.session.id if state.session else "",
        start=int(table.start[row]),
        end=None if table.end[row] < 0 else int(table.end[row]),
        tokens_in=int(table.tokens_in[row]),
        tokens_out=int(table.tokens_out[row]),
        program=track.label if track else "",
        program_detail=track.detail if track else "",
        parent_key=int(table.key[parent]) if parent >= 0 else None,
        parent_operation=table.op_name(parent) if parent >= 0 else "",
        children=len(table.children(row)),
        after_origin=int(table.start[row]) - table.origin,
    )


@dataclass(frozen=True)
class Details:
    """A span's payload made ready: decoded (long values cut), its chat found, its stack trace parsed."""

    facts: SpanFacts
    payload: Payload
    given: Any = None
    result: Any = None
    chat: Conversation = field(default_factory=Conversation)
    exception: str = ""  # its type
    message: str = ""  # why it failed
    stack: str = ""
    traces: tuple[Trace, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)  # the span as the Universal Trace Format has it

    def record_json(self) -> bytes:
        """The whole record as JSON, nothing cut."""
        whole = dict(self.record)
        for name, data in (("input", self.payload.input), ("output", self.payload.output)):
            if data is not None:
                whole[name] = orjson.Fragment(data)
        made = orjson.dumps(whole)
        return made if len(made) > _MANY else indented(made.decode("utf-8", "replace")).encode()


def prepare(facts: SpanFacts, payload: Payload) -> Details:
    """Decode and read a payload; takes some 10 ms for a megabyte, so not for the GUI thread."""
    payload = replace(payload, input=_said(payload.input), output=_said(payload.output))
    given = None if payload.input is None else skim.decode(payload.input)
    result = None if payload.output is None else skim.decode(payload.output)
    said = payload.metadata.get("flowscope.exception.type")
    exception = said if isinstance(said, str) else ""
    trace = payload.metadata.get("flowscope.exception.stacktrace")
    trace = trace if isinstance(trace, str) else ""
    message = payload.error or ""
    if not trace and "Traceback (most recent call last)" in message:
        trace, message = message, message.partition("Traceback (most recent call last)")[0].strip()
    traces = tuple(stack.parse(trace[: skim.STRING]))
    if traces and traces[0].raised:
        kind, _colon, rest = traces[0].raised.partition(": ")
        exception = exception or kind
        message = message or rest
    elif not exception and message:
        exception, message = _split_error(message)
    if exception and message.startswith(f"{exception}: "):
        message = message[len(exception) + 2 :]
    return Details(
        facts=facts,
        payload=payload,
        given=given,
        result=result,
        chat=conversation(facts.kind.label, given, result, payload.metadata),
        exception=exception,
        message=message,
        stack=trace,
        traces=traces,
        record=_record(facts, payload, given, result),
    )


def _said(data: bytes | None) -> bytes | None:
    """A recorded null is nothing to look at."""
    return None if data is None or data.strip() == b"null" else data


def _split_error(message: str) -> tuple[str, str]:
    """`ValueError: no such order` or `ValueError('no such order')` as type and message."""
    head, colon, rest = message.partition(": ")
    if colon and head.replace(".", "").replace("_", "").isalnum() and not head[0].isdigit():
        return head, rest
    head, bracket, rest = message.partition("(")
    if bracket and head.isidentifier() and message.endswith(")"):
        return head, rest[:-1].strip("'\"")
    return "", message


def _record(facts: SpanFacts, payload: Payload, given: Any, result: Any) -> dict[str, Any]:
    return {
        "id": payload.span_id,
        "session_id": facts.session_id,
        "parent_id": payload.parent_id,
        "operation": facts.operation,
        "framework": facts.framework,
        "language": facts.language,
        "start_time": _time(facts.start),
        "end_time": None if facts.end is None else _time(facts.end),
        "input": given,
        "output": result,
        "metadata": payload.metadata,
        "status": facts.status.name.lower(),
        "error": payload.error,
    }


def _time(ns: int) -> str:
    try:
        return format_time(ns)
    except (ValueError, OverflowError, OSError):
        return f"{ns} ns"
