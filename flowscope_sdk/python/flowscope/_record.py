"""A span as one Universal Trace Format object; runs on the background thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson

from flowscope._capture import Cut, snapshot
from flowscope._span import Span, output_json
from flowscope.protocol import format_time

_dumps = orjson.dumps
_Fragment = orjson.Fragment
_MAX_OPERATION = 1024
# What is not an input or output is not cut by FLOWSCOPE_MAX_VALUE; each part of it is bounded where it comes from.
_OURS = 16 << 20


Mask = Callable[[bytes], bytes] | None


def encode(span: Span, mask: Mask) -> bytes:
    """The span as it stands now: pending, or finished. `mask` goes over all that may hold a secret."""
    end_ns = span.end_ns
    output = output_json(span)
    record = {
        "id": f"{span._id:016x}",
        "session_id": span.session_id,
        "parent_id": f"{span._parent:016x}" if span._parent else None,
        "operation": _operation(span.operation, mask),
        "framework": span.framework,
        "language": "python",
        "start_time": format_time(span.start_ns),
        "end_time": None if end_ns is None else format_time(end_ns),
        "input": _payload(span._input, mask),
        "output": _payload(output, mask),
        "metadata": _metadata(span, output, mask),
        "status": "pending" if end_ns is None else span.status,
        "error": None if span.error is None else _text(span.error, mask),
    }
    try:
        data = _dumps(record)
    except TypeError:  # a member that orjson can't write: a lone surrogate, an object where a text should be
        data = _dumps({name: _writable(member) for name, member in record.items()})
    return b"%b" % data  # as small as it can be kept: see _capture


@lru_cache(4096)  # there are few of them, each in many spans
def _operation(text: str, mask: Mask) -> Any:
    return _text(text[:_MAX_OPERATION] or "(unnamed)", mask)


def _payload(data: bytes | None, mask: Mask) -> Any:
    if data is None:
        return None
    return _Fragment(bytes(mask(data) if mask is not None else data))  # not a Cut: orjson takes bytes only


def _text(text: str, mask: Mask) -> Any:
    return _payload(snapshot(text, _OURS), mask)


def _writable(member: Any) -> Any:
    return member if type(member) is _Fragment else _Fragment(bytes(snapshot(member, _OURS)))


def _metadata(span: Span, output: bytes | None, mask: Mask) -> Any:
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
    if mask is not None:
        given = mask(given)
        if not given.startswith(b"{"):  # the program's own function has made something else of it
            given = b'{"flowscope.metadata":%b}' % given
        if given == b"{}":
            return own
    # FlowScope's own members go behind: they hold no secrets, and what is searched for those stays short.
    return _Fragment(b"%b,%b" % (given[:-1], snapshot(own, _OURS)[1:]))
