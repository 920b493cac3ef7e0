"""Steps that bring an older settings file to the present version: STEPS[n] makes version n + 1 out of n."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Values = dict[str, Any]
Step = Callable[[Values], Values]

VERSION = 1
STEPS: Mapping[int, Step] = {}


def migrate(values: Values, version: int, *, to: int = VERSION, steps: Mapping[int, Step] = STEPS) -> Values:
    """`values` of a file of `version` as version `to` would have them; KeyError if a step is missing."""
    for number in range(version, to):
        values = steps[number](dict(values))
    return values
