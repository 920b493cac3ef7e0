"""Which program each span belongs to: threads and tasks of one process are one program."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flowscope_app.analysis.snapshot import Int32
from flowscope_app.spans.table import Track


def programs_of(track: Int32, tracks: Mapping[int, Track]) -> tuple[Int32, dict[int, str]]:
    """A number for the program of each span, and the producer that each number stands for."""
    numbers: dict[str, int] = {}
    keys = np.array(sorted(tracks), np.int32)
    values = [numbers.setdefault(tracks[key].producer, len(numbers) + 1) for key in keys.tolist()]
    found = np.zeros(len(track), np.int32)
    if len(keys):
        place = np.minimum(np.searchsorted(keys, track), len(keys) - 1)
        found = np.where(keys[place] == track, np.array(values, np.int32)[place], 0).astype(np.int32)
    return found, {number: producer for producer, number in numbers.items()}
