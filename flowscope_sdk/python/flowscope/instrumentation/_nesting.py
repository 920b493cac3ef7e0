"""Which span is innermost when FlowScope's own context and a framework's both know one."""

from __future__ import annotations

from collections.abc import Callable

from flowscope import _context
from flowscope._guard import failed
from flowscope._span import Remote, Span

MODELS = ("llm", "embedding")
"""Kinds of spans that are a model's call."""

# By framework: what it knows to be running in this context, or None. Asked at every span, so it must be cheap.
_sources: dict[str, Callable[[], Span | None]] = {}


def add_source(name: str, source: Callable[[], Span | None]) -> None:
    """From now on `source` takes part in what is current."""
    _sources[name] = source
    _context.resolve = _innermost


def remove_source(name: str) -> None:
    """Forget a source."""
    _sources.pop(name, None)
    if not _sources:
        _context.resolve = None


def current_but(name: str) -> Span | None:
    """The innermost span here without asking the source `name`: what was opened by others than that framework."""
    return _innermost(_context.attached(), name)


def model_calls_around(span: Span) -> list[Span]:
    """The open calls of models that `span`, just begun, stands in."""
    found: list[Span] = []
    attachment = _context.snapshot()
    while attachment is not None:
        if attachment.live:
            found.append(attachment.span)
        attachment = attachment.previous
    for name, source in _sources.items():
        try:
            inside = source()
        except Exception as error:
            failed(f"current span of {name}", error)
        else:
            found += [] if inside is None else [inside]
    return [
        each
        for each in found
        if each.kind in MODELS
        and each.is_recording
        and each._depth < span._depth
        and each.end_ns is None
        and each._trace == span._trace
    ]


def is_inner(span: Span, other: Span) -> bool:
    """Whether `span` stands deeper than `other`."""
    if not (span.is_recording and other.is_recording):
        # Inside of what is suppressed nothing is recorded, so a suppression is always the inner one.
        if getattr(other, "blocks", False) or getattr(span, "blocks", False):
            return not getattr(other, "blocks", False)
        # One that is left out stands for the span around it, if there is one.
        span, other = getattr(span, "through", span), getattr(other, "through", other)
        if span is None or other is None:
            return span is not None
    # Of two traces, when one context was carried here and the other was not, the one that began later is the live one.
    if span._trace == other._trace:
        return span._depth > other._depth
    return span.start_ns > other.start_ns


def remember(span: Span) -> Span:
    """What is needed of an ended span to be a parent still, without its payloads."""
    if not span.is_recording:
        return span
    remote = Remote(span._trace, span._id, span.session_id)
    remote.start_ns = span.start_ns
    remote._clock = span._clock
    remote._depth = span._depth
    return remote


def _innermost(attached: Span | None, but: str = "") -> Span | None:
    best = attached
    for name, source in _sources.items():
        if name == but:
            continue
        try:
            span = source()
        except Exception as error:
            failed(f"current span of {name}", error)
            continue
        if span is not None and (best is None or is_inner(span, best)):
            best = span
    return best
