"""Draw lists that were made already: a viewport that only moved in time is painted from the same one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from flowscope_app.timeline.drawlist import DrawList, Stretch
from flowscope_app.timeline.viewport import Viewport

_MOST = 8  # lists kept; each is some hundred kilobytes at most
_PARTS = 4  # a viewport's width is so many pages


class DrawLists:
    """The last draw lists, by what they were made of and by their normalised viewport: whole pages of time.

    While one zooms, or spans come in, no list serves a second frame, and none reaches further than it must. From the
    second frame of the same state on, lists do: by the pages that the viewport touches.
    """

    def __init__(self) -> None:
        self._lists: OrderedDict[tuple[object, ...], DrawList] = OrderedDict()
        self._state: tuple[object, ...] = ()

    def of(
        self, state: tuple[object, ...], view: Viewport, origin: int, make: Callable[[Stretch], DrawList]
    ) -> DrawList:
        """The list for a viewport. `state` is all else that it depends on, the time seen and the width among it."""
        if state != self._state:
            self._state = state
            return make((view.t0, view.t1))
        page = max(1, view.span // _PARTS)
        first, last = (view.t0 - origin) // page, -((origin - view.t1) // page)
        found = self._lists.get((state, first, last))
        if found is None:
            found = self._lists[state, first, last] = make((origin + first * page, origin + last * page))
            while len(self._lists) > _MOST:
                self._lists.popitem(last=False)
        self._lists.move_to_end((state, first, last))
        return found
