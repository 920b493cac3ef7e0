"""Which part of a growing session is shown while it is followed."""

from __future__ import annotations

_AT_MOST = 60 * 10**9  # ns: a longer session is followed by its newest minute
_FROM, _TO = 0.6, 0.98  # the newest may stand in this part of the range before the range moves
_ROOM = 0.82  # where it stands after the range moved


def followed(shown: tuple[int, int], first: int, last: int, *, span: int | None, growing: bool) -> tuple[int, int]:
    """The range to show, ns, for a session `first..last`.

    `span` is how much the user wants to see (None: all, or the newest minute). Nothing `growing` any more, all is
    fitted exactly; else the range moves in leaps, so that the picture is at rest most of the time.
    """
    whole = last - first
    if span is None and not growing:
        return _airy(first, last)
    if span is None and whole <= _AT_MOST:
        t0, t1 = shown
        width = t1 - t0
        at_start = t1 > t0 and t0 <= first and first - t0 <= 0.1 * width
        if at_start and t0 + _FROM * width * 0.5 <= last <= t0 + _TO * width:
            return shown
        return _airy(first, first + max(round(whole / _ROOM), 100_000_000))
    width = span if span is not None else _AT_MOST
    if shown[1] - shown[0] == width and shown[0] + round(_FROM * width) <= last <= shown[0] + round(_TO * width):
        return shown
    t0 = last - round(_ROOM * width)
    return t0, t0 + width


def _airy(first: int, last: int) -> tuple[int, int]:
    air = max((last - first) // 50, 5)
    return first - air, last + air
