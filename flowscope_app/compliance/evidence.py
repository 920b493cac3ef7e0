"""What an SDK has sent, and what is wrong with it whatever it was meant to say."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import zstandard

from flowscope.protocol import REPAIRED, Header, ProtocolError, decode_body, parse_record, split_message

SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")
TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
_MOST = 64 << 20


@dataclass
class Message:
    """One message as it came: its header, its records, and in which life of the collector."""

    header: Header
    records: list[dict[str, Any]]
    life: int
    stored: bool = False


@dataclass
class Evidence:
    """All that came from the SDK."""

    messages: list[Message] = field(default_factory=list)
    heard: list[tuple[int, dict[str, Any]]] = field(default_factory=list)  # life, message on the control channel
    answered: dict[int, tuple[str, int]] = field(default_factory=dict)  # life: epoch and watermark told at first
    records: dict[str, dict[str, Any]] = field(default_factory=dict)  # the last state of each id that was stored
    states: dict[str, list[str]] = field(default_factory=dict)  # all statuses of an id, as they came
    numbers: dict[tuple[str, int], str] = field(default_factory=dict)  # producer and number: id of its record
    faults: list[str] = field(default_factory=list)

    def fault(self, text: str) -> None:
        """Note what is wrong, once."""
        if text not in self.faults and len(self.faults) < 50:
            self.faults.append(text)

    def take(self, frames: Sequence[bytes], life: int) -> Message | None:
        """Read a message; None, and a fault, if it can't be read."""
        try:
            header, body = split_message(frames)
            header = header or Header()  # without one it can be neither numbered nor acknowledged
            objects = json.loads(_unpacked(header.compression, body), parse_constant=_no_constant)
            decode_body(_unpacked(header.compression, body))
        except (ProtocolError, ValueError, OSError, zstandard.ZstdError) as error:
            self.fault(f"a message is refused: {str(error)[:200]}")
            return None
        message = Message(header, objects if isinstance(objects, list) else [objects], life)
        self._check_header(message)
        for at, record in enumerate(message.records):
            self._check_record(record, header)
            self._check_number(record, header, at)
        self.messages.append(message)
        return message

    def store(self, message: Message, already: set[int]) -> None:
        """Its records count, but those whose numbers have been taken."""
        message.stored = True
        for at, record in enumerate(message.records):
            number = message.header.seq + at
            if message.header.producer is not None:
                if number in already:
                    continue
                already.add(number)
            self._store(record)

    def _store(self, record: dict[str, Any]) -> None:
        name = str(record.get("id"))
        states = self.states.setdefault(name, [])
        states.append(str(record.get("status")))
        if states[-1] == "pending" and any(state != "pending" for state in states):
            self.fault(f"span {record.get('operation')!r} is pending again after it had ended")
            return
        self.records[name] = record

    def _check_header(self, message: Message) -> None:
        header = message.header
        if header.producer is None:
            return
        if header.count != len(message.records):
            self.fault(f"header.count is {header.count}, the batch has {len(message.records)} records")
        before = next((each.header for each in reversed(self.messages) if _same(each.header, header)), None)
        if before is None or before.producer is None:
            return
        if header.dropped < before.dropped:
            self.fault(f"header.dropped went back from {before.dropped} to {header.dropped}")
        for name in ("pid", "host", "started_ns", "program", "language", "secret"):
            if getattr(before.producer, name) != getattr(header.producer, name):
                self.fault(f"producer.{name} changed under one id")

    def _check_number(self, record: dict[str, Any], header: Header, at: int) -> None:
        if header.producer is None:
            return
        number = header.seq + at
        known = self.numbers.setdefault((header.producer.id, number), str(record.get("id")))
        if known != str(record.get("id")):
            self.fault(f"number {number} was given to two records")

    def _check_record(self, record: dict[str, Any], header: Header) -> None:
        try:
            read = parse_record(record)
        except ProtocolError as error:
            self.fault(f"a record is refused: {error.reason}")
            return
        record |= {
            "status": read.status,
            "framework": read.framework,
            "language": read.language,
            "metadata": read.metadata,
        }
        if REPAIRED in read.metadata:
            self.fault(f"span {read.operation[:40]!r} had to be repaired: {str(read.metadata[REPAIRED])[:120]}")
        if not SPAN_ID.fullmatch(read.id):
            self.fault(f"id {read.id[:40]!r} is not 16 hex digits")
        if not TRACE_ID.fullmatch(str(read.metadata.get("flowscope.trace_id"))):
            self.fault(
                f"flowscope.trace_id is {str(read.metadata.get('flowscope.trace_id'))[:40]!r}, not 32 hex digits"
            )
        for name in ("start_time", "end_time"):
            if record.get(name) is not None and not TIME.fullmatch(str(record[name])):
                self.fault(f"{name} {str(record[name])[:40]!r} is not RFC 3339 in UTC")
        if header.producer is not None and read.language != header.producer.language:
            self.fault(f"language {read.language!r}, the producer's is {header.producer.language!r}")


def _same(one: Header, other: Header) -> bool:
    return one.producer is not None and other.producer is not None and one.producer.id == other.producer.id


def _unpacked(compression: str, body: bytes) -> bytes:
    if compression == "gzip":
        return gzip.decompress(body)
    if compression == "zstd":
        return zstandard.ZstdDecompressor().decompress(body, max_output_size=_MOST)
    return body


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
