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


def encode(span: Span, redacted: bool) -> bytes:
    """The span as it stands now: pending, or finished."""
    end_ns = span.end_ns
    output = output_json(span)
    record = {
        "id": f"{span._id:016x}",
        "session_id": span.session_id,
        "parent_id": f"{span._parent:016x}" if span._parent else None,
        "operation": span.operation,
        "framework": span.framework,
        "language": "python",
        "start_time": format_time(span.start_ns),
        "end_time": None if end_ns is None else format_time(end_ns),
        "input": None if span._input is None else _Fragment(span._input),
        "output": None if output is None else _Fragment(output),
        "metadata": _metadata(span, output),
        "status": "pending" if end_ns is None else span.status,
        "error": span.error,
    }
    try:
        data = _dumps(record)
    except TypeError:  # a member set past the setters: a lone surrogate, an object
        data = _dumps(
            {name: item if type(item) is _Fragment else _Fragment(snapshot(item)) for name, item in record.items()}
        )
    return redact(data) if redacted else data


def _metadata(span: Span, output: bytes | None) -> dict[str, Any]:
    metadata = dict(span.metadata)
    metadata["flowscope.kind"] = span.kind
    metadata["flowscope.trace_id"] = f"{span._trace:032x}"
    metadata["flowscope.thread"] = span._thread
    if span._task is not None:
        metadata["flowscope.task"] = span._task
    info = span._error_info
    if info is not None:
        metadata["flowscope.exception.type"] = info.type
        metadata["flowscope.exception.stacktrace"] = info.stacktrace()
    cut = {
        name: {"length": data.length, "sha256": data.sha256}
        for name, data in (("input", span._input), ("output", output))
        if isinstance(data, Cut)
    }
    if cut:
        metadata["flowscope.truncated"] = cut
    return metadata
