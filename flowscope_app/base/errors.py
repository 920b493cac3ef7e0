"""The one error a person may be shown."""

from __future__ import annotations


class FlowScopeError(Exception):
    """Something that went wrong in a way a person can act on.

    `message` says what is so, `hint` what to do about it; together they are one line.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message}; {hint}" if hint else message)
