"""The ranges that were looked at, to go back and forward through, as through pages."""

from __future__ import annotations

Range = tuple[int, int]

_REST_NS = 700_000_000  # what moves on sooner is the same movement
_MOST = 200


class History:
    """A line of ranges (ns) and a place in it. A movement (wheel, drag) counts once, however many steps it has."""

    def __init__(self) -> None:
        self._line: list[Range] = []
        self._place = -1
        self._last = 0
        self._moving = False

    def note(self, shown: Range, now: int, *, moving: bool) -> None:
        """Note that `shown` is looked at since `now` (ns, of a clock that never goes back).

        `moving` steps that follow one another closely stand for one place, where they end.
        """
        if self._place >= 0 and self._line[self._place] == shown:
            return
        same = moving and self._moving and now - self._last < _REST_NS and self._place > 0
        del self._line[self._place + (0 if same else 1) :]
        self._line.append(shown)
        del self._line[:-_MOST]
        self._place = len(self._line) - 1
        self._last, self._moving = now, moving

    def step(self, by: int) -> Range | None:
        """Go back (-1) or forward (1); None at the ends."""
        place = self._place + by
        if not 0 <= place < len(self._line):
            return None
        self._place, self._moving = place, False
        return self._line[place]
