"""W3C trace context: the current span into a request's headers, and out of them again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, TypeVar

from flowscope import _context
from flowscope._guard import failed
from flowscope._span import Remote, Span

Headers = TypeVar("Headers", bound=MutableMapping[str, str])

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)


def inject(headers: Headers) -> Headers:
    """Put the current span's `traceparent` into `headers`, if there is one, and return them."""
    try:
        found = traceparent(_context.current())
        if found:
            headers["traceparent"] = found
    except Exception as error:
        failed("inject", error)
    return headers


def traceparent(span: Span | None) -> str:
    """The W3C name of a span, with whether its trace is kept (FLOWSCOPE_SAMPLE); empty if it has none."""
    if span is not None and not span.is_recording and not span.blocks:  # type: ignore[attr-defined]
        span = span.through  # type: ignore[attr-defined]
    if span is None or not span._id:
        return ""
    return f"00-{span._trace:032x}-{span._id:016x}-{'00' if getattr(span, 'blocks', False) else '01'}"


def extract(headers: Mapping[str, Any] | Iterable[tuple[Any, Any]]) -> Remote:
    """The caller's span from `headers` (a mapping, or pairs as ASGI has them), in whatever case.

    Use it as `with flowscope.extract(headers):` or `trace(..., parent=flowscope.extract(headers))`; without a valid
    `traceparent` either does nothing. Where the caller leaves its trace out of the sample, so does this process.
    """
    try:
        found = _TRACEPARENT.fullmatch(_traceparent(headers).strip())
        if found is not None:
            version, trace, span, flags, more = found.groups()
            if version != "ff" and int(trace, 16) and int(span, 16) and not (version == "00" and more):
                return Remote(int(trace, 16), int(span, 16), sampled=bool(int(flags, 16) & 1))
    except Exception as error:
        failed("extract", error)
    return Remote(0, 0)


def _traceparent(headers: Mapping[str, Any] | Iterable[tuple[Any, Any]]) -> str:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    for name, value in pairs:
        if (name.decode("latin-1") if isinstance(name, bytes) else str(name)).lower() == "traceparent":
            return value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return ""
