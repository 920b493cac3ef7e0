"""One span as it goes into the tables: its metadata as JSON, and of that only what columns are made of read."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import msgspec
import orjson

from flowscope.protocol import Record
from flowscope_app.spans.kinds import Kind, Status

PRODUCER, PID = "flowscope.producer", "flowscope.pid"
NAMED = b'"flowscope.producer"'
ABANDONED = "flowscope.abandoned"
"""In the metadata of a failed span: its program ended without closing it. The format knows no other word for that."""

COUNTED = "flowscope.usage.counted"
"""False in the metadata of a call whose tokens a call below it has told as well: they count there."""

CALLER = "flowscope.usage.caller"
"""Id of a span of the program that called this call's: if it is a model's call, its tokens count here, not there."""

STATUS_OF: Final = {"pending": int(Status.PENDING), "success": int(Status.SUCCESS), "error": int(Status.ERROR)}
UNFINISHED: Final = (int(Status.PENDING), int(Status.ABANDONED))
"""States in which the end of a span, as its program would tell it, is not known."""

_INT32_MAX = 2**31 - 1
_MAX_KINDS = 10_000
_kinds: dict[str, int] = {}


class Said(msgspec.Struct, gc=False, frozen=True):
    """Members of a span's metadata that the store has columns for, of any type: whoever sent them may have erred.

    By the names FlowScope writes, and those of other conventions and of older versions.
    """

    kind: Any = msgspec.field(default=None, name="flowscope.kind")
    kind_openinference: Any = msgspec.field(default=None, name="openinference.span.kind")
    kind_gen_ai: Any = msgspec.field(default=None, name="gen_ai.operation.name")
    model: Any = msgspec.field(default=None, name="gen_ai.response.model")
    model_asked: Any = msgspec.field(default=None, name="gen_ai.request.model")
    model_llm: Any = msgspec.field(default=None, name="llm.model_name")
    tokens_in: Any = msgspec.field(default=None, name="gen_ai.usage.input_tokens")
    tokens_in_older: Any = msgspec.field(default=None, name="gen_ai.usage.prompt_tokens")
    tokens_in_llm: Any = msgspec.field(default=None, name="llm.token_count.prompt")
    tokens_out: Any = msgspec.field(default=None, name="gen_ai.usage.output_tokens")
    tokens_out_older: Any = msgspec.field(default=None, name="gen_ai.usage.completion_tokens")
    tokens_out_llm: Any = msgspec.field(default=None, name="llm.token_count.completion")
    counted: Any = msgspec.field(default=None, name=COUNTED)
    caller: Any = msgspec.field(default=None, name=CALLER)
    thread: Any = msgspec.field(default=None, name="flowscope.thread")
    task: Any = msgspec.field(default=None, name="flowscope.task")
    abandoned: Any = msgspec.field(default=None, name=ABANDONED)
    producer: Any = msgspec.field(default=None, name=PRODUCER)
    pid: Any = msgspec.field(default=None, name=PID)


NOTHING: Final = Said()
read_said = msgspec.json.Decoder(Said).decode


class Entry(msgspec.Struct, gc=False):
    """A span whose members are sound as `Record` says. Payloads and metadata are JSON, None where there is none."""

    id: str
    session_id: str
    parent_id: str | None
    operation: str
    framework: str
    language: str
    start_ns: int
    end_ns: int | None
    input: bytes | None
    output: bytes | None
    metadata: bytes | None
    status: int
    error: str | None
    said: Said = NOTHING


def entry_of(record: Record) -> Entry:
    """A record in the form the tables take."""
    metadata = orjson.dumps(record.metadata) if record.metadata else None
    said = read_said(metadata) if metadata else NOTHING
    status = STATUS_OF[record.status]
    if said.abandoned is True and record.status == "error":
        status = int(Status.ABANDONED)
    return Entry(
        record.id, record.session_id, record.parent_id, record.operation, record.framework, record.language,
        record.start_ns, record.end_ns, record.input, record.output, metadata, status, record.error, said,
    )  # fmt: skip


def name_producer(entry: Entry, name: str) -> None:
    """Say that an entry is of the producer of this id, unless it says itself whose it is."""
    if entry.said.producer is None and PRODUCER.encode() not in (entry.metadata or b""):
        entry.said = msgspec.structs.replace(entry.said, producer=name)


def without_producer(metadata: bytes, name: str) -> bytes | None:
    """Metadata without the member that names its producer, which is `name`; None if nothing else is in it."""
    member = naming(name)
    if metadata.endswith(member):  # where an export puts it
        rest = metadata[: -len(member)] + b"}"
        if NAMED not in rest:
            return rest
    if NAMED not in metadata:  # it was said elsewhere
        return metadata
    rest = orjson.loads(metadata)
    rest.pop(PRODUCER, None)
    return orjson.dumps(rest) if rest else None


@lru_cache(maxsize=256)
def naming(name: str) -> bytes:
    """The end of metadata whose last member names a producer."""
    return b',"flowscope.producer":' + orjson.dumps(name) + b"}"


def with_producer(metadata: bytes | None, name: str) -> bytes:
    """Metadata that names its producer, at its end, unless it does so already."""
    if not metadata or metadata == b"{}":
        return b'{"flowscope.producer":' + orjson.dumps(name) + b"}"
    if PRODUCER.encode() in metadata and PRODUCER in orjson.loads(metadata):
        return metadata
    return metadata[:-1] + naming(name)


Facts = tuple[str, int, int, int, str, str]


def facts_of(said: Said) -> Facts:
    """Model, tokens in, tokens out, kind, thread and task of a span; "" and 0 where it does not say.

    Tokens that another span tells too are 0 on one of them, so that every sum counts them once.
    """
    kind = said.kind or said.kind_openinference or said.kind_gen_ai or ""
    model = said.model or said.model_asked or said.model_llm or ""
    tokens_in = said.tokens_in or said.tokens_in_older or said.tokens_in_llm or 0
    tokens_out = said.tokens_out or said.tokens_out_older or said.tokens_out_llm or 0
    if said.counted is False:
        tokens_in = tokens_out = 0
    thread = said.thread or ""
    task = said.task or ""
    number = _kinds.get(kind) if kind.__class__ is str else 0
    return (
        model if model.__class__ is str else "",
        tokens_in and _count(tokens_in),
        tokens_out and _count(tokens_out),
        _kind(kind) if number is None else number,
        thread if thread.__class__ is str else "",
        task if task.__class__ is str else "",
    )


def _count(value: object) -> int:
    return min(value, _INT32_MAX) if type(value) is int and value > 0 else 0


def _kind(text: str) -> int:
    """Work a kind out, and know it from then on."""
    if len(_kinds) >= _MAX_KINDS:
        _kinds.clear()
    kind = _kinds[text] = int(Kind.of(text))
    return kind
