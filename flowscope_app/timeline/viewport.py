"""Which nanoseconds are seen on how many pixels, and the way from one to the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

MIN_SPAN = 10  # ns: closer than this there is nothing to see
MAX_SPAN = 1 << 62  # ns, some 146 years


@dataclass(frozen=True)
class Viewport:
    """The half-open range `t0 <= t < t1` (ns since the epoch) over `width` pixels.

    Times stay integers until the range's start is subtracted: a float64 of epoch nanoseconds steps by 256 ns.
    """

    t0: int
    t1: int
    width: int

    def __post_init__(self) -> None:
        if self.t1 <= self.t0 or self.width <= 0:
            raise ValueError(f"an empty viewport: {self.t0} to {self.t1} on {self.width} px")

    @property
    def span(self) -> int:
        """Nanoseconds seen."""
        return self.t1 - self.t0

    @property
    def ns_per_px(self) -> float:
        """Nanoseconds on one pixel."""
        return self.span / self.width

    def x(self, time: int) -> float:
        """The pixel position of a time; outside of the viewport it is negative or beyond `width`."""
        return (time - self.t0) * self.width / self.span

    def xs(self, times: NDArray[np.int64]) -> NDArray[np.float64]:
        """Pixel positions of many times."""
        return np.asarray((times - self.t0) * (self.width / self.span), np.float64)

    def column(self, time: int) -> int:
        """The pixel column that holds a time, exact at any zoom."""
        return (time - self.t0) * self.width // self.span

    def time(self, x: float) -> int:
        """The first nanosecond at or right of a pixel position; exact for whole pixels."""
        if float(x).is_integer():
            return self.t0 + -(-int(x) * self.span // self.width)
        return self.t0 + round(x * self.span / self.width)

    def zoomed(self, x: float, factor: float) -> Viewport:
        """Zoom so that `factor` times the time is seen and the time under pixel `x` stays under it."""
        span = min(max(round(self.span * factor), MIN_SPAN), MAX_SPAN)
        share = x / self.width
        t0 = self.t0 + round((self.span - span) * share)
        return replace(self, t0=t0, t1=t0 + span)

    def panned(self, pixels: float) -> Viewport:
        """Move the window on the session by so many pixels to the right."""
        shift = round(pixels * self.span / self.width)
        return replace(self, t0=self.t0 + shift, t1=self.t1 + shift)

    def clamped(self, first: int, last: int) -> Viewport:
        """Keep half of the window, at least, on `first..last`, and the window no wider than 4 times that."""
        whole = max(last - first, MIN_SPAN)
        span = min(self.span, max(4 * whole, MIN_SPAN))
        middle = self.t0 + self.span // 2
        t0 = min(max(middle, first), max(first, last)) - span // 2
        return replace(self, t0=t0, t1=t0 + span)

    def resized(self, width: int) -> Viewport:
        """The same range on another width."""
        return replace(self, width=max(1, width))


def fitted(first: int, last: int, width: int, *, margin: float = 0.02) -> Viewport:
    """The viewport that shows `first..last` with a little air (`margin`, a share of the range) on both sides."""
    air = max(round((last - first) * margin), MIN_SPAN // 2)
    return Viewport(first - air, max(last, first) + air, max(1, width))
