"""How long something took, many times over: a histogram whose buckets grow by a tenth, and its last minute."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

LEAST_S = 0.000_25
PER_OCTAVE = 8
OCTAVES = 18
WINDOW = 60
"""Snapshots that are kept: what `recent` looks back over, a minute where one is taken each second."""

_BUCKETS = PER_OCTAVE * OCTAVES


def upper(bucket: int) -> float:
    """The seconds up to which a bucket counts; the last one counts all above too."""
    return LEAST_S * float(2 ** (bucket / PER_OCTAVE))


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Seconds that `share` of what `counts` counts did not exceed, within a tenth; None if it counts nothing."""
    wanted = math.ceil(share * sum(counts))
    seen = 0
    for bucket, count in enumerate(counts):
        seen += count
        if count and seen >= wanted:
            return upper(bucket)
    return None


class Latencies:
    """`counts` by bucket since the start, `total_s` their sum. Not thread-safe."""

    def __init__(self) -> None:
        self.counts = [0] * _BUCKETS
        self.total_s = 0.0
        self._snapshots: deque[list[int]] = deque([list(self.counts)], maxlen=WINDOW)

    def note(self, seconds: float) -> None:
        """Count one that took so long."""
        bucket = math.ceil(PER_OCTAVE * math.log2(max(seconds, LEAST_S) / LEAST_S))
        self.counts[min(bucket, _BUCKETS - 1)] += 1
        self.total_s += seconds

    def tick(self) -> None:
        """A second has passed."""
        self._snapshots.append(list(self.counts))

    def recent(self, share: float) -> float | None:
        """The quantile of about the last minute, in seconds."""
        return quantile([now - then for now, then in zip(self.counts, self._snapshots[0], strict=True)], share)
