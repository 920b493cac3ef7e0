"""How far keys that are held have moved the view: slowly at first, then faster, the same at any frame rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Way = Literal["zoom in", "zoom out", "pan left", "pan right"]

_SLOW, _FAST = 0.9, 2.6  # widths of the view a second, at first and in the end
_RAMP = 0.9  # seconds from one to the other
TAP = 0.15  # widths that a key moves at least, however soon it is let go
_ZOOM = 2.4  # a zoom's exponent for each width that a pan goes in the same time
_LEAP = 0.1  # seconds: a frame that took longer moves no further than this


@dataclass
class _Key:
    held: bool = True
    age: float = 0.0  # seconds that it has moved the view

    def advance(self, seconds: float) -> float:
        """Widths that it moves in some time; one that was let go, only as far as a tap."""
        before = distance(self.age)
        self.age += seconds
        after = distance(self.age)
        return (after if self.held else max(before, min(after, TAP))) - before

    @property
    def done(self) -> bool:
        return not self.held and distance(self.age) >= TAP


class Motion:
    """The keys that move the view now; times in seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._keys: dict[Way, _Key] = {}
        self._last = 0.0

    @property
    def resting(self) -> bool:
        """Whether nothing moves."""
        return not self._keys

    def press(self, way: Way, now: float) -> None:
        """A key goes down."""
        if not self._keys:
            self._last = now
        key = self._keys.get(way)
        if key is None or key.done:
            self._keys[way] = _Key()
        else:  # tapped again before its way was over: it goes on
            key.held = True

    def release(self, way: Way) -> None:
        """A key goes up."""
        if way in self._keys:
            self._keys[way].held = False

    def stop(self) -> None:
        """All keys go up, and nothing moves on."""
        self._keys.clear()

    def step(self, now: float) -> tuple[float, float]:
        """What happened since the last step: widths to pan to the right, and the factor of the time seen."""
        seconds = min(max(now - self._last, 0.0), _LEAP)
        self._last = now
        moved = {way: key.advance(seconds) for way, key in self._keys.items()}
        self._keys = {way: key for way, key in self._keys.items() if not key.done}
        zoom = moved.get("zoom out", 0.0) - moved.get("zoom in", 0.0)
        return moved.get("pan right", 0.0) - moved.get("pan left", 0.0), math.exp(_ZOOM * zoom)


def distance(age: float) -> float:
    """Widths that a key has moved the view after some seconds."""
    ramp = min(age, _RAMP)
    return _SLOW * ramp + (_FAST - _SLOW) * ramp * ramp / (2 * _RAMP) + _FAST * (age - ramp)
