"""W3C trace context: the current span into a request's headers, and out of them again.

`traceparent` names the span, `tracestate` is handed on as it came, and `baggage` takes the session along, as its
member `flowscope.session`. What a program has set itself is never replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from flowscope import _context
from flowscope._guard import failed
from flowscope._span import Remote, Span

Headers = TypeVar("Headers", bound=MutableMapping[str, str])

SESSION = "flowscope.session"
"""The member of `baggage` that names the session."""
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
# What the specifications ask a program to hand on at least; more is not.
_LONGEST_STATE = 512
_LONGEST_BAGGAGE = 8192
_LONGEST_SESSION = 256
_PLAIN = re.compile(r"[\x20-\x7e\t]*", re.ASCII)


def inject(headers: Headers) -> Headers:
    """Put the current span's `traceparent`, `tracestate` and `baggage` into `headers`, and return them.

    Outside of any span, and where a `traceparent` stands already, nothing is put. A `baggage` that stands there gets
    the session as one more member.
    """
    try:
        mine = outgoing()
        named = {str(name).lower(): name for name in headers}
        if mine and "traceparent" not in named:
            for name, value in mine.items():
                if name not in named:
                    headers[name] = value
                elif name == "baggage" and SESSION not in headers[named[name]]:
                    headers[named[name]] = f"{headers[named[name]]},{mine['baggage'].rpartition(',')[2]}"
    except Exception as error:
        failed("inject", error)
    return headers


def outgoing() -> dict[str, str]:
    """The headers that tell another process of the current span; none outside of any. The session is baggage's last."""
    span = _context.current()
    if span is not None and not span.is_recording and not span.blocks:  # type: ignore[attr-defined]
        span = span.through  # type: ignore[attr-defined]
    if span is None or not span._id:
        return {}
    found = {"traceparent": traceparent(span)}
    if getattr(span, "blocks", False):
        return found
    sender = caller(span)
    if sender is not None and sender.tracestate:
        found["tracestate"] = sender.tracestate
    members = [sender.baggage] if sender is not None and sender.baggage else []
    if span.session_id:
        members.append(f"{SESSION}={quote(span.session_id, safe='')}")
    if members:
        found["baggage"] = ",".join(members)
    return found


def traceparent(span: Span) -> str:
    """The W3C name of a span, with whether its trace is kept (FLOWSCOPE_SAMPLE)."""
    return f"00-{span._trace:032x}-{span._id:016x}-{'00' if getattr(span, 'blocks', False) else '01'}"


def extract(headers: Mapping[str, Any] | Iterable[tuple[Any, Any]]) -> Remote:
    """The caller's span from `headers` (a mapping, or pairs as ASGI has them), in whatever case.

    Use it as `with flowscope.extract(headers):` or `trace(..., parent=flowscope.extract(headers))`; without a valid
    `traceparent` either does nothing. What is traced inside belongs to the caller's session, if `baggage` names it;
    where the caller leaves its trace out of the sample, so does this process.
    """
    try:
        found = _ours(headers)
        return remote(found.get("traceparent", ""), found.get("tracestate", ""), found.get("baggage", ""))
    except Exception as error:
        failed("extract", error)
    return Remote(0, 0)


def remote(traceparent: str, tracestate: str = "", baggage: str = "") -> Remote:
    """The span that these three name; one that stands for none if `traceparent` is not valid."""
    match = _TRACEPARENT.fullmatch(traceparent.strip())
    if match is None:
        return Remote(0, 0)
    version, trace, span, flags, more = match.groups()
    if version == "ff" or not int(trace, 16) or not int(span, 16) or (version == "00" and more):
        return Remote(0, 0)
    session, others = _members(baggage)
    found = Remote(int(trace, 16), int(span, 16), session, sampled=bool(int(flags, 16) & 1))
    if len(tracestate) <= _LONGEST_STATE and _PLAIN.fullmatch(tracestate):
        found.tracestate = tracestate.strip()
    found.baggage = others
    return found


def _members(baggage: str) -> tuple[str, str]:
    """The session that baggage names, and all that is not ours in it."""
    if len(baggage) > _LONGEST_BAGGAGE or not _PLAIN.fullmatch(baggage):
        return "", ""
    session, others = "", []
    for member in baggage.split(","):
        name, _, value = member.partition("=")
        if name.strip() == SESSION:
            session = unquote(value.partition(";")[0].strip())[:_LONGEST_SESSION]
        elif member.strip():
            others.append(member.strip())
    return session, ",".join(others)


def caller(span: Span) -> Remote | None:
    """The span that this process was called from, with what its process sent, if `span` belongs to its trace."""
    attachment = _context.snapshot()
    while attachment is not None:
        found = attachment.span
        if isinstance(found, Remote) and found._trace == span._trace:
            return found
        attachment = attachment.previous
    return None


def _ours(headers: Mapping[str, Any] | Iterable[tuple[Any, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        key = _text(name).lower()
        if key in ("traceparent", "tracestate", "baggage"):
            # Several headers of baggage or tracestate are one list; of traceparent only one counts.
            found[key] = f"{found[key]},{_text(value)}" if key in found and key != "traceparent" else _text(value)
    return found


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
