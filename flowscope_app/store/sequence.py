"""Which of a producer's numbered records are stored: a watermark, and gaps below it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

Span = tuple[int, int]  # first and last record number, both within


class Taken(NamedTuple):
    """What a batch brings: ranges not stored yet, the gap it tore, and how many records it filled of older gaps."""

    wanted: list[Span]
    gap: Span | None
    filled: int


@dataclass(slots=True)
class Sequence:
    """Numbers start from 1. Every number up to `watermark` was stored once or lies in one of `gaps`."""

    watermark: int = 0
    gaps: list[Span] = field(default_factory=list)

    def take(self, first: int, last: int) -> Taken:
        """Consume records `first` to `last`. A number is wanted exactly once, however often it is sent."""
        wanted, filled = self._fill(first, min(last, self.watermark)), 0
        filled = sum(end - start + 1 for start, end in wanted)
        gap = None
        if last > self.watermark:
            start = max(first, self.watermark + 1)
            if start > self.watermark + 1:
                gap = (self.watermark + 1, start - 1)
                self.gaps.append(gap)
            wanted.append((start, last))
            self.watermark = last
        return Taken(wanted, gap, filled)

    def _fill(self, first: int, last: int) -> list[Span]:
        """Cut `first` to `last` out of the gaps; return what was cut."""
        if first > last or not self.gaps:
            return []
        found: list[Span] = []
        left: list[Span] = []
        for start, end in self.gaps:
            cut = (max(start, first), min(end, last))
            if cut[0] > cut[1]:
                left.append((start, end))
                continue
            found.append(cut)
            if start < cut[0]:
                left.append((start, cut[0] - 1))
            if cut[1] < end:
                left.append((cut[1] + 1, end))
        self.gaps = left
        return found

    def settled(self, first: int) -> int:
        """The number up to which nothing is missing that may still come: what lies before `first` may not."""
        open_gaps = [max(start, first) for start, end in self.gaps if end >= first]
        return min(open_gaps) - 1 if open_gaps else self.watermark

    @property
    def missing(self) -> int:
        """How many records lie in gaps."""
        return sum(end - start + 1 for start, end in self.gaps)
