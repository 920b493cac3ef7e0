"""A column that needs more room gets it piece by piece, so that no single delta waits for the copying of all of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST = 1 << 15  # rows a step
_PACE = 80  # rows a step for each that comes: a table's columns are all there in time, one after the other


class Growth:
    """The larger column on its way; what is written to the old one meanwhile is told by `write`."""

    def __init__(self, old: NDArray[Any], room: int) -> None:
        self._old = old
        self._new: NDArray[Any] = np.empty(room, old.dtype)
        self._done = 0

    def write(self, rows: NDArray[np.int32], values: NDArray[Any]) -> None:
        """Note values that the old column took in."""
        here = rows < self._done
        self._new[rows[here]] = values[here]

    def step(self, n: int, came: int) -> NDArray[Any] | None:
        """Copy some more of the first `n` rows, of which `came` are new; the larger column once it holds them all."""
        until = min(n, self._done + max(_LEAST, _PACE * came))
        self._new[self._done : until] = self._old[self._done : until]
        self._done = until
        return self._new if until == n else None
