"""init, flush and shutdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flowscope import _config, _runtime
from flowscope._guard import guarded


def init(
    *,
    auto_trace: str | Iterable[str] | bool | None = None,
    addr: str | None = None,
    session_id: str | None = None,
    include: str | Iterable[str] | None = None,
    exclude: str | Iterable[str] | None = None,
    capture: str | None = None,
    sample: float | None = None,
    max_value: int | str | None = None,
    redact: bool | Callable[[Any], Any] | None = None,
    buffer: int | str | None = None,
    flush_timeout: float | None = None,
    debug: bool | None = None,
) -> None:
    """Set FlowScope up in code: what is given goes before the environment and the settings file (docs/sdk-settings.md).

    `auto_trace` names the frameworks to instrument, now or when they are imported: ["langchain", "llamaindex"], "all"
    or "none"; None instruments nothing that is not instrumented yet. May be called again; never raises.
    """
    _init(
        auto_trace,
        {
            "addr": addr,
            "session_id": session_id,
            "include": include,
            "exclude": exclude,
            "capture": capture,
            "sample": sample,
            "max_value": max_value,
            "redact": redact,
            "buffer": buffer,
            "flush_timeout": flush_timeout,
            "debug": debug,
        },
    )


@guarded
def _init(auto_trace: str | Iterable[str] | bool | None, changes: dict[str, object]) -> None:
    if auto_trace is not None:
        changes["auto"] = list(auto_trace) if not isinstance(auto_trace, str | bool) else auto_trace
    _runtime.configure(changes)
    if auto_trace is not None:
        from flowscope import instrumentation

        instrumentation.activate(_config.parse_auto(changes["auto"]))


def flush(timeout: float | None = None) -> bool:
    """Send every span there is, open ones as pending.

    True once the collector has stored all of it (or has it, where nothing is acknowledged); False if that took longer
    than `timeout` seconds, by default FLOWSCOPE_FLUSH_TIMEOUT.
    """
    return bool(_runtime.flush(timeout))


def shutdown(timeout: float | None = None) -> None:
    """Send what there is within `timeout` seconds (FLOWSCOPE_FLUSH_TIMEOUT), then record nothing until init()."""
    _runtime.shutdown(timeout)
