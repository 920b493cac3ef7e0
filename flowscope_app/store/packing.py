"""A record as the store's row: one item of SPAN_DTYPE, packed, and its metadata as JSON."""

from __future__ import annotations

from struct import Struct
from typing import Any

from flowscope.protocol import Record
from flowscope_app.spans.kinds import Kind, Status

# Little-endian and unaligned, in the order of SPAN_DTYPE; a test holds the two together.
ROW = Struct("<qqqqqiiiiiiibb")
START, END, TOKENS_IN, TOKENS_OUT, KIND, STATUS = 3, 4, 10, 11, 12, 13

STATUS_OF = {"pending": int(Status.PENDING), "success": int(Status.SUCCESS), "error": int(Status.ERROR)}
STATUS_TEXT = {status: text for text, status in STATUS_OF.items()} | {int(Status.ABANDONED): "error"}

ABANDONED = "flowscope.abandoned"
"""In the metadata of a failed span: its program ended without closing it. The format knows no other word for that."""

COUNTED = "flowscope.usage.counted"
"""False in the metadata of a call whose tokens a call below it has told as well: they count there."""

# These repeat what their children used, so a session's sum leaves them out.
ROLLUPS = frozenset(map(int, (Kind.CHAIN, Kind.AGENT, Kind.WORKFLOW, Kind.TASK)))

_INT32_MAX = 2**31 - 1

_kinds: dict[str, int] = {}
_MAX_KINDS = 10_000


Facts = tuple[str, int, int, int, str, str]


def facts_of(metadata: dict[str, Any]) -> Facts:
    """Model, tokens in, tokens out, kind, thread and task of a span; "" and 0 where it does not say.

    Tokens that another span tells too are 0 on one of them, so that every sum counts them once.
    Reads the names FlowScope writes, and those of other conventions and of older versions.
    """
    get = metadata.get
    kind = get("flowscope.kind") or get("openinference.span.kind") or get("gen_ai.operation.name") or ""
    model = get("gen_ai.response.model") or get("gen_ai.request.model") or get("llm.model_name") or ""
    tokens_in = (
        get("gen_ai.usage.input_tokens") or get("gen_ai.usage.prompt_tokens") or get("llm.token_count.prompt") or 0
    )
    tokens_out = (
        get("gen_ai.usage.output_tokens")
        or get("gen_ai.usage.completion_tokens")
        or get("llm.token_count.completion")
        or 0
    )
    if get(COUNTED) is False:
        tokens_in = tokens_out = 0
    thread = get("flowscope.thread") or ""
    task = get("flowscope.task") or ""
    return (
        model if model.__class__ is str else "",
        tokens_in if not tokens_in else _count(tokens_in),
        tokens_out if not tokens_out else _count(tokens_out),
        _kind(kind) if kind.__class__ is str else 0,
        thread if thread.__class__ is str else "",
        task if task.__class__ is str else "",
    )


def is_abandoned(record: Record) -> bool:
    """Whether a record tells of a span that its program left open when it died."""
    return record.status == "error" and record.metadata.get(ABANDONED) is True


def status_of(record: Record) -> int:
    """A record's status as the store keeps it."""
    return int(Status.ABANDONED) if is_abandoned(record) else STATUS_OF[record.status]


def _count(value: object) -> int:
    return min(value, _INT32_MAX) if type(value) is int and value > 0 else 0


def _kind(text: str) -> int:
    kind = _kinds.get(text)
    if kind is None:
        if len(_kinds) >= _MAX_KINDS:
            _kinds.clear()
        kind = _kinds[text] = int(Kind.of(text))
    return kind
