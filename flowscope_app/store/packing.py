"""A record as the store's row: one item of SPAN_DTYPE, packed, and its metadata as JSON."""

from __future__ import annotations

from struct import Struct
from typing import Any

import orjson

from flowscope_app.spans.kinds import Kind, Status

# Little-endian and unaligned, in the order of SPAN_DTYPE; a test holds the two together.
ROW = Struct("<qqqqqiiiiiiibb")
END, TOKENS_IN, TOKENS_OUT, KIND, STATUS = 4, 10, 11, 12, 13

STATUS_OF = {"pending": Status.PENDING, "success": Status.SUCCESS, "error": Status.ERROR}
STATUS_TEXT = {int(status): text for text, status in STATUS_OF.items()}

# These repeat what their children used, so a session's sum leaves them out.
ROLLUPS = frozenset({Kind.CHAIN, Kind.AGENT, Kind.WORKFLOW, Kind.TASK})

_KIND_NAMES = ("flowscope.kind", "openinference.span.kind", "gen_ai.operation.name")
_MODEL_NAMES = ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name")
_IN_NAMES = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
_OUT_NAMES = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion")
_INT32_MAX = 2**31 - 1


def kind_of(metadata: dict[str, Any]) -> Kind:
    """What sort of work the span is, by FlowScope's own name or another convention's."""
    for name in _KIND_NAMES:
        if name in metadata:
            return Kind.of(metadata[name])
    return Kind.OTHER


def model_of(metadata: dict[str, Any]) -> str:
    """The model that answered, else the one that was asked; "" if none is named."""
    for name in _MODEL_NAMES:
        model = metadata.get(name)
        if model and isinstance(model, str):
            return model
    return ""


def tokens_of(metadata: dict[str, Any]) -> tuple[int, int]:
    """Tokens in and out, 0 where they are not said or make no sense."""
    return _first_count(metadata, _IN_NAMES), _first_count(metadata, _OUT_NAMES)


def _first_count(metadata: dict[str, Any], names: tuple[str, ...]) -> int:
    for name in names:
        value = metadata.get(name)
        if isinstance(value, int) and value > 0 and value is not True:
            return min(value, _INT32_MAX)
    return 0


def encode_metadata(metadata: dict[str, Any]) -> bytes | None:
    """Metadata as JSON, None when there is none. Raises TypeError if it can't be written."""
    return orjson.dumps(metadata) if metadata else None


def thread_of(metadata: dict[str, Any]) -> tuple[str, str]:
    """The thread and asyncio task a span ran in, "" where it does not say."""
    thread = metadata.get("flowscope.thread")
    task = metadata.get("flowscope.task")
    return (thread if isinstance(thread, str) else ""), (task if isinstance(task, str) else "")
