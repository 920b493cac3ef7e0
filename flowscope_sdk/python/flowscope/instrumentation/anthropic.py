"""anthropic: every request of every client, at its one choke point."""

from __future__ import annotations

from typing import Any

from flowscope import _runtime
from flowscope.instrumentation import _anthropic_values as values
from flowscope.instrumentation import _stainless
from flowscope.instrumentation._calls import Call
from flowscope.instrumentation._patches import Patches

_patches = Patches()


def install(module: Any) -> None:
    """Instrument `anthropic._base_client`. A second time does nothing."""
    _stainless.patch(_patches, module, _begin)


def uninstall() -> None:
    """Take everything back that install() did."""
    _patches.undo()


def _begin(client: Any, options: Any) -> Call | None:
    operation = values.operation_of(getattr(options, "url", ""))
    if operation is None:
        return None
    body = _stainless.body_of(options)
    span = _runtime.start_span(
        values.span_name(operation, body),
        kind="llm",
        framework="anthropic",
        input=values.given(body),
        metadata=values.about(operation, body) | values.server(client),
    )
    return Call(span, values.MessageReply()) if span.is_recording else None
