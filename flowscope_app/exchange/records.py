"""From the text of one record to the record, or one line that says why not."""

from __future__ import annotations

from typing import Any

from flowscope.protocol import ProtocolError, Record, decode_body, parse_record
from flowscope_app.exchange.source import UnsoundError

MAX_BRACKETS = 2_000_000
"""Objects and arrays in one record, as many as a collector takes in a message: each costs some hundred bytes."""


def json_object(text: bytes, place: str) -> Any:
    """The one object that `text` holds, numbers exact. `place` ("line 7") is where it stands. Raises UnsoundError."""
    if len(text) > MAX_BRACKETS and text.count(b"{") + text.count(b"[") > MAX_BRACKETS:
        raise UnsoundError(f"{place} holds more than {MAX_BRACKETS:,} objects and arrays")
    try:
        values = decode_body(text)
    except ProtocolError:
        raise UnsoundError(f"{place} is not a JSON object") from None
    if len(values) != 1 or text.lstrip()[:1] != b"{":
        raise UnsoundError(f"{place} is not a JSON object")
    return values[0]


def record_of(value: Any, place: str) -> Record:
    """The record that an object is. Raises UnsoundError."""
    try:
        return parse_record(value)
    except ProtocolError as error:
        raise UnsoundError(f"{place} is not a record: {error.reason}") from None
