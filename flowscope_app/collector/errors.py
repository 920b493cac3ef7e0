"""Why a collector can't listen, each as one line a person can act on."""

from __future__ import annotations

from flowscope_app.base.errors import FlowScopeError


class ListenError(FlowScopeError):
    """The address can't be listened on."""


class NoAnswer(FlowScopeError):  # noqa: N818 - it says what is so
    """The collector did not answer in time."""

    def __init__(self, control: str) -> None:
        super().__init__(f"the collector at {control} does not answer", "see flowscope doctor")
