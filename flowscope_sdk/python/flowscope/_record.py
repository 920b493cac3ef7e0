"""A span as one Universal Trace Format object; runs on the background thread."""

from __future__ import annotations

from typing import Any

import orjson

from flowscope._capture import Cut, snapshot
from flowscope._redact import redact
from flowscope._span import Span, output_json
from flowscope.protocol import format_time

_dumps = orjson.dumps
_Fragment = orjson.Fragment
# An operation longer than this may be more than a name: a URL, a command line.
_SHORT = 40
_MAX_OPERATION = 1024
# What is not an input or output is not cut by FLOWSCOPE_MAX_VALUE; each part of it is bounded where it comes from.
_OURS = 16 << 20


def encode(span: Span, redacted: bool) -> bytes:
    """The span as it stands now: pending, or finished."""
    end_ns = span.end_ns
    output = output_json(span)
    record = {
        "id": f"{span._id:016x}",
        "session_id": span.session_id,
        "parent_id": f"{span._parent:016x}" if span._parent else None,
        "operation": _operation(span.operation, redacted),
        "framework": span.framework,
        "language": "python",
        "start_time": format_time(span.start_ns),
        "end_time": None if end_ns is None else format_time(end_ns),
        "input": _payload(span._input, redacted),
        "output": _payload(output, redacted),
        "metadata": _metadata(span, output, redacted),
        "status": "pending" if end_ns is None else span.status,
        "error": None if span.error is None else _text(span.error, redacted),
    }
    try:
        data = _dumps(record)
    except TypeError:  # a member that orjson can't write: a lone surrogate, an object where a text should be
        data = _dumps({name: _writable(member) for name, member in record.items()})
    return b"%b" % data  # as small as it can be kept: see _capture


def _operation(text: str, redacted: bool) -> Any:
    if len(text) <= _SHORT:
        return text or "(unnamed)"
    return _text(text[:_MAX_OPERATION], redacted)


def _payload(data: bytes | None, redacted: bool) -> Any:
    if data is None:
        return None
    return _Fragment(bytes(redact(data) if redacted else data))  # not a Cut: orjson takes bytes only


def _text(text: str, redacted: bool) -> Any:
    return _payload(snapshot(text, _OURS), redacted)


def _writable(member: Any) -> Any:
    return member if type(member) is _Fragment else _Fragment(bytes(snapshot(member, _OURS)))


def _metadata(span: Span, output: bytes | None, redacted: bool) -> Any:
    metadata = {} if span._metadata is None else dict(span._metadata)
    info = span._error_info
    if info is not None:
        metadata["flowscope.exception.type"] = info.type
        metadata["flowscope.exception.stacktrace"] = info.stacktrace()
    own: dict[str, Any] = {
        "flowscope.kind": span.kind,
        "flowscope.trace_id": f"{span._trace:032x}",
        "flowscope.thread": span._thread,
    }
    if span._task is not None:
        own["flowscope.task"] = span._task
    cut = {
        name: {"length": data.length, "sha256": data.sha256}
        for name, data in (("input", span._input), ("output", output))
        if isinstance(data, Cut)
    }
    if cut:
        own["flowscope.truncated"] = cut
    if not metadata:
        return own
    given = snapshot(metadata, _OURS)
    # FlowScope's own members go behind: they hold no secrets, and what is searched for those stays short.
    return _Fragment(b"%b,%b" % ((redact(given) if redacted else given)[:-1], snapshot(own, _OURS)[1:]))
