"""One span as a Universal Trace Format 1.0 object, checked and put into its normal form."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import orjson

from flowscope.protocol.body import Mended, Unreadable
from flowscope.protocol.errors import ProtocolError, describe
from flowscope.protocol.payloads import encode_metadata_value, encode_payload, load_payload
from flowscope.protocol.times import MAX_TIME_NS, format_time, parse_time

MAX_ID = 256
"""Longest id, session_id and parent_id, in code points."""
MAX_OPERATION = 1024
"""Longest operation, in code points."""
MAX_NAME = 64
"""Longest framework and language, in code points."""

EXTRA = "flowscope.extra"
"""Metadata name that keeps the top-level members this version doesn't know, as an object."""
REPAIRED = "flowscope.repaired"
"""Metadata name of the list of what had to be changed so that the record could be kept, a line each."""

PENDING, SUCCESS, ERROR = "pending", "success", "error"
STATUSES = frozenset((PENDING, SUCCESS, ERROR))
_MEMBERS = frozenset(
    (
        "id", "session_id", "parent_id", "operation", "framework", "language", "start_time", "end_time",
        "input", "output", "metadata", "status", "error",
    )
)  # fmt: skip

_dumps = orjson.dumps


@dataclass(slots=True)
class Record:
    """One span. Times are nanoseconds since the epoch; input and output are JSON bytes, None if there is none.

    What parse_record returns holds to this: 0 <= start_ns <= end_ns <= MAX_TIME_NS; status is "pending" if and
    only if end_ns is None; parent_id is never id; orjson reads the payloads and writes the metadata.
    """

    id: str
    session_id: str
    parent_id: str | None
    operation: str
    framework: str
    language: str
    start_ns: int
    end_ns: int | None = None
    input: bytes | None = None
    output: bytes | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    status: str = PENDING
    error: str | None = None


def parse_record(obj: Any) -> Record:
    """Check one object, as decode_body gives it, and return it in its normal form.

    What can be mended without losing anything is, with a line in metadata["flowscope.repaired"]; `obj` itself
    is left as it was. Raises ProtocolError naming the member at fault.
    """
    # Long because every call counts here: a collector runs this for each span. What is rare stands in helpers.
    notes: list[str] | None = None
    if obj.__class__ is not dict:
        if isinstance(obj, Unreadable):
            raise obj.error
        if not isinstance(obj, Mended):
            raise ProtocolError(f"a record must be an object, not {describe(obj)}")
        notes = list(obj.notes)
    get = obj.get

    span_id = get("id")
    if span_id.__class__ is not str or not 0 < len(span_id) <= MAX_ID:
        _refuse_text(obj, "id", MAX_ID)
    session_id = get("session_id")
    if session_id.__class__ is not str or not 0 < len(session_id) <= MAX_ID:
        _refuse_text(obj, "session_id", MAX_ID)
    operation = get("operation")
    if operation.__class__ is not str or not 0 < len(operation) <= MAX_OPERATION:
        _refuse_text(obj, "operation", MAX_OPERATION)
    framework = get("framework")
    if framework.__class__ is not str or not 0 < len(framework) <= MAX_NAME:
        framework = _optional_text(obj, "framework", MAX_NAME) or "custom"
    language = get("language")
    if language.__class__ is not str or not 0 < len(language) <= MAX_NAME:
        language = _optional_text(obj, "language", MAX_NAME) or "unknown"
    parent_id = get("parent_id")
    if parent_id is not None:
        if parent_id.__class__ is not str or not 0 < len(parent_id) <= MAX_ID:
            parent_id = _optional_text(obj, "parent_id", MAX_ID)
        elif parent_id == span_id:
            parent_id = None
            notes = _note(notes, "parent_id: was the span's own id, taken out")
    error = get("error")
    if error is not None and (error.__class__ is not str or not error):
        error = _optional_text(obj, "error", None)

    start_ns = _time(obj, "start_time")
    end_ns = get("end_time")
    if end_ns is not None:
        end_ns = _time(obj, "end_time") if end_ns != "" else None
    status = get("status")
    if status.__class__ is not str or status not in STATUSES:
        if status is not None and status != "":
            _refuse(obj, "status", f"{describe(status)} is not one of success, error, pending")
        status = ERROR if error is not None else PENDING if end_ns is None else SUCCESS
    if (status == PENDING) is not (end_ns is None) or (end_ns is not None and end_ns < start_ns):
        end_ns, status, more = _settle(start_ns, end_ns, status, error)
        notes = [*(notes or ()), *more]

    payload = get("input")
    if payload is not None:
        try:
            payload = _dumps(payload)
        except TypeError:
            payload, notes = _hard_payload(obj, "input", notes)
    result = get("output")
    if result is not None:
        try:
            result = _dumps(result)
        except TypeError:
            result, notes = _hard_payload(obj, "output", notes)
    metadata = get("metadata")
    if metadata.__class__ is not dict or notes is not None or not _MEMBERS.issuperset(obj):
        metadata = _metadata(obj, notes)
    try:
        _dumps(metadata)
    except TypeError:
        metadata = _hard_metadata(obj, metadata)
    return Record(
        span_id, session_id, parent_id, operation, framework, language, start_ns, end_ns,
        payload, result, metadata, status, error,
    )  # fmt: skip


def _refuse(obj: Any, name: str, what: str) -> NoReturn:
    raise ProtocolError(what, field=name, record_id=obj.get("id"))


def _refuse_text(obj: Any, name: str, limit: int) -> NoReturn:
    value = obj.get(name)
    if value is None:
        _refuse(obj, name, "missing")
    if not isinstance(value, str):
        _refuse(obj, name, f"must be a string, not {describe(value)}")
    _refuse(obj, name, f"longer than {limit} characters" if value else "empty")


def _optional_text(obj: Any, name: str, limit: int | None) -> str | None:
    """Return the text of a member where absent, null and "" all mean there is none (zero values of languages)."""
    value = obj.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or (limit is not None and len(value) > limit):
        _refuse_text(obj, name, limit or 0)
    return value


def _time(obj: Any, name: str) -> int:
    text = obj.get(name)
    if text is None:
        _refuse(obj, name, "missing")
    try:
        ns = parse_time(text)
    except ProtocolError as error:
        _refuse(obj, name, error.reason)
    if not 0 <= ns <= MAX_TIME_NS:
        _refuse(obj, name, f"{describe(text)} is outside 1970-01-01 to 2262-04-11, what 64-bit nanoseconds hold")
    return ns


def _settle(start_ns: int, end_ns: int | None, status: str, error: str | None) -> tuple[int, str, list[str]]:
    """Return end, status and notes for a record whose end contradicts its status or its start."""
    if end_ns is None:
        return start_ns, status, [f"end_time: missing though the status is {status}, set to start_time"]
    notes: list[str] = []
    if status == PENDING:
        status = SUCCESS if error is None else ERROR
        notes.append(f"status: pending though there is an end_time, set to {status}")
    if end_ns < start_ns:
        notes.append(f"end_time: {format_time(end_ns)} is before start_time, set to start_time")
    return max(start_ns, end_ns), status, notes


def _note(notes: list[str] | None, line: str) -> list[str]:
    return [line] if notes is None else [*notes, line]


def _hard_payload(obj: Any, name: str, notes: list[str] | None) -> tuple[bytes, list[str] | None]:
    try:
        data, note = encode_payload(obj[name], name)
    except ProtocolError as error:
        error.record_id = obj["id"]  # a valid one, or it had been refused before
        raise
    return data, _note(notes, note) if note else notes


def _metadata(obj: Any, notes: list[str] | None) -> dict[str, Any]:
    """Return a copy of the metadata with the unknown members and the notes in it."""
    sent = obj.get("metadata")
    if sent is None:
        sent = {}
    elif not isinstance(sent, dict):
        _refuse(obj, "metadata", f"must be an object, not {describe(sent)}")
    metadata = dict(sent)
    extra = {name: value for name, value in obj.items() if name not in _MEMBERS}
    if extra:
        known = metadata.get(EXTRA)
        metadata[EXTRA] = {**known, **extra} if isinstance(known, dict) else extra
    if notes:
        earlier = metadata.get(REPAIRED)
        lines = list(earlier) if isinstance(earlier, list) else []
        metadata[REPAIRED] = lines + [line for line in notes if line not in lines]
    return metadata


def _hard_metadata(obj: Any, metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata with each value that orjson can't write replaced by its JSON text, and a note on it."""
    notes: list[str] = []
    clean: dict[str, Any] = {}
    for name, value in metadata.items():
        try:
            _dumps(value)
            clean[name] = value
        except TypeError:
            try:
                clean[name] = encode_metadata_value(value, "metadata")
            except ProtocolError as error:
                error.record_id = obj["id"]  # a valid one, or it had been refused before
                raise
            notes.append("metadata: a value too deep or too large for JSON tools, kept as its text")
    return _metadata({"metadata": clean}, notes)


def to_wire(record: Record) -> dict[str, Any]:
    """Return the record as a Universal Trace Format object with all thirteen members."""
    wire = _frame(record)
    wire["input"] = None if record.input is None else load_payload(record.input)
    wire["output"] = None if record.output is None else load_payload(record.output)
    wire["metadata"] = record.metadata
    return wire


def encode_record(record: Record) -> bytes:
    """Return the record as one line of UTF-8 JSON, its payloads byte for byte; parse_record reads it back equal."""
    wire = _frame(record)
    wire["input"] = None if record.input is None else orjson.Fragment(record.input)
    wire["output"] = None if record.output is None else orjson.Fragment(record.output)
    wire["metadata"] = record.metadata
    return _dumps(wire)


def _frame(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "session_id": record.session_id,
        "parent_id": record.parent_id,
        "operation": record.operation,
        "framework": record.framework,
        "language": record.language,
        "start_time": format_time(record.start_ns),
        "end_time": None if record.end_ns is None else format_time(record.end_ns),
        "input": None,
        "output": None,
        "metadata": None,
        "status": record.status,
        "error": record.error,
    }


MAX_REFUSALS = 100
"""How many refusals of one batch are kept with their text; beyond that they are only counted."""


@dataclass(slots=True)
class Batch:
    """What became of one body: the records taken, in order, and what was refused, each with its index."""

    records: list[Record] = field(default_factory=list)
    refused: list[ProtocolError] = field(default_factory=list)
    refused_count: int = 0


def parse_records(items: Iterable[Any]) -> Batch:
    """Parse each item by itself, so that a bad record costs only itself. Never raises for what an item holds."""
    batch = Batch()
    append = batch.records.append
    for index, item in enumerate(items):
        try:
            append(parse_record(item))
        except ProtocolError as error:
            batch.refused_count += 1
            if batch.refused_count <= MAX_REFUSALS:
                error.index = index
                batch.refused.append(error)
    return batch
