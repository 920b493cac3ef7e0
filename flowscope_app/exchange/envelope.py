"""The lines of a session file that are not records: header, producer, end. docs/session-file.md describes them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from flowscope.protocol import (
    MAX_ID,
    Header,
    ProducerInfo,
    ProtocolError,
    decode_header,
    encode_header,
    format_time,
)
from flowscope_app import __version__
from flowscope_app.exchange.source import UnsoundError

VERSION = 1
MAX_NAME = 1024


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What a session is called beside its id."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class FileHeader:
    """The first line. `live` marks a recording that programs append to while they run: it has no end line."""

    sessions: tuple[SessionInfo, ...] = ()
    producers: tuple[ProducerInfo, ...] = ()
    live: bool = False


@dataclass(frozen=True, slots=True)
class FileEnd:
    """The last line: how many records came before it, and the SHA-256 (hex) of all lines before it."""

    records: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Sender:
    """A producer line: whose the records after it are.

    In a recording it also says which numbers they have, `seq` to `seq + count - 1`, and how many the producer has
    dropped so far; 0 where it says nothing.
    """

    producer: ProducerInfo
    seq: int = 0
    count: int = 0
    dropped: int = 0


Envelope = FileHeader | Sender | FileEnd


def encode_file_header(sessions: Iterable[SessionInfo], producers: Iterable[ProducerInfo]) -> bytes:
    """The header line of an export, made now."""
    return _line(
        {
            "flowscope": "session",
            "version": VERSION,
            "created": format_time(time.time_ns()),
            "by": f"flowscope-app {__version__}",
            "sessions": [{"id": session.id, "name": session.name} for session in sessions],
            "producers": [_producer_to_json(producer) for producer in producers],
        }
    )


def encode_producer(producer: ProducerInfo) -> bytes:
    """A line for a producer that the header did not know yet."""
    return _line({"flowscope": "producer", "producer": _producer_to_json(producer)})


def encode_end(end: FileEnd) -> bytes:
    """The end line."""
    return _line({"flowscope": "end", "records": end.records, "sha256": end.sha256})


def parse_envelope(value: dict[str, Any]) -> Envelope | None:
    """What a line marked "flowscope" says; None for a kind this version has no use for. Raises UnsoundError."""
    kind = value.get("flowscope")
    if kind == "session":
        return _file_header(value)
    if kind == "producer":
        numbers = (value.get(name) for name in ("seq", "count", "dropped"))
        return Sender(_producer(value.get("producer")), *(_count(number) for number in numbers))
    if kind == "end":
        records, digest = value.get("records"), value.get("sha256")
        if type(records) is not int or not isinstance(digest, str):
            raise UnsoundError("its end line is damaged")
        return FileEnd(records, digest)
    return None


def is_envelope(value: Any) -> bool:
    """Whether what a line holds is one of these and not a record (which has an id)."""
    return isinstance(value, dict) and "flowscope" in value and "id" not in value


def _file_header(value: dict[str, Any]) -> FileHeader:
    version = value.get("version")
    if type(version) is not int or version < 1:
        raise UnsoundError("its header has no version")
    if version > VERSION:
        raise UnsoundError(
            f"it was written by a newer FlowScope (session file version {version}, this one reads {VERSION})",
            "update FlowScope to open it",
        )
    sessions, producers = value.get("sessions", []), value.get("producers", [])
    if not isinstance(sessions, list) or not isinstance(producers, list):
        raise UnsoundError("its header is damaged")
    return FileHeader(
        sessions=tuple(_session(item) for item in sessions),
        producers=tuple(_producer(item) for item in producers),
        live=value.get("live") is True,
    )


def _session(item: Any) -> SessionInfo:
    session_id = item.get("id") if isinstance(item, dict) else None
    name = item.get("name", "") if isinstance(item, dict) else None
    if not isinstance(session_id, str) or not 0 < len(session_id) <= MAX_ID:
        raise UnsoundError("its header is damaged: a session has no id")
    if not isinstance(name, str) or len(name) > MAX_NAME:
        raise UnsoundError("its header is damaged: a session's name is no name")
    return SessionInfo(session_id, name)


def _producer_to_json(producer: ProducerInfo) -> Any:
    """The members that the wire's header has: a file needs no second spelling of them."""
    return orjson.loads(encode_header(Header(producer=producer)))["producer"]


def _producer(item: Any) -> ProducerInfo:
    try:
        header = decode_header(orjson.dumps({"version": 1, "producer": item}))
    except (ProtocolError, TypeError) as error:
        raise UnsoundError(f"a producer in it is damaged: {error}") from None
    if header.producer is None:
        raise UnsoundError("a producer in it is damaged: it is missing")
    return header.producer


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 2**53 else 0


def _line(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value) + b"\n"
