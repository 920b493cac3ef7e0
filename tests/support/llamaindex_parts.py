"""What tests of LlamaIndex share: its mock model's answer, and what a whole tree is."""

from __future__ import annotations

from typing import Any

WORDS = 3
"""Tokens of the mock model's answer."""
ANSWER = " ".join(["text"] * WORDS)


def path(trace: Any, operation: str) -> list[str]:
    """The kinds and operations from the root to the one span with this operation."""
    span = trace.one(operation)
    found = []
    while span is not None:
        found.append(f"{span.kind} {span.operation}")
        span = trace.parent(span)
    return found[::-1]


def assert_whole(trace: Any) -> None:
    assert trace.pending() == []
    assert {span.status for span in trace.spans.values()} == {"success"}
    assert {span.framework for span in trace.spans.values()} == {"llamaindex"}
    for span in trace.spans.values():
        for child in span.children:
            assert span.start_time <= child.start_time <= child.end_time <= span.end_time, child.operation
