"""openai: every request of every client, at its one choke point."""

from __future__ import annotations

from typing import Any

from flowscope import _runtime
from flowscope.instrumentation import _openai_values as values
from flowscope.instrumentation import _stainless
from flowscope.instrumentation._calls import Call
from flowscope.instrumentation._patches import Patches

_patches = Patches()


def install(module: Any) -> None:
    """Instrument `openai._base_client`. A second time does nothing."""
    _stainless.patch(_patches, module, _begin)


def uninstall() -> None:
    """Take everything back that install() did."""
    _patches.undo()


def _begin(client: Any, options: Any) -> Call | None:
    asked = values.Asked(getattr(options, "url", ""), _stainless.body_of(options))
    if asked.endpoint is None:
        return None
    span = _runtime.start_span(
        asked.operation,
        kind=asked.endpoint.kind,
        framework="openai",
        input=asked.input(),
        metadata=asked.about() | values.server(client),
    )
    return Call(span, asked.endpoint.reply()) if span.is_recording else None
