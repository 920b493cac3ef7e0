"""Whose tokens a model's call tells besides its own: a call that is seen at two levels counts them once.

They count at the innermost call that tells them. In this process the calls around it say so of themselves; of a call in
the program that called this one, which cannot know, the innermost says it.
"""

from __future__ import annotations

from collections.abc import Mapping

from flowscope import _propagate
from flowscope._span import Span
from flowscope.instrumentation import _nesting

COUNTED = "flowscope.usage.counted"
"""False in the metadata of a call whose tokens a call below it has told: a session's sum leaves them out."""
CALLER = "flowscope.usage.caller"
"""Id of the calling program's span under which the tokens were spent: if it is a model's call, its own don't count."""


class Around:
    """The calls that `span`, a model's call just begun, is made in."""

    __slots__ = ("_caller", "_calls", "_span", "_told")

    def __init__(self, span: Span) -> None:
        caller = _propagate.caller(span)
        self._span = span
        self._calls = _nesting.model_calls_around(span)
        self._caller = "" if caller is None else caller.id
        self._told = not (self._calls or self._caller)

    def tell(self, about: Mapping[str, object]) -> None:
        """`about` is what the span says of itself; of tokens, if it does, it says them for the others too."""
        if self._told or not any(key.startswith("gen_ai.usage.") for key in about):
            return
        self._told = True
        for call in self._calls:
            call.set(COUNTED, False)
        if self._caller:
            self._span.set(CALLER, self._caller)
        self._calls = []
