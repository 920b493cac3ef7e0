"""Checks that a case names: what must hold of all that an SDK has sent. Each returns what is wrong, "" if nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flowscope.protocol import parse_time
from flowscope_app.compliance.evidence import Evidence, Message

_CLOCK_NS = 50_000_000


def complete(evidence: Evidence) -> str:
    """Numbers run from 1 without a hole."""
    for producer in {name for name, _ in evidence.numbers}:
        numbers = sorted(number for name, number in evidence.numbers if name == producer)
        hole = next((at for at, number in enumerate(numbers, 1) if number != at), None)
        if hole is not None:
            return f"number {hole} never came, {numbers[-1]} did"
    return "" if evidence.numbers else "no numbered record came"


def in_order(evidence: Evidence) -> str:
    """Each batch begins where the one before it ended; within one life of the collector.

    Who waited long for an acknowledgement, and asked how far the collector is, may begin again.
    """
    expected: dict[tuple[str, int], int] = {}
    asked = Counter((heard.get("producer"), life) for life, heard in evidence.heard if heard.get("cmd") == "hello")
    for message in _numbered(evidence):
        header = message.header
        assert header.producer is not None
        key = header.producer.id, message.life
        due = expected.get(key, header.seq if message.life > 1 else 1)
        if header.seq != due and not (asked[key] > 1 and header.seq < due):
            return f"a batch begins with number {header.seq} where {expected.get(key, 1)} is due"
        expected[key] = header.seq + header.count
    return ""


def described(evidence: Evidence) -> str:
    """The header says who sends."""
    for message in _numbered(evidence):
        producer = message.header.producer
        assert producer is not None
        for name in ("program", "pid", "host", "runtime", "sdk", "session_id", "started_ns"):
            if not getattr(producer, name):
                return f"producer.{name} is missing"
        if not producer.proven:
            return "producer.id is not made of producer.secret"
        return ""
    return "no header came"


def version_2(evidence: Evidence) -> str:
    """Once the collector has said that it speaks version 2, batches are of version 2."""
    versions = [message.header.version for message in _numbered(evidence)]
    return "" if versions and versions[-1] == 2 else f"the versions of the batches are {versions[-5:]}"


def version_1(evidence: Evidence) -> str:
    """No batch of version 2 goes to a collector that does not speak it."""
    versions = {message.header.version for message in _numbered(evidence)}
    return "" if versions == {1} else f"the versions of the batches are {sorted(versions)}"


def hello(evidence: Evidence) -> str:
    """A hello names producer, secret, first number and versions."""
    said = _said(evidence, "hello")
    if not said:
        return "no hello came"
    missing = [name for name in ("producer", "secret", "first", "protocol") if name not in said[0]]
    return f"the hello lacks {', '.join(missing)}" if missing else ""


def beats(evidence: Evidence) -> str:
    """Heartbeats tell how far it is."""
    said = _said(evidence, "beat")
    if not said:
        return "no heartbeat came"
    names = ("producer", "sent", "unacknowledged", "queued", "dropped", "waiting_ms")
    wrong = [name for name in names[1:] if not isinstance(said[-1].get(name), int)]
    return f"a heartbeat lacks {', '.join(wrong)}" if wrong else ""


def no_beats(evidence: Evidence) -> str:
    """Who speaks version 1 gets no heartbeats."""
    return "a heartbeat came" if _said(evidence, "beat") else ""


def resent(evidence: Evidence) -> str:
    """What one life of the collector had not stored came again in the next, from behind what was acknowledged on."""
    last = max((message.life for message in evidence.messages), default=0)
    if last < 2:
        return "nothing came after the collector was there again"
    watermark = evidence.answered.get(last, ("", 0))[1]
    again = [message for message in _numbered(evidence) if message.life == last]
    needless = [each for each in again if each.header.seq + each.header.count - 1 <= watermark and each.header.count]
    return f"a batch came again that was acknowledged, up to {watermark}" if needless else ""


def batched(evidence: Evidence) -> str:
    """Many spans go in few messages."""
    count = len(evidence.records)
    return (
        "" if len(evidence.messages) * 20 <= count else f"{count:,} spans came in {len(evidence.messages):,} messages"
    )


def counted(evidence: Evidence) -> str:
    """What was given up is told in the header, and more came than nothing."""
    dropped = max((message.header.dropped for message in evidence.messages), default=0)
    return "" if dropped else "header.dropped is 0"


def timely(evidence: Evidence) -> str:
    """Spans lie within their parents and not in the future; times are finer than milliseconds."""
    now = int(datetime.now().timestamp() * 1e9)
    fine = False
    for record in evidence.records.values():
        start, end = _times(record)
        fine |= bool(start % 1_000_000)
        if end > now + _CLOCK_NS or start < now - 600_000_000_000:
            return f"{record['operation']!r} lies at {record['start_time']}, which is not now"
        parent = evidence.records.get(str(record.get("parent_id")))
        if parent is None:
            continue
        begun, ended = _times(parent)
        if start < begun or end > ended:
            return f"{record['operation']!r} does not lie within its parent"
    return "" if fine else "no time is finer than a millisecond"


def separate(evidence: Evidence) -> str:
    """Each root begins a trace of its own; all below it belong to that."""
    roots = [
        record["metadata"]["flowscope.trace_id"] for record in evidence.records.values() if not record.get("parent_id")
    ]
    if len(set(roots)) != len(roots):
        return "two roots are of one trace"
    for record in evidence.records.values():
        parent = evidence.records.get(str(record.get("parent_id")))
        if parent and parent["metadata"]["flowscope.trace_id"] != record["metadata"]["flowscope.trace_id"]:
            return f"{record['operation']!r} is of another trace than its parent"
    return ""


def pending_first(evidence: Evidence) -> str:
    """The span was shown before it ended."""
    shown = [states for states in evidence.states.values() if states[0] == "pending" and states[-1] != "pending"]
    return "" if shown else "no span came as pending before it ended"


def truncation_told(evidence: Evidence) -> str:
    """What was cut says how long it was: length and hash of its JSON."""
    for record in evidence.records.values():
        cut = record["metadata"].get("flowscope.truncated")
        if not isinstance(cut, dict) or not cut:
            return "flowscope.truncated is missing"
        for name, told in cut.items():
            if name not in ("input", "output") or not isinstance(told, dict):
                return f"flowscope.truncated is {json.dumps(cut)[:100]}"
            if not isinstance(told.get("length"), int) or len(str(told.get("sha256"))) != 64:
                return f"flowscope.truncated.{name} is {json.dumps(told)[:100]}"
    return ""


def lasts(evidence: Evidence) -> str:
    """A span around a pause of 60 ms lasts no less, and not as long as in another unit."""
    for record in evidence.records.values():
        start, end = _times(record)
        if not 55_000_000 <= end - start <= 20_000_000_000:
            return f"{record['operation']!r} lasts {(end - start) / 1e6:.1f} ms"
    return ""


def all_accounted_for(evidence: Evidence) -> str:
    """What came and what is told as dropped add up to what was made: 30,001 spans."""
    dropped = max((message.header.dropped for message in evidence.messages), default=0)
    found = len(evidence.records) + dropped
    return "" if found == 30_001 else f"{len(evidence.records):,} came, {dropped:,} were dropped; 30,001 were made"


CHECKS: dict[str, Callable[[Evidence], str]] = {
    name.replace("_", " "): check
    for name, check in {
        "complete": complete,
        "in_order": in_order,
        "described": described,
        "version_2": version_2,
        "version_1": version_1,
        "hello": hello,
        "beats": beats,
        "no_beats": no_beats,
        "resent": resent,
        "batched": batched,
        "counted": counted,
        "all_accounted_for": all_accounted_for,
        "lasts": lasts,
        "timely": timely,
        "separate": separate,
        "pending_first": pending_first,
        "truncation_told": truncation_told,
    }.items()
}
"""By the names that cases use."""


def _numbered(evidence: Evidence) -> list[Message]:
    return [message for message in evidence.messages if message.header.producer is not None]


def _said(evidence: Evidence, command: str) -> list[dict[str, Any]]:
    return [heard for _, heard in evidence.heard if heard.get("cmd") == command]


def _times(record: dict[str, Any]) -> tuple[int, int]:
    start = parse_time(record["start_time"])
    return start, parse_time(record["end_time"]) if record.get("end_time") else start
